"""An endpoint that asks who is calling, over real TLS: who gets the secret, who does not, and nobody records it."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import logging
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audits.confinement import stripped_environment
from audits.measurements import ObservationStatus
from governance.service.system_checks import endpoint_credentials_are_usable
from registry.credentials import CredentialError, credential_for, read_credential
from registry.endpoints import Endpoint
from registry.errors import InvalidInputError
from tests.audits.checks.scorers.test_endpoint import Handler, Server, asked, honest, raw, refused, registered

TOKEN = "sesame-0123456789"
ADDRESS = "https://127.0.0.1:{port}/invocations"
HERE = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Authority:
    """A private authority, made for this test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private Authority")])
        self.certificate = self._signed(self.name, self.key, [], NOW + DAY, authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, alternatives: Any = (), until: dt.datetime = NOW + DAY) -> tuple[Path, Path]:
        """(certificate, key) as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key, alternatives, until)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        paths[1].chmod(0o600)
        return paths

    def _signed(self, subject: Any, key: Any, alternatives: Any, until: Any, *, authority: bool = False) -> Any:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 10 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if authority:
            usage = dict.fromkeys(
                (
                    "digital_signature",
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            built = built.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        if alternatives:
            built = built.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return built.sign(self.key, hashes.SHA256())


def admits(secret: str, *, then: Any = honest) -> Any:
    """Answers who shows the secret, and 401 to everybody else; remembers what was shown."""

    def mood(handler: Handler, body: bytes) -> None:
        server: Any = handler.server
        server.shown.append(handler.headers.get("Authorization"))
        if handler.headers.get("Authorization") == secret:
            then(handler, body)
        else:
            handler.reply(b"", status=401)

    return mood


class Guarded(Server):
    """A scoring server with TLS."""

    def __init__(self, certificate: tuple[Path, Path], clients: Path | None = None) -> None:
        super().__init__()
        self.shown: list[str | None] = []
        self.mood = admits(f"Bearer {TOKEN}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def address(self) -> str:
        return ADDRESS.format(port=self.server_port)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    made = tmp_path / "credentials"
    made.mkdir()
    settings.ASSAY_ENDPOINT_CREDENTIALS = str(made)
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    return made


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture
def guarded(authority: Authority) -> Iterator[Guarded]:
    with Guarded(authority.issue("server", HERE)) as made:
        yield made
        made.shutdown()


def kept(folder: Path, url: str, name: str = "scoring", **entries: Any) -> None:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"url": url, "authority": "authority.pem", **entries}))
    path.chmod(0o600)


def measured(tmp_path: Path, url: str, credential: str = "scoring") -> Any:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return asked(work, url, credential=credential)


# Admitted -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "header"),
    [
        ({"bearer": TOKEN}, f"Bearer {TOKEN}"),
        (
            {"basic": {"username": "assay", "password": TOKEN}},
            "Basic " + base64.b64encode(f"assay:{TOKEN}".encode()).decode(),
        ),
    ],
)
def test_the_service_is_admitted_and_nothing_it_records_or_says_holds_the_secret(
    guarded: Guarded,
    folder: Path,
    entries: dict[str, Any],
    header: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guarded.mood = admits(header)
    kept(folder, guarded.address, **entries)
    with caplog.at_level(logging.DEBUG):
        result = measured(tmp_path, guarded.address)
    assert result.status is ObservationStatus.MEASURED, result.message
    assert set(guarded.shown) == {header}
    [told] = result.environment["endpoints"].values()
    assert told["credential"] == "scoring"
    for secret in (TOKEN, header.split()[1]):
        assert secret not in json.dumps(result.to_document(), default=str)
        assert secret not in caplog.text
        assert secret not in repr(read_credential("scoring"))
        assert secret not in json.dumps(stripped_environment(str(folder)))
    assert "ASSAY_ENDPOINT_CREDENTIALS" not in stripped_environment(str(folder))


def test_a_client_certificate_is_shown_where_the_server_asks_for_one(
    authority: Authority, folder: Path, tmp_path: Path
) -> None:
    certificate, key = authority.issue("assay")
    with Guarded(authority.issue("server", HERE), clients=authority.path) as server:
        server.mood = honest
        kept(folder, server.address)
        refused(measured(tmp_path, server.address), "did not answer: .*(certificate required|reset|EOF)")
        assert server.asked == 0
        kept(folder, server.address, certificate=certificate.name, key=key.name)
        assert measured(tmp_path, server.address).status is ObservationStatus.MEASURED
        server.shutdown()


def test_on_this_host_in_development_it_may_go_without_tls(folder: Path, tmp_path: Path, settings: Any) -> None:
    settings.DEVELOPMENT = True
    with Server() as plain:
        plain.shown = []  # type: ignore[attr-defined]
        plain.mood = admits(f"Bearer {TOKEN}")
        threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{plain.server_port}/invocations"
        kept(folder, url, bearer=TOKEN)
        assert measured(tmp_path, url).status is ObservationStatus.MEASURED
        settings.DEVELOPMENT = False
        before = len(plain.shown)  # type: ignore[attr-defined]
        refused(measured(tmp_path, url), "credential scoring is not sent without TLS")
        assert len(plain.shown) == before  # type: ignore[attr-defined]
        plain.shutdown()


# Refused --------------------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_an_error_that_says_so(guarded: Guarded, folder: Path, tmp_path: Path) -> None:
    kept(folder, guarded.address, bearer="something-else")
    result = measured(tmp_path, guarded.address)
    refused(result, "status 401: it does not admit the credential scoring")
    assert "something-else" not in result.message


def test_a_version_without_a_credential_is_told_that_one_is_asked_for(folder: Path, tmp_path: Path) -> None:
    assert folder.is_dir()
    with Server() as plain:
        plain.mood = raw(b"", status=401)
        threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{plain.server_port}/invocations"
        refused(measured(tmp_path, url, credential=""), "asks for a credential, and the registered file names none")
        plain.shutdown()


def test_a_private_authority_is_trusted_only_where_a_credential_names_it(
    guarded: Guarded, folder: Path, tmp_path: Path
) -> None:
    kept(folder, guarded.address, bearer=TOKEN)
    refused(measured(tmp_path, guarded.address, credential=""), "certificate verify failed")
    assert guarded.asked == 0


@pytest.mark.parametrize(
    ("alternatives", "until", "words"),
    [
        (HERE, NOW - DAY, "certificate has expired"),
        ([x509.DNSName("models.example")], NOW + DAY, "IP address mismatch|doesn't match|mismatch"),
    ],
)
def test_a_server_that_is_not_who_it_should_be_is_told_nothing(
    alternatives: Any, until: Any, words: str, authority: Authority, folder: Path, tmp_path: Path
) -> None:
    with Guarded(authority.issue("server", alternatives, until)) as server:
        kept(folder, server.address, bearer=TOKEN)
        refused(measured(tmp_path, server.address), words)
        assert (server.asked, server.shown) == (0, [])
        server.shutdown()


def test_another_authority_than_the_named_one_is_not_trusted(guarded: Guarded, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (folder / "foreign.pem").write_bytes(Authority(other).path.read_bytes())
    kept(folder, guarded.address, bearer=TOKEN, authority="foreign.pem")
    refused(measured(tmp_path, guarded.address), "certificate verify failed")
    assert guarded.shown == []


def test_a_redirect_is_not_followed_with_the_secret(
    guarded: Guarded, authority: Authority, folder: Path, tmp_path: Path
) -> None:
    with Guarded(authority.issue("thief", HERE)) as thief:
        guarded.mood = admits(f"Bearer {TOKEN}", then=raw(b"", status=307, Location=thief.address))
        kept(folder, guarded.address, bearer=TOKEN)
        refused(measured(tmp_path, guarded.address), "status 307")
        assert thief.asked == 0
        thief.shutdown()


def test_a_version_cannot_have_the_secret_sent_to_an_address_of_its_own(
    guarded: Guarded, folder: Path, tmp_path: Path
) -> None:
    """Otto registers his own server under the name of somebody else's credential."""
    kept(folder, "https://models.example/invocations", bearer=TOKEN)
    result = measured(tmp_path, guarded.address)
    refused(result, "credential scoring cannot be used: it is for another address")
    assert "models.example" not in result.message
    assert guarded.asked == 0


