"""Signed notes, checkpoints and receipts: the vectors of others, and every way to forge one."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import AssayError
from registry.merkle import Frontier, ProofError, append_nodes, inclusion_proof, leaf_hash, root
from registry.notes import (
    Checkpoint,
    NoteError,
    NoteKey,
    NoteSigner,
    Receipt,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)

# The key and the note in the tests of Go's golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of the C2SP signed-note text; its key is not published, its form is.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3"
    "ZekRwNtIc=\n"
)

LOG = NoteSigner("log.example/assay", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = NoteSigner("log.example/assay", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
HEAD = Checkpoint("log.example/assay", 3, Frontier([leaf_hash(b"%d" % n) for n in range(3)]).root())


def test_the_signature_of_the_reference_implementation_is_ours_byte_for_byte() -> None:
    signer = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
    assert signer.key.encoded == VKEY
    assert sign_note(TEXT, signer) == SIGNED


def test_the_note_of_the_reference_implementation_opens() -> None:
    assert open_note(SIGNED, [NoteKey.parse(VKEY)]) == TEXT


def test_a_text_with_empty_lines_ends_at_the_last_one() -> None:
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(QUASIMODO, [NoteKey.parse(VKEY)])
    poem = "Ognuno sta solo\n\ned è subito sera.\n"
    assert open_note(sign_note(poem, LOG), [LOG.key]) == poem


@pytest.mark.parametrize("at", range(len(VKEY)))
def test_no_mangled_key_is_read(at: int) -> None:
    with pytest.raises(NoteError):
        NoteKey.parse(VKEY[:at])
    with pytest.raises(NoteError):
        NoteKey.parse(VKEY[:at] + chr(ord(VKEY[at]) + 1) + VKEY[at + 1 :])


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        (SIGNED.replace("cryptography", "cryptographY"), "not one over this text"),
        (SIGNED[:-1], "end with a newline"),
        (TEXT, "an empty line and its signatures"),
        (TEXT + "\n", "an empty line and its signatures"),
        (SIGNED + "\n", "an empty line and its signatures"),
        (SIGNED.replace("— ", "- "), "malformed"),
        (SIGNED.replace("PeterNeumann x08", "PeterNeumann  x08"), "not base64"),
        (SIGNED.replace("JnAM=", "JnAM"), "not base64"),
        (SIGNED.replace("JnAM=", "JnAN="), "one spelling"),
        (SIGNED.replace("If you", "If\tyou"), "control character"),
        (SIGNED.replace("If you", "If\x00you"), "control character"),
        (SIGNED.replace("\n", "\r\n"), "control character"),
        (TEXT + "\n— PeterNeumann x08gow==\n", "too short"),
        ("x" * (1 << 20) + SIGNED, "longer than"),
        (SIGNED + SIGNED.splitlines(keepends=True)[-1] * 100, "an empty line and its signatures"),
    ],
)
def test_a_note_that_is_not_exactly_as_signed_is_refused(note: str, problem: str) -> None:
    with pytest.raises(NoteError, match=problem):
        open_note(note, [NoteKey.parse(VKEY)])


def test_signatures_of_strangers_neither_help_nor_hurt() -> None:
    assert open_note(sign_note(TEXT, WITNESS, LOG), [LOG.key]) == TEXT
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(sign_note(TEXT, WITNESS), [LOG.key])


def test_a_key_of_the_same_name_is_a_stranger() -> None:
    with pytest.raises(NoteError, match="no trusted key"):
        open_note(sign_note(TEXT, OTHER), [LOG.key])


def test_one_wrong_signature_of_a_trusted_key_spoils_the_note() -> None:
    good, wrong = sign_note(TEXT, LOG), WITNESS.line("another text\n")
    with pytest.raises(NoteError, match=r"witness\.example"):
        open_note(good + wrong, [LOG.key, WITNESS.key])


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "null\x00\n", "\r\n"])
def test_no_note_is_made_of_a_text_that_none_may_hold(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, LOG)


def test_a_note_needs_a_signer() -> None:
    with pytest.raises(NoteError, match="needs a signer"):
        sign_note(TEXT)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\n"])
def test_a_key_name_that_would_break_a_line_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        NoteKey(name, bytes(32))


def test_a_checkpoint_is_read_back_as_signed() -> None:
    assert open_checkpoint(sign_checkpoint(HEAD, LOG, WITNESS), LOG.key, witnesses=[WITNESS.key]) == HEAD
    extended = Checkpoint(HEAD.origin, HEAD.size, HEAD.root, ("an extension",))
    assert open_checkpoint(sign_checkpoint(extended, LOG), LOG.key) == extended


def test_a_witness_alone_makes_no_checkpoint() -> None:
    with pytest.raises(NoteError, match="no trusted key"):
        open_checkpoint(sign_checkpoint(HEAD, WITNESS), LOG.key, witnesses=[WITNESS.key])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("log.example/other", HEAD.size, HEAD.root)
    with pytest.raises(NoteError, match=r"not of log\.example/assay"):
        open_checkpoint(sign_checkpoint(other, LOG), LOG.key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n3\n",
        "log\n03\n" + "A" * 43 + "=\n",
        "log\n-3\n" + "A" * 43 + "=\n",
        "log\n+3\n" + "A" * 43 + "=\n",
        "log\n\u0663\n" + "A" * 43 + "=\n",
        "log\n3\nAAAA\n",
        "log\n3\n" + "A" * 43 + "=\n\n",
        "log\n3\n" + "A" * 43 + "=",
        "\n3\n" + "A" * 43 + "=\n",
    ],
)
def test_a_body_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def _receipt(index: int, size: int, extra: bytes = b"") -> tuple[Receipt, bytes]:
    nodes: dict[tuple[int, int], bytes] = {}

    def read(level: int, position: int) -> bytes:
        return nodes[level, position]

    for number in range(size):
        nodes.update({(level, at): value for level, at, value in append_nodes(number, leaf_hash(b"%d" % number), read)})
    note = sign_checkpoint(Checkpoint("log.example/assay", size, root(size, read)), LOG)
    return Receipt(index, tuple(inclusion_proof(index, size, read)), note, extra), b"%d" % index


@given(st.integers(1, 40), st.data())
def test_a_receipt_survives_its_text_and_proves_its_entry(size: int, data: st.DataObject) -> None:
    receipt, body = _receipt(data.draw(st.integers(0, size - 1)), size, data.draw(st.binary(max_size=20)))
    assert Receipt.parse(receipt.text) == receipt
    assert Receipt.parse(receipt.text).verify(body, LOG.key).size == size


def test_a_receipt_has_the_published_form() -> None:
    receipt, _ = _receipt(1, 2, b"extra information")
    sibling = base64.b64encode(leaf_hash(b"0")).decode()
    assert receipt.text == (
        f"c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 1\n{sibling}\n\n{receipt.checkpoint}"
    )
    alone, _ = _receipt(0, 1)
    assert alone.text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{alone.checkpoint}"


def test_a_receipt_proves_no_other_entry_and_no_other_body() -> None:
    receipt, body = _receipt(2, 7)
    other, other_body = _receipt(3, 7)
    with pytest.raises(ProofError):
        receipt.verify(other_body, LOG.key)
    with pytest.raises(ProofError):
        Receipt(3, receipt.proof, receipt.checkpoint).verify(body, LOG.key)
    with pytest.raises(ProofError):
        Receipt(2, other.proof, receipt.checkpoint).verify(body, LOG.key)


@given(st.data())
def test_no_change_of_one_character_leaves_a_receipt_standing(data: st.DataObject) -> None:
    receipt, body = _receipt(2, 7)
    text = receipt.text
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters(codec="utf-8").filter(lambda new: new != text[at])) + text[at + 1 :]
    with pytest.raises(AssayError):
        Receipt.parse(changed).verify(body, LOG.key)


@pytest.mark.parametrize(
    "text",
    ["", "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", "c2sp.org/tlog-proof@v1\n\nx",
     "c2sp.org/tlog-proof@v1\nindex 00\n\nx", "c2sp.org/tlog-proof@v1\nindex 0\n???\n\nx"],
)  # fmt: skip
def test_a_text_that_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Receipt.parse(text)
