"""A person is erased: every proof still verifies, and nobody finds the name again in anything held here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from audits.models import Report
from governance import erasures, reporting
from governance.access.delegations import delegate_role
from governance.access.tokens import issue_token
from governance.errors import SeparationOfDutiesError, WrongCredentialError, WrongStateError
from governance.models import AccessToken, ErasureRequest, PromotionRequest, TotpDevice
from governance.models.access import Role
from governance.reporting import read_report
from governance.reports.document import build_document
from governance.signatures.enrolments import enrol_authenticator
from registry import erasure, ledger, storage, work
from registry.canonical import canonical_json
from registry.errors import ContentErasedError, InvalidInputError, PermissionRefusedError, StillSeenError
from registry.immutability import ERASED
from registry.models import Blob, ErasableText, LedgerEntry, Person, WorkItem
from registry.models.immutable import Record
from registry.rows import tables
from registry.signing import keyring
from registry.verification import compare_receipt, verify
from tests import intruder
from tests.people import PASSWORD, person
from tests.stories import approve

GROUND = "She has left and asks for it; no claim is pending."
#: Seconds in which the other tests on the same server have ended their transactions.
PATIENT = 900.0
NAMES = ("Victor", "Vance", "victor", "v.vance@example.org")


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests have left files in the common one."""
    monkeypatch.setattr(default_storage, "_wrapped", FileSystemStorage(location=tmp_path / "evidence"))


@pytest.fixture
def victor(db: None) -> Person:
    return person("victor", Role.MODEL_VALIDATOR, full_name="Victor Vance", email="v.vance@example.org")


@pytest.fixture
def ada(db: None) -> Person:
    return person("ada", Role.ADMINISTRATOR, full_name="Ada Adler")


@pytest.fixture
def scene(in_review: PromotionRequest, victor: Person, rosa: Person, vera: Person, client: Client) -> PromotionRequest:
    """Victor has signed in, reviewed, been written about, stood in for, and is printed in a report."""
    client.force_login(victor)
    issue_token(actor=victor, owner=victor, label="mine", scopes=["gate:read"])
    enrol_authenticator(actor=victor, password=PASSWORD)
    approve(in_review, victor, "model_validator", reason="I, Victor Vance, read the evidence.")
    approve(in_review, rosa, "risk_officer", reason="I talked to v.vance@example.org and agree.")
    delegate(victor, vera)
    issue(in_review)
    return in_review


def delegate(victor: Person, vera: Person) -> None:
    now = timezone.now()
    delegate_role(
        actor=victor,
        delegate=vera,
        role="model_validator",
        starts_at=now,
        ends_at=now + timedelta(days=3),
        reason="Victor Vance is away.",
        password=PASSWORD,
    )


def issue(request: PromotionRequest, number: str = "AR-1") -> Report:
    """A report with its true evidence; a PDF takes too long for each test, so a text with the same names stands in."""
    decision = request.decisions.latest("decided_at")
    document = build_document(decision, number=number, as_of=decision.decided_at.date())
    evidence = canonical_json(document.to_evidence())
    report = Report(
        number=number,
        subject=f"promotion:{request.pk}",
        as_of=decision.decided_at.date(),
        file_digest=storage.store_bytes(b"%PDF " + evidence, media_type="application/pdf").digest,
        evidence_digest=storage.store_bytes(evidence, media_type="application/json").digest,
        created_at=decision.decided_at,
    )
    report.save()
    return report


def erase(victor: Person, ada: Person, dora: Person) -> erasures.Erased:
    asked = erasures.request_erasure(actor=ada, person=victor, ground=GROUND, password=PASSWORD)
    done = erasures.confirm_erasure(actor=dora, asked=asked, password=PASSWORD)
    storage.delete_erased()
    victor.refresh_from_db()
    return done


