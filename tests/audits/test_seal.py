"""The seal: readers we did not write accept it, and nothing unfit is sealed or released."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import tsp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from weasyprint import HTML

from audits.reports.errors import SealError
from audits.reports.seal import check_seal, seal_pdf
from audits.reports.seal_parts import parts_of
from audits.reports.timestamps import OwnTimeStamper
from registry.keys import Keyring, Purpose
from tests.programs import needs

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.open(tmp_path_factory.mktemp("seal") / "keys", create=True)


@pytest.fixture(scope="module")
def plain() -> bytes:
    page = "<html lang=en><title>Report</title><h1>Report</h1><p>Maya requests production.</p></html>"
    return bytes(HTML(string=page).write_pdf(pdf_variant="pdf/ua-1"))


@pytest.fixture(scope="module")
def sealed(plain: bytes, keyring: Keyring) -> bytes:
    return seal_pdf(plain, keyring=keyring, reason="Gate audit report")


def test_the_report_is_untouched_before_the_seal(plain: bytes, sealed: bytes) -> None:
    assert sealed.startswith(plain)


def test_the_seal_says_who_and_when(sealed: bytes, keyring: Keyring) -> None:
    facts = check_seal(sealed, roots=[keyring.root])
    assert "DEVELOPMENT" in facts.signer
    assert NOW - dt.timedelta(seconds=1) <= facts.sealed_at <= dt.datetime.now(dt.UTC)
    assert facts.field_name == "AssaySeal"


def test_everything_came_in_one_revision_and_nothing_is_drawn(plain: bytes, sealed: bytes) -> None:
    reader = PdfFileReader(BytesIO(sealed))
    assert reader.xrefs.total_revisions == PdfFileReader(BytesIO(plain)).xrefs.total_revisions + 1
    (signature,) = reader.embedded_signatures
    assert [float(edge) for edge in signature.sig_field["/Rect"]] == [0, 0, 0, 0]
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert len(reader.root["/DSS"]["/CRLs"]) >= 2


def test_sealing_takes_a_moment_and_not_seconds(plain: bytes, keyring: Keyring) -> None:
    # The encoder of the timestamp token has been seen to take 7 to 30 s where it re-encodes at every look.
    start = time.process_time()
    for _ in range(3):
        seal_pdf(plain, keyring=keyring, reason="again")
    assert time.process_time() - start < 3


def test_sealing_works_where_an_event_loop_runs_already(plain: bytes, keyring: Keyring) -> None:
    async def inside() -> bytes:
        return seal_pdf(plain, keyring=keyring, reason="inside a loop")

    check_seal(asyncio.run(inside()), roots=[keyring.root])


@needs("pdfsig")
def test_pdfsig_says_valid_and_total(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(sealed)
    said = subprocess.run(["pdfsig", "report.pdf"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "Certificate is Trusted" not in said


@needs("pdfsig", "certutil")
def test_pdfsig_trusts_it_once_the_root_is_trusted(sealed: bytes, keyring: Keyring, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(sealed)
    (tmp_path / "ca.pem").write_bytes(keyring.anchor_pem)
    (tmp_path / "nss").mkdir()
    for command in (
        ["certutil", "-N", "-d", "sql:nss", "--empty-password"],
        ["certutil", "-A", "-d", "sql:nss", "-n", "root", "-t", "C,C,C", "-i", "ca.pem"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    command = ["pdfsig", "-nssdir", "sql:nss", "report.pdf"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    for words in ("Signature is Valid.", "Total document signed", "Certificate is Trusted."):
        assert words in said


@needs("openssl")
@pytest.mark.parametrize("tampered", [False, True])
def test_openssl_verifies_the_cades_signature(
    sealed: bytes,
    keyring: Keyring,
    tmp_path: Path,
    tampered: bool,  # noqa: FBT001
) -> None:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", sealed)
    assert found
    _, first, second, _ = map(int, found.groups())
    (tmp_path / "signature.der").write_bytes(bytes.fromhex(sealed[first + 1 : second - 1].decode()))
    (tmp_path / "content").write_bytes(sealed[:first] + sealed[second:] + b" " * tampered)
    (tmp_path / "ca.pem").write_bytes(keyring.anchor_pem)
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "signature.der"]
    command += ["-content", "content", "-CAfile", "ca.pem", "-out", "verified"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) is not tampered, ran.stderr


@needs("openssl")
def test_openssl_reads_each_part_of_a_seal(sealed: bytes, keyring: Keyring, tmp_path: Path) -> None:
    """Timestamp, chain and revocation lists as files, with no program of ours and no reader of PDF."""
    for name, content in {**parts_of(sealed), "ca.pem": keyring.anchor_pem}.items():
        (tmp_path / name).write_bytes(content)

    def openssl(*words: str) -> str:
        ran = subprocess.run(["openssl", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    stamp = ("ts", "-verify", "-token_in", "-in", "seal.tst", "-CAfile", "ca.pem", "-untrusted", "seal.chain.pem")
    assert "Verification: OK" in openssl(*stamp, "-data", "seal.signature")
    assert "Verification: FAILED" in openssl(*stamp, "-data", "seal.p7s")
    judged = ("verify", "-crl_check_all", "-CAfile", "ca.pem", "-untrusted", "seal.chain.pem", "-CRLfile")
    assert openssl(*judged, "seal.crls.pem", "seal.chain.pem") == "seal.chain.pem: OK\n"
    assert "unable to get certificate CRL" in openssl(*judged[:-1], "seal.chain.pem")


def test_a_file_without_a_seal_has_no_parts(plain: bytes) -> None:
    with pytest.raises(SealError, match="exactly one signature"):
        parts_of(plain)


@pytest.mark.parametrize("content", [b"", b"not a PDF", b"%PDF-1.7\n%%EOF"])
def test_what_is_no_pdf_is_not_sealed(content: bytes, keyring: Keyring) -> None:
    with pytest.raises(SealError):
        seal_pdf(content, keyring=keyring, reason="nothing")


def test_no_file_is_sealed_twice(sealed: bytes, keyring: Keyring) -> None:
    with pytest.raises(SealError, match="already"):
        seal_pdf(sealed, keyring=keyring, reason="again", field_name="Another")


def test_a_file_of_another_authority_is_refused(sealed: bytes, tmp_path: Path) -> None:
    other = Keyring.open(tmp_path / "keys", create=True)
    with pytest.raises(SealError, match="not trusted"):
        check_seal(sealed, roots=[other.root])


def test_a_seal_by_another_certificate_of_the_same_authority_is_refused(sealed: bytes, keyring: Keyring) -> None:
    with pytest.raises(SealError, match="another certificate"):
        check_seal(sealed, roots=[keyring.root], seal=keyring.chains[Purpose.TIMESTAMP][0])


def test_an_update_after_the_seal_is_refused(sealed: bytes, keyring: Keyring) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(sealed))
    writer.root["/Changed"] = writer.root["/Type"]
    writer.update_root()
    changed = BytesIO()
    writer.write(changed)
    with pytest.raises(SealError):
        check_seal(changed.getvalue(), roots=[keyring.root])


def test_nothing_is_sealed_with_a_certificate_that_has_expired(plain: bytes, keyring: Keyring) -> None:
    with pytest.raises(SealError):
        seal_pdf(plain, keyring=keyring, reason="too late", now=NOW + dt.timedelta(days=800))


class _Authority(BaseHTTPRequestHandler):
    """A timestamp authority over HTTP. `lie` makes it stamp another digest than the one it was asked for."""

    keyring: Keyring
    lie = False

    def do_POST(self) -> None:
        request = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
        if self.lie:
            request["message_imprint"]["hashed_message"] = b"\x00" * 32
        stamper = OwnTimeStamper(self.keyring, dt.datetime.now(dt.UTC))
        answer = asyncio.run(stamper.async_request_tsa_response(request)).dump()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def authority(keyring: Keyring) -> Iterator[str]:
    _Authority.keyring, _Authority.lie = keyring, False
    server = HTTPServer(("127.0.0.1", 0), _Authority)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_authority_on_the_network_stamps_it(authority: str, plain: bytes, keyring: Keyring) -> None:
    sealed = seal_pdf(plain, keyring=keyring, reason="stamped elsewhere", tsa_url=authority)
    assert abs(check_seal(sealed, roots=[keyring.root]).sealed_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_an_authority_that_stamps_something_else_is_caught(authority: str, plain: bytes, keyring: Keyring) -> None:
    _Authority.lie = True
    with pytest.raises(SealError, match="another digest"):
        seal_pdf(plain, keyring=keyring, reason="lied to", tsa_url=authority)


def test_an_authority_that_is_not_there_leaves_nothing_sealed(plain: bytes, keyring: Keyring) -> None:
    with pytest.raises(SealError):
        seal_pdf(plain, keyring=keyring, reason="nobody", tsa_url="http://127.0.0.1:9/")