def test_an_answer_that_repeats_the_secret_is_refused_unread(guarded: Guarded, folder: Path, tmp_path: Path) -> None:
    guarded.mood = admits(f"Bearer {TOKEN}", then=raw(json.dumps({"headers": f"Bearer {TOKEN}"}).encode()))
    kept(folder, guarded.address, bearer=TOKEN)
    result = measured(tmp_path, guarded.address)
    refused(result, "repeats the credential in its answer")
    assert TOKEN not in result.message


# What is kept and what is registered ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "scoring.json cannot be read: No such file"),
        ("{", "is no JSON"),
        ('["x"]', "must hold url"),
        ('{"bearer": "0123456789"}', "must hold url"),
        ('{"url": "https://a.example/", "token": "0123456789"}', "must hold url, and of the rest only"),
        ('{"url": "https://a.example/"}', "must hold bearer or basic"),
        (
            '{"url": "u", "bearer": "0123456789", "basic": {"username": "a", "password": "b"}}',
            "must hold bearer or basic",
        ),
        ('{"url": "u", "certificate": "a.pem"}', "certificate with key"),
        ('{"url": "u", "bearer": "secret\\nX-Header: 1"}', "printable characters without a space"),
        ('{"url": "u", "bearer": "short"}', "8 to 4,096"),
        ('{"url": "u", "basic": {"username": "a"}}', "username and password"),
        ('{"url": "u", "basic": {"username": "a:b", "password": "c"}}', "the username no colon"),
        ('{"url": "u", "authority": "../../etc/passwd"}', "files in the same folder"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_start_and_in_use_without_its_content(
    content: str | None, words: str, folder: Path
) -> None:
    if content is not None:
        (folder / "scoring.json").write_text(content)
    with pytest.raises(CredentialError, match=words) as refusal:
        read_credential("scoring")
    assert "secret" not in str(refusal.value)
    assert [message.id for message in endpoint_credentials_are_usable()] == ["assay.E011"] * (content is not None)


def test_a_certificate_that_is_none_is_found_at_start(folder: Path) -> None:
    (folder / "authority.pem").write_text("nothing")
    kept(folder, "https://models.example/", bearer=TOKEN)
    [message] = endpoint_credentials_are_usable()
    assert message.id == "assay.E011"
    assert "authority cannot be read" in message.msg


def test_the_system_check_tells_of_a_missing_folder_and_of_secrets_everybody_can_read(
    folder: Path, authority: Authority, settings: Any
) -> None:
    assert authority.path.exists()
    kept(folder, "https://models.example/", bearer=TOKEN)
    assert endpoint_credentials_are_usable() == []
    (folder / "scoring.json").chmod(0o644)
    [message] = endpoint_credentials_are_usable()
    assert (message.id, "chmod 600" in (message.hint or "")) == ("assay.W003", True)
    settings.ASSAY_ENDPOINT_CREDENTIALS = str(folder / "nowhere")
    assert [message.id for message in endpoint_credentials_are_usable()] == ["assay.E011"]
    settings.ASSAY_ENDPOINT_CREDENTIALS = ""
    assert endpoint_credentials_are_usable() == []
    with pytest.raises(CredentialError, match="names no folder"):
        read_credential("scoring")


@pytest.mark.parametrize("name", ["../scoring", "Scoring", "a/b", "-a", "a" * 65, 7, None, ["scoring"]])
def test_a_name_that_could_lead_elsewhere_is_refused_when_it_is_registered(name: Any, tmp_path: Path) -> None:
    path = registered(tmp_path, "https://models.example/infer", credential=name).path
    assert path is not None
    with pytest.raises(InvalidInputError) as refusal:
        Endpoint.from_bytes(path.read_bytes())
    assert refusal.value.field == "credential"


def test_an_endpoint_that_names_no_credential_has_none(tmp_path: Path) -> None:
    path = registered(tmp_path, "https://models.example/infer").path
    assert path is not None
    assert credential_for(Endpoint.from_bytes(path.read_bytes())) is None