def everything_held() -> Iterator[tuple[str, str]]:
    """Every cell of every table, and every file of the store, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    yield f"{table}.{column}", raw.decode(errors="replace")
    for path in Path(default_storage.path(".")).rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes().decode(errors="replace")


def found(*names: str) -> set[str]:
    return {place for place, text in everything_held() if any(name in text for name in names)}


# -- Nothing is left --------------------------------------------------------------------------------------------------
def test_the_name_is_nowhere_any_more_and_every_proof_holds(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person
) -> None:
    before = found("Vance", "v.vance@example.org")
    assert {"registry_person.email", "governance_review.printed_name", "registry_erasabletext.text"} <= before
    assert any(place.startswith("/") for place in before), "the report in the store names him"
    receipt = ledger.receipt(ledger.size() - 1)
    bodies = [bytes(entry.body) for entry in LedgerEntry.objects.order_by("index")]

    done = erase(victor, ada, dora)

    assert done.remains == ()
    assert found(*NAMES) == set()
    assert [bytes(entry.body) for entry in LedgerEntry.objects.order_by("index")][: len(bodies)] == bodies
    assert verify().problems == ()
    assert list(compare_receipt(receipt.text, [keyring().ledger.key])) == []


def bytes_on_disk() -> Iterator[tuple[str, bytes]]:
    """What lies on the disk: pages that no table shows any more, free ones, and the log beside them, included."""
    if connection.vendor == "sqlite":
        path = str(connection.settings_dict["NAME"])
        for name in (path, f"{path}-wal", f"{path}-journal"):
            if Path(name).exists():
                yield name, Path(name).read_bytes()
        return
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")  # so that the files are what the server's memory is
        cursor.execute(
            "SELECT relname, pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('public', 'pg_toast') AND relkind IN "
            "('r', 'i', 't') AND pg_relation_filepath(c.oid) IS NOT NULL"
        )
        for name, content in cursor.fetchall():
            yield name, bytes(content)
    yield "pg_dump", dumped()


def dumped() -> bytes:
    """The database as `pg_dump` writes it."""
    at = connection.settings_dict
    place = {
        "PGHOST": at["HOST"],
        "PGPORT": str(at["PORT"] or 5432),
        "PGUSER": at["USER"],
        "PGPASSWORD": at["PASSWORD"],
    }
    command = ["pg_dump", "--inserts", str(at["NAME"])]
    return subprocess.run(command, env={**os.environ, **place}, capture_output=True, check=True).stdout


def on_disk(*names: str) -> set[str]:
    return {place for place, content in bytes_on_disk() if any(name.encode() in content for name in names)}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_name_is_nowhere_on_the_disk_once_the_database_was_rewritten(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PATIENCE", PATIENT)
    assert on_disk("Vance", "v.vance@example.org")
    erase(victor, ada, dora)
    waiting = WorkItem.objects.get(kind=erasures.SCRUB_WORK)
    work.perform(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == WorkItem.State.DONE
    assert on_disk("Vance", "v.vance@example.org") == set()


def test_nobody_guesses_the_name_back_from_the_ledger(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person
) -> None:
    erase(victor, ada, dora)
    told = b"".join(bytes(entry.body) for entry in LedgerEntry.objects.all()).decode()
    salts = [b"", *(bytes(row.salt or b"") for row in ErasableText.objects.exclude(salt=None))]
    guesses = [*NAMES, "Victor Vance", "I, Victor Vance, read the evidence.", "Victor Vance is away."]
    for guess in guesses:
        for salt in salts:
            assert f"sha256:{hashlib.sha256(salt + guess.encode()).hexdigest()}" not in told


def test_others_are_left_alone(scene: PromotionRequest, victor: Person, ada: Person, dora: Person) -> None:
    namesake = person("vic", full_name="Victor Vance-Ortega", email="o@example.org")
    with transaction.atomic():
        ledger.settle()
    erase(victor, ada, dora)
    namesake.refresh_from_db()
    assert namesake.printed_name == "Victor Vance-Ortega"
    review = scene.reviews.get(role="risk_officer")
    assert (review.printed_name, review.reason) == ("Rosa Reyes", ERASED)
    assert scene.reviews.get(role="model_validator").verdict == "approve"
    assert verify().problems == ()


def test_the_person_cannot_get_in_any_more(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person, client: Client
) -> None:
    assert client.get("/promotions/").status_code == 200
    erase(victor, ada, dora)
    assert client.get("/promotions/").status_code == 302
    assert (victor.is_active, victor.has_usable_password(), victor.groups.count()) == (False, False, 0)
    assert victor.printed_name.startswith("erased-")
    assert not AccessToken.objects.filter(person=victor).exists()
    assert not TotpDevice.objects.filter(person=victor).exists()


def test_a_report_that_printed_the_name_is_gone_and_sealed_anew(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person, maya: Person
) -> None:
    report = Report.objects.get()
    decision = scene.decisions.latest("decided_at")
    intruder.run("UPDATE audits_report SET number = %s", reporting.report_number(decision))
    report.refresh_from_db()
    done = erase(victor, ada, dora)
    assert done.record.reports == [report.number]
    assert Blob.objects.filter(digest=report.file_digest).exists(), "proofs still name what they named"
    with pytest.raises(ContentErasedError):
        read_report(actor=maya, report=report)
    assert WorkItem.objects.filter(kind=reporting.REPORT_WORK, key=f"report:{report.number}-R2").exists()
    anew = build_document(decision, number="x", as_of=decision.decided_at.date()).to_evidence()
    assert "Vance" not in json.dumps(anew)
    assert ERASED in {review["name"] for review in anew["reviews"]}


def test_words_of_the_organisation_that_still_name_the_person_are_told(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person
) -> None:
    scene.version.model.affected_persons = "patients of Victor Vance"
    scene.version.model.save()
    done = erase(victor, ada, dora)
    assert done.remains == (f"registry.registeredmodel:{scene.version.model.pk} affected_persons",)


def test_a_former_name_goes_too(scene: PromotionRequest, victor: Person, ada: Person, dora: Person) -> None:
    with transaction.atomic():
        victor.last_name = "Winter"
        victor.save()
        ledger.settle()
    erase(victor, ada, dora)
    assert found("Vance", "Winter") == set()
    assert verify().problems == ()


# -- Nobody erases alone ----------------------------------------------------------------------------------------------
def test_one_asks_and_another_confirms(scene: PromotionRequest, victor: Person, ada: Person) -> None:
    asked = erasures.request_erasure(actor=ada, person=victor, ground=GROUND, password=PASSWORD)
    with pytest.raises(SeparationOfDutiesError):
        erasures.confirm_erasure(actor=ada, asked=asked, password=PASSWORD)
    assert found("Vance") != set()


def test_nobody_confirms_their_own_erasure(db: None, ada: Person, dora: Person) -> None:
    asked = erasures.request_erasure(actor=ada, person=dora, ground=GROUND, password=PASSWORD)
    with pytest.raises(SeparationOfDutiesError):
        erasures.confirm_erasure(actor=dora, asked=asked, password=PASSWORD)


def test_what_is_refused(victor: Person, ada: Person, dora: Person, otto: Person) -> None:
    wish: dict[str, Any] = {"person": victor, "ground": GROUND, "password": PASSWORD}
    with pytest.raises(PermissionRefusedError):
        erasures.request_erasure(actor=otto, **wish)
    with pytest.raises(WrongCredentialError):
        erasures.request_erasure(actor=ada, **wish | {"password": "guess"})
    with pytest.raises(InvalidInputError):
        erasures.request_erasure(actor=ada, **wish | {"ground": " "})
    asked = erasures.request_erasure(actor=ada, **wish)
    with pytest.raises(WrongStateError):
        erasures.request_erasure(actor=ada, **wish)
    with pytest.raises(PermissionRefusedError):
        erasures.confirm_erasure(actor=otto, asked=asked, password=PASSWORD)
    erasures.confirm_erasure(actor=dora, asked=asked, password=PASSWORD)
    with pytest.raises(WrongStateError):
        erasures.confirm_erasure(actor=dora, asked=asked, password=PASSWORD)
    refused = LedgerEntry.objects.filter(event="action.refused").count()
    assert refused == 6


def erasable() -> list[tuple[str, str]]:
    return [
        (table.model._meta.db_table, text)
        for table in tables().values()
        if issubclass(table.model, Record)
        for text in table.texts
    ]


@pytest.mark.parametrize(("table", "text"), erasable())
def test_the_database_lets_a_text_be_erased_and_nothing_else(scene: PromotionRequest, table: str, text: str) -> None:
    """On the rows there are; the trigger is the same on every table."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
        if not cursor.fetchone()[0]:
            assert _has_eraser(cursor, table, text)
            return
        cursor.execute(f'UPDATE "{table}" SET "{text}" = %s', [ERASED])
        for wrong in (
            f"\"{text}\" = ''",
            f"\"{text}\" = 'other'",
            "id = id",
            f"\"{text}\" = '{ERASED}', id = id + 1000",
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(f'UPDATE "{table}" SET {wrong}')
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(f'DELETE FROM "{table}"')


def _has_eraser(cursor: Any, table: str, text: str) -> bool:
    if connection.vendor == "postgresql":
        cursor.execute("SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s", [f"{table}_keep_row"])
    else:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [f"{table}_keep_update"])
    return text in str(cursor.fetchone())


