"""The table of attacks: each is found by the layers named, and by no other. Where a layer is blind, it says nothing.

A recomputes from the bodies, B compares with a checkpoint kept elsewhere, C with a receipt in somebody's hands, D with
the business tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from governance.models import PromotionRequest
from registry import ledger, merkle, verification
from registry.errors import LedgerError
from registry.events import Event
from registry.models import LedgerEntry, LedgerNode, ModelVersion
from registry.notes import Checkpoint, NoteSigner, sign_checkpoint
from registry.signing import keyring
from registry.verification import verify
from tests import intruder

Bodies = list[bytes]


@dataclass(frozen=True)
class Outside:
    """What people elsewhere hold: a checkpoint of some day, and the receipt of the review that Victor gave."""

    checkpoint: str
    receipt: str
    covered: int  # entries the checkpoint covers
    reviewed: int  # the index of Victor's review


def first(event: str) -> int:
    return LedgerEntry.objects.filter(event=event).order_by("index").values_list("index", flat=True)[0]


@pytest.fixture
def outside(approved: PromotionRequest) -> Outside:
    """The request is approved; then the checkpoint is fetched, and more happens."""
    del approved
    reviewed = first("review.recorded")
    receipt = ledger.receipt(reviewed)
    covered = ledger.size()
    append_more(5)
    return Outside(receipt.checkpoint, receipt.text, covered, reviewed)


def append_more(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            ledger.append(Event.REPORT_READ, subject=f"promotion:{number}", facts={"number": number})


def layers(outside: Outside) -> dict[str, list[verification.Problem]]:
    found: dict[str, list[verification.Problem]] = {"A": [], "B": [], "C": [], "D": []}
    for problem in verify(checkpoints=[outside.checkpoint], receipts=[outside.receipt]).problems:
        found[problem.layer].append(problem)
    return found


def seen_by(outside: Outside) -> str:
    return "".join(name for name, problems in layers(outside).items() if problems)


def test_an_honest_ledger_satisfies_all_layers(outside: Outside) -> None:
    assert verify(checkpoints=[outside.checkpoint], receipts=[outside.receipt]).problems == ()


@pytest.mark.slow
def test_a_thousand_honest_entries_raise_no_alarm(outside: Outside) -> None:
    append_more(1000)
    notes = [ledger.publish_checkpoint().note, outside.checkpoint]
    receipts = [ledger.receipt(index).text for index in range(0, ledger.size(), 97)]

    assert verify(checkpoints=notes, receipts=[*receipts, outside.receipt]).problems == ()


# -- The tree is left alone -------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("outside")
def test_one_edited_body_is_found_and_named() -> None:
    index = first("promotion.requested")
    intruder.edit_body(index, intruder.altered(intruder.bodies()[index], at="2020-01-01T00:00:00.000000Z"))

    found = verify()

    assert found.first_bad == index
    assert {problem.layer for problem in found.problems} == {"A"}


def test_an_edited_body_is_found_by_the_receipt_of_that_entry(outside: Outside) -> None:
    body = intruder.bodies()[outside.reviewed]
    intruder.edit_body(outside.reviewed, intruder.altered(body, actor="p-somebody-else"))

    assert seen_by(outside) == "AC"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ('UPDATE registry_ledgerentry SET leaf_hash = body WHERE "index" = 3', "leaf hash"),
        ("UPDATE registry_ledgerentry SET event = 'report.read' WHERE \"index\" = 3", "beside the body"),
        ("UPDATE registry_ledgerentry SET subject = 'model:other' WHERE \"index\" = 3", "beside the body"),
        ("UPDATE registry_ledgernode SET position = 4711 WHERE level = 1 AND position = 1", "node 1/1"),
        ("DELETE FROM registry_ledgernode WHERE level = 0 AND position = 3", "node 0/3"),
        ('DELETE FROM registry_ledgerentry WHERE "index" = 3', "missing"),
    ],
)
def test_each_stored_copy_is_compared(outside: Outside, sql: str, words: str) -> None:
    intruder.run(sql)

    problem = layers(outside)["A"][0]

    assert problem.index == 3
    assert words in problem.explanation


def test_the_last_entries_cannot_be_dropped_silently(outside: Outside) -> None:
    intruder.run('DELETE FROM registry_ledgerentry WHERE "index" = %s', ledger.size() - 1)

    assert layers(outside)["A"][0].explanation == "the entry is missing"


def test_an_entry_beyond_the_head_is_found(outside: Outside) -> None:
    intruder.run("UPDATE registry_ledgerhead SET size = size - 1")

    assert layers(outside)["A"][0].index == ledger.size()


def test_nothing_goes_on_from_a_node_that_is_gone(outside: Outside) -> None:
    """Entry `size` becomes a right child: what it would be joined with was deleted."""
    if ledger.size() % 2 == 0:
        append_more(1)
    before = ledger.size()
    intruder.run("DELETE FROM registry_ledgernode WHERE level = 0 AND position = %s", before - 1)

    with pytest.raises(LedgerError, match=rf"^Node 0/{before - 1} of the ledger is missing\.$"), transaction.atomic():
        ledger.append(Event.REPORT_READ, subject="promotion:1")

    assert ledger.size() == before == LedgerEntry.objects.count()


def test_each_node_of_a_growing_tree_is_the_one_of_the_standard(db: None) -> None:
    """Whoever computed it: the database on PostgreSQL, this program on SQLite."""
    append_more(200)
    nodes: dict[tuple[int, int], bytes] = {}
    for entry in LedgerEntry.objects.order_by("index"):
        leaf = merkle.leaf_hash(bytes(entry.body))
        made = merkle.append_nodes(entry.index, leaf, lambda level, position: nodes[level, position])
        nodes.update(((level, position), value) for level, position, value in made)

    stored = {(node.level, node.position): bytes(node.hash) for node in LedgerNode.objects.all()}

    assert stored == nodes


# -- The tree is recomputed: A sees nothing any more ------------------------------------------------------------------
def edited(bodies: Bodies, index: int) -> Bodies:
    body = json.loads(bodies[index])
    body["facts"]["reason"] = "sha256:" + "0" * 64
    return [*bodies[:index], intruder.altered(bodies[index], facts=body["facts"]), *bodies[index + 1 :]]


def back_dated(bodies: Bodies, index: int) -> Bodies:
    earlier = json.loads(bodies[index - 1])["at"]
    return [*bodies[:index], intruder.altered(bodies[index], at=earlier), *bodies[index + 1 :]]


REWRITES: dict[str, Callable[[Bodies, int], Bodies]] = {
    "edit": edited,
    "delete": lambda bodies, index: bodies[:index] + bodies[index + 1 :],
    "back-date": back_dated,
    "insert": lambda bodies, index: [*bodies[:index], bodies[0], *bodies[index:]],
    "reorder": lambda bodies, index: [*bodies[: index - 1], bodies[index], bodies[index - 1], *bodies[index + 1 :]],
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_recomputed_tree_deceives_the_bodies_but_not_those_outside(outside: Outside, name: str) -> None:
    intruder.rewrite(lambda bodies: REWRITES[name](bodies, outside.reviewed))

    found = layers(outside)

    assert not found["A"]
    assert found["B"]
    assert found["C"]


def test_deleting_the_entry_that_tells_of_a_review_is_missed_by_the_review(outside: Outside) -> None:
    intruder.rewrite(lambda bodies: [body for body in bodies if b'"governance.review:' not in body])

    assert any("governance.review" in problem.explanation for problem in layers(outside)["D"])


def test_checkpoints_kept_here_betray_a_tree_that_was_recomputed_without_the_key(outside: Outside) -> None:
    kept = ledger.publish_checkpoint()
    intruder.rewrite(lambda bodies: REWRITES["edit"](bodies, outside.reviewed))
    intruder.run(
        "INSERT INTO registry_checkpoint (size, note, created_at) VALUES (%s, %s, %s)",
        kept.size,
        kept.note,
        kept.created_at.isoformat(),
    )

    assert "checkpoint kept here" in layers(outside)["A"][0].explanation


def test_a_tree_cut_back_to_an_older_state_is_missed_outside_and_by_the_rows(outside: Outside) -> None:
    intruder.rewrite(lambda bodies: bodies[: outside.reviewed])

    found = layers(outside)

    assert not found["A"]
    assert "cut back" in found["B"][0].explanation
    assert "not here any more" in found["C"][0].explanation
    assert any("no entry tells of this row" in problem.explanation for problem in found["D"])


def test_what_came_after_the_last_outside_checkpoint_is_seen_only_by_a_receipt(outside: Outside) -> None:
    index = outside.covered + 2
    newer = ledger.receipt(index).text
    intruder.rewrite(lambda bodies: back_dated(bodies, index))

    assert seen_by(outside) == ""
    assert seen_by(Outside(outside.checkpoint, newer, outside.covered, outside.reviewed)) == "C"


def test_a_fork_signed_with_the_right_key_contradicts_the_first_history(outside: Outside) -> None:
    """The operator holds the key and shows another history to somebody else: two signed heads that do not agree."""
    intruder.rewrite(lambda bodies: back_dated(bodies, outside.reviewed))
    forked = ledger.publish_checkpoint().note

    assert verify(checkpoints=[forked], rows=False).problems == ()
    assert [problem.layer for problem in verify(checkpoints=[forked, outside.checkpoint]).problems] == ["B"]


# -- The ledger is left alone, rows are edited ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE registry_modelversion SET framework = 'another'",
        "UPDATE registry_modelversion SET created_at = '2020-01-01 00:00:00+00:00'",
        "UPDATE registry_registeredmodel SET risk_class = 'minimal'",
        "UPDATE registry_datasetversion SET legal_basis = 'consent'",
        "UPDATE registry_person SET is_superuser = true WHERE username = 'maya'",
        "UPDATE registry_person SET password = 'md5$known$known' WHERE username = 'victor'",
        "UPDATE registry_person SET first_name = 'Mallory' WHERE username = 'victor'",
        "UPDATE audits_observation SET duration_seconds = 9",
        "UPDATE audits_finding SET explanation = 'all is well'",
        "UPDATE audits_auditrun SET seed = 7",
        "UPDATE governance_policyversion SET source = 'anything goes'",
        "UPDATE governance_promotionrequest SET state = 'completed'",
        "UPDATE governance_promotionrequest SET reason = 'because'",
        "UPDATE governance_review SET verdict = 'comment'",
        "UPDATE governance_review SET reason = 'I never read it.'",
        "UPDATE governance_review SET printed_name = 'Otto Olsen'",
        "UPDATE governance_gatedecision SET valid_until = NULL",
        "DELETE FROM governance_policystatuschange",
        "DELETE FROM registry_person_groups",
        "DELETE FROM auth_group_permissions",
    ],
)
def test_a_row_edited_behind_the_ledger_is_seen_by_the_rows_alone(outside: Outside, sql: str) -> None:
    intruder.run(sql)

    assert seen_by(outside) == "D"


def test_a_row_that_no_entry_tells_of_is_seen_by_the_rows_alone(outside: Outside) -> None:
    intruder.run("INSERT INTO auth_group (id, name) VALUES (4711, 'friends of the intruder')")

    assert seen_by(outside) == "D"
    assert layers(outside)["D"][0].explanation == "auth.group:4711: no entry tells of this row"


def test_an_erasure_that_nobody_told_of_is_a_change(outside: Outside) -> None:
    """One that was told leaves everything in order: see test_erasures."""
    intruder.run("UPDATE governance_review SET reason = ''")
    intruder.run("UPDATE registry_erasabletext SET salt = NULL, text = NULL WHERE text = 'I read the evidence.'")

    assert seen_by(outside) == "D"


# -- Papers that prove nothing ----------------------------------------------------------------------------------------
def test_a_checkpoint_by_another_key_is_not_relied_on(version: ModelVersion) -> None:
    del version
    stranger = NoteSigner(keyring().origin, Ed25519PrivateKey.generate())
    note = sign_checkpoint(Checkpoint(keyring().origin, ledger.size(), ledger.root()), stranger)

    assert "cannot be relied on" in verify(checkpoints=[note]).problem


@pytest.mark.parametrize("text", ["", "not a receipt", "c2sp.org/tlog-proof@v1\n\n"])
def test_a_paper_that_is_no_receipt_is_a_problem(outside: Outside, text: str) -> None:
    del outside
    assert "cannot be relied on" in verify(receipts=[text]).problem
