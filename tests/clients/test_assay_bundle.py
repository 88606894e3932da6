"""A reader with the zip and the root certificate sees every change, and trusts nobody else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import assay_bundle
from audits.reports import bundle
from registry.keys import Keyring, Purpose

FILES = {"report.pdf": b"%PDF-1.7 sealed", "evidence.json": b"{}", "VERIFY.md": b"# How to verify"}
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.open(tmp_path_factory.mktemp("ours") / "keys", create=True)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.open(tmp_path_factory.mktemp("theirs") / "keys", create=True)


def packed(keyring: Keyring, files: dict[str, bytes] = FILES) -> bytes:
    return bundle.write(files, facts={"report": "AR-1"}, key=keyring.seal_key, chain=keyring.chains[Purpose.SEAL])


def verified(tmp_path: Path, content: bytes, trusted: Keyring, *more: str) -> int:
    path, trust = tmp_path / "bundle.zip", tmp_path / "ca.pem"
    path.write_bytes(content)
    trust.write_bytes(trusted.anchor_pem)
    return assay_bundle.main([str(path), "--trust", str(trust), *more])


def changed(content: bytes, change: Change) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, part in files.items():
            made.writestr(name, part)
    return buffer.getvalue()


def test_a_bundle_as_packed_is_authentic(tmp_path: Path, ours: Keyring, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(tmp_path, packed(ours), ours, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"] == sorted(FILES)
    assert answer["about"] == {"report": "AR-1"}


def test_the_same_files_have_the_same_bytes_in_the_zip(ours: Keyring) -> None:
    first, second = packed(ours), packed(ours, dict(reversed(FILES.items())))
    strip = {bundle.MANIFEST: b""}
    assert changed(first, lambda files: files.update(strip)) == changed(second, lambda files: files.update(strip))


def resign(files: dict[str, bytes], other: Keyring) -> None:
    files["report.pdf"] = b"%PDF-1.7 forged"
    body = {name: part for name, part in files.items() if not name.startswith("MANIFEST")}
    files[bundle.MANIFEST] = bundle.member(packed(other, body), bundle.MANIFEST)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda f: f.update({"evidence.json": b"{ }"}), "evidence.json was changed", id="changed"),
        pytest.param(lambda f: f.pop("VERIFY.md"), "VERIFY.md was taken away", id="taken"),
        pytest.param(lambda f: f.update({"more.txt": b""}), "more.txt was added", id="added"),
        pytest.param(lambda f: f.pop(bundle.MANIFEST), "the manifest has no", id="no-manifest"),
        pytest.param(lambda f: f.pop(bundle.CHAIN), "certificates of the manifest", id="no-certificates"),
        pytest.param(lambda f: f.update({bundle.MANIFEST: b"{]"}), "cannot be read", id="broken-manifest"),
    ],
)
def test_every_change_is_seen_and_named(
    tmp_path: Path, ours: Keyring, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verified(tmp_path, changed(packed(ours), change), ours) == 1
    assert said in capsys.readouterr().out


def test_a_manifest_signed_by_somebody_else_under_our_certificates_is_tampered(
    tmp_path: Path, ours: Keyring, theirs: Keyring
) -> None:
    assert verified(tmp_path, changed(packed(ours), lambda files: resign(files, theirs)), ours) == 1


def test_a_whole_bundle_of_somebody_else_is_not_trusted(tmp_path: Path, ours: Keyring, theirs: Keyring) -> None:
    assert verified(tmp_path, packed(theirs), ours) == 2
    assert verified(tmp_path, packed(theirs), theirs) == 0


def test_a_certificate_that_may_not_issue_others_issues_nothing(tmp_path: Path, ours: Keyring) -> None:
    """A holder of a mere seal certificate cannot make further sealers."""
    leaf = ours.chains[Purpose.SEAL][0]
    forged = bundle.write(FILES, facts={}, key=ours.seal_key, chain=(leaf, leaf))
    assert verified(tmp_path, forged, ours) == 1


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_what_is_no_zip_is_never_authentic(tmp_path: Path, ours: Keyring, content: bytes) -> None:
    assert verified(tmp_path, content, ours) != 0


def test_two_files_of_one_name_are_tampered(tmp_path: Path, ours: Keyring) -> None:
    buffer = io.BytesIO(packed(ours))
    with zipfile.ZipFile(buffer, "a") as more, pytest.warns(UserWarning, match="Duplicate name"):
        more.writestr("report.pdf", b"%PDF-1.7 another")
    assert verified(tmp_path, buffer.getvalue(), ours) == 1


def test_a_trust_file_without_a_certificate_answers_nothing(tmp_path: Path, ours: Keyring) -> None:
    (tmp_path / "bundle.zip").write_bytes(packed(ours))
    (tmp_path / "ca.pem").write_text("nothing")
    assert assay_bundle.main([str(tmp_path / "bundle.zip"), "--trust", str(tmp_path / "ca.pem")]) == 2


def test_a_member_that_is_not_there_is_named(ours: Keyring) -> None:
    with pytest.raises(bundle.BundleError, match=r"holds no secret\.txt"):
        bundle.member(packed(ours), "secret.txt")
    with pytest.raises(bundle.BundleError, match="cannot be read"):
        bundle.member(b"no zip", "report.pdf")