def test_an_erasure_that_no_entry_tells_of_is_found(scene: PromotionRequest) -> None:
    """Somebody with the database makes a reviewer's words go away and calls it erasure."""
    intruder.run("UPDATE governance_review SET reason = %s", ERASED)
    intruder.run("UPDATE registry_erasabletext SET salt = NULL, text = NULL")
    problems = [str(problem) for problem in verify().problems]
    assert any("was erased, and no entry tells so" in problem for problem in problems)


def test_an_erased_text_that_comes_back_is_found(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person
) -> None:
    erase(victor, ada, dora)
    intruder.run("UPDATE governance_review SET printed_name = 'Victor Vance' WHERE role = 'model_validator'")
    assert any("was erased and is there again" in str(problem) for problem in verify().problems)


# -- The command ------------------------------------------------------------------------------------------------------
def test_the_command_shows_asks_and_confirms(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _: PASSWORD)
    said = StringIO()
    call_command("erase_person", "victor", stdout=said)
    assert "Victor Vance" in said.getvalue()
    assert "1 reports print it: AR-1" in said.getvalue()
    assert "1 gates that are open rest on a review" in said.getvalue()
    assert not ErasureRequest.objects.exists()
    with pytest.raises(CommandError, match="Nobody has asked"):
        call_command("erase_person", "victor", "--confirm", "--as", "dora")
    call_command("erase_person", "victor", "--as", "ada", "--ground", GROUND, stdout=said)
    with pytest.raises(CommandError, match="Somebody else"):
        call_command("erase_person", "victor", "--confirm", "--as", "ada")
    call_command("erase_person", "victor", "--confirm", "--as", "dora", stdout=said)
    assert "Erased. The record goes on as erased-" in said.getvalue()
    with pytest.raises(CommandError, match="nobody with the user name victor"):
        call_command("erase_person", "victor")


