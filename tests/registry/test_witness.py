"""The rules of C2SP tlog-witness, and cosignatures that others can verify."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry import merkle
from registry.cosignatures import WitnessKey
from registry.notes import Checkpoint, NoteError, NoteKey, NoteSigner, sign_checkpoint
from registry.witness import Answer, Witness, request_body, serve

ORIGIN = "log.example/one"
SIGNER = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())


class Log:
    """A log whose leaves begin with `salt`: another salt is another history."""

    def __init__(self, salt: bytes = b"") -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.salt = salt

    def at(self, size: int, signer: NoteSigner = SIGNER) -> str:
        for index in range(size):
            leaf = merkle.leaf_hash(self.salt + str(index).encode())
            for level, position, value in merkle.append_nodes(index, leaf, self.read):
                self.nodes[level, position] = value
        return sign_checkpoint(Checkpoint(signer.name, size, merkle.root(size, self.read)), signer)

    def read(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]

    def request(self, old: int, new: int) -> bytes:
        note = self.at(new)
        return request_body(old, merkle.consistency_proof(old, new, self.read) if 0 < old < new else [], note)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path, "witness.example/w", {ORIGIN: SIGNER.key}, clock=lambda: 1_700_000_000.9)


def text_of(note: str) -> str:
    return note.rpartition("\n\n")[0] + "\n"


def test_a_growing_log_is_cosigned_at_each_step(witness: Witness) -> None:
    log = Log()
    for old, new in ((0, 3), (3, 3), (3, 7), (7, 130)):
        answer = witness.add_checkpoint(log.request(old, new))

        assert answer.status == 200, answer
        assert witness.key.verify(answer.text, text_of(log.at(new))) == 1_700_000_000


def test_a_cosignature_of_one_checkpoint_is_none_of_another(witness: Witness) -> None:
    log = Log()
    line = witness.add_checkpoint(log.request(0, 3)).text

    with pytest.raises(NoteError):
        witness.key.verify(line, text_of(log.at(4)))
    with pytest.raises(NoteError):
        WitnessKey("witness.example/other", witness.key.public).verify(line, text_of(log.at(3)))


def test_a_stale_old_size_is_told_the_size_that_is_known(witness: Witness) -> None:
    log = Log()
    witness.add_checkpoint(log.request(0, 5))

    assert witness.add_checkpoint(log.request(3, 7)) == Answer(409, "5\n", "text/x.tlog.size")  # type: ignore[arg-type]


def test_a_fork_is_refused(witness: Witness) -> None:
    witness.add_checkpoint(Log().request(0, 5))

    assert witness.add_checkpoint(Log(b"other").request(5, 9)).status == 422


def test_two_trees_of_one_size_are_a_conflict(witness: Witness) -> None:
    witness.add_checkpoint(Log().request(0, 5))

    assert witness.add_checkpoint(Log(b"other").request(5, 5)).status == 409


def test_a_log_that_shrinks_is_refused(witness: Witness) -> None:
    log = Log()
    witness.add_checkpoint(log.request(0, 5))

    assert witness.add_checkpoint(log.request(5, 3)).status == 400
    assert witness.add_checkpoint(log.request(3, 3)).status == 409


def test_an_unknown_log_and_a_strange_key_are_refused(witness: Witness) -> None:
    stranger = NoteSigner("log.example/two", Ed25519PrivateKey.generate())
    impostor = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())

    assert witness.add_checkpoint(request_body(0, [], Log().at(3, stranger))).status == 404
    assert witness.add_checkpoint(request_body(0, [], Log().at(3, impostor))).status == 403


@pytest.mark.parametrize("body", [b"", b"old", b"old x\n\n", b"old 1\nno base64!\n\nnote", b"\xff\n\n", b"old 0\n"])
def test_what_is_no_request_is_refused(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


def test_an_empty_log_needs_no_proof(witness: Witness) -> None:
    note = Log().at(3)

    assert witness.add_checkpoint(request_body(0, [bytes(32)], note)).status == 422


def test_it_remembers_after_a_restart(witness: Witness) -> None:
    witness.add_checkpoint(Log().request(0, 5))
    again = Witness(witness.folder, witness.name, witness.logs)

    assert again.key == witness.key
    assert again.add_checkpoint(Log(b"other").request(0, 5)).status == 409


def test_it_signs_nothing_that_it_could_not_write_down(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("registry.witness.os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            witness.add_checkpoint(Log().request(0, 5))

    assert not (witness.folder / "state.json").exists()


def test_its_memory_holds_size_and_root_only(witness: Witness) -> None:
    witness.add_checkpoint(Log().request(0, 5))

    assert json.loads((witness.folder / "state.json").read_text())[ORIGIN]["size"] == 5
    assert (witness.folder / "witness.key.pem").stat().st_mode & 0o077 == 0


@pytest.fixture
def address(witness: Witness) -> Iterator[str]:
    server = serve(witness, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def post(url: str, body: bytes) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_answers_over_http(address: str, witness: Witness) -> None:
    log = Log()
    status, line = post(f"{address}/add-checkpoint", log.request(0, 5))

    assert status == 200
    assert witness.key.verify(line, text_of(log.at(5)))
    assert post(f"{address}/add-checkpoint", log.request(0, 5)) == (409, "5\n")
    assert post(f"{address}/elsewhere", b"")[0] == 404
    assert post(f"{address}/add-checkpoint", bytes(1 << 17))[0] == 413


def test_a_key_is_read_back_as_it_was_written(witness: Witness) -> None:
    assert WitnessKey.parse(witness.key.encoded) == witness.key
    for wrong in ("", "name", SIGNER.key.encoded, witness.key.encoded.replace("witness", "other")):
        with pytest.raises(NoteError):
            WitnessKey.parse(wrong)
    with pytest.raises(NoteError):
        NoteKey.parse(witness.key.encoded)