@contextmanager
def open_transaction(*statements: str, database: str | None = None) -> Iterator[None]:
    """Of another session, by default in the same database."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "NAME": database or other.settings_dict["NAME"]}
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
        other.rollback()
    finally:
        other.close()


def reading_here() -> AbstractContextManager[None]:
    """A rewrite keeps the rows that an older transaction may look at."""
    isolation = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    return open_transaction(isolation, "SELECT count(*) FROM registry_person")


def writing_elsewhere() -> AbstractContextManager[None]:
    """Every snapshot reaches back to the oldest writer of the whole server, that of the rewrite itself too."""
    return open_transaction("SELECT pg_current_xact_id()", database="postgres")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("somebody", [reading_here, writing_elsewhere])
def test_what_somebody_still_sees_is_overwritten_when_they_have_ended(
    scene: PromotionRequest,
    victor: Person,
    ada: Person,
    dora: Person,
    monkeypatch: pytest.MonkeyPatch,
    somebody: Callable[[], AbstractContextManager[None]],
) -> None:
    """A rewrite beside them would keep the rows, and call itself done."""
    monkeypatch.setattr(erasure, "PATIENCE", 0.3)
    with somebody():
        erase(victor, ada, dora)
        with pytest.raises(StillSeenError):
            erasure.scrub()
    monkeypatch.setattr(erasure, "PATIENCE", PATIENT)
    erasure.scrub()
    assert on_disk("Vance", "v.vance@example.org") == set()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_rewrite_that_kept_dead_rows_says_so(
    scene: PromotionRequest, victor: Person, ada: Person, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions of other roles are hidden from an ordinary user; what the rewrite itself reports counts."""
    monkeypatch.setattr(erasure, "_await_older", lambda: None)
    with writing_elsewhere():
        erase(victor, ada, dora)
        with pytest.raises(StillSeenError):
            erasure.scrub()
