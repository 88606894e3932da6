"""What a draft would have said of every past promotion, and what changed in it."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from audits.measurements import MetricValue
from governance.models import PolicyVersion, PromotionRequest
from governance.policies import policy_from_document
from governance.policies.diffs import differences
from governance.policy_versions import draft_policy
from governance.promotions import request_promotion, rerun_checks
from governance.simulations import Effect, simulate
from registry.models import Person
from tests.people import World
from tests.stories import POLICY, approve, gap, measure, result


def draft(carla: Person, *changes: tuple[str, str]) -> PolicyVersion:
    text = POLICY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return draft_policy(actor=carla, source=text)


#: Making a thousand takes minutes, replaying them about three seconds: `python -m benchmarks.simulation` shows it.
MANY = int(os.environ.get("ASSAY_PAST_PROMOTIONS", "60"))
TIGHTER = ('at_most: "0.20"', 'at_most: "0.05"')
WIDER = ('at_most: "0.20"', 'at_most: "0.60"')


@pytest.fixture
def history(
    policy: PolicyVersion, world: World, maya: Person, victor: Person, rosa: Person
) -> dict[str, PromotionRequest]:
    """One version approved with a gap of 0.05, one blocked by 0.45, one rejected."""
    requests = {}
    for name, value in (("approved", 0.05), ("blocked", 0.45), ("rejected", 0.05)):
        request = request_promotion(
            actor=maya, version=world.version(name.encode()), to_stage="staging", reason="It is ready."
        )
        requests[name] = measure(request, result(gap(value)))
    approve(requests["approved"], victor, "model_validator")
    approve(requests["approved"], rosa, "risk_officer")
    approve(requests["rejected"], victor, "model_validator", verdict="reject", meaning="rejected")
    return requests


def effects(version: PolicyVersion, history: dict[str, PromotionRequest]) -> dict[str, str]:
    by_request = {replay.request: str(replay.effect) for replay in simulate(version).replays}
    return {name: by_request[str(request.pk)] for name, request in history.items()}


def test_the_policy_that_decided_would_decide_the_same(
    policy: PolicyVersion, history: dict[str, PromotionRequest]
) -> None:
    assert set(effects(policy, history).values()) == {"unchanged"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (TIGHTER, {"approved": "newly-blocked", "blocked": "unchanged", "rejected": "unchanged"}),
        (WIDER, {"approved": "unchanged", "blocked": "released", "rejected": "unchanged"}),
        (
            ("{role: risk_officer, count: 1}", "{role: risk_officer, count: 2}"),
            {"approved": "newly-blocked", "blocked": "unchanged", "rejected": "unchanged"},
        ),
        (
            ("    from: development\n    to: staging\n", "    from: development\n    to: production\n"),
            {"approved": "newly-blocked", "blocked": "unchanged", "rejected": "unchanged"},
        ),
        (
            ("selects: {risk_classes: [high]}", "selects: {risk_classes: [minimal]}"),
            {"approved": "not-selected", "blocked": "not-selected", "rejected": "not-selected"},
        ),
        (
            ("metric: paths_without_declared_source", "metric: nodes_missing_digest"),
            {"approved": "newly-blocked", "blocked": "unchanged", "rejected": "unchanged"},
        ),
    ],
    ids=["tighter", "wider", "one more officer", "no gate", "another class", "a metric nobody measured"],
)
def test_a_draft_says_who_would_be_blocked_or_released(
    carla: Person, history: dict[str, PromotionRequest], change: tuple[str, str], expected: dict[str, str]
) -> None:
    assert effects(draft(carla, change), history) == expected


def test_a_simulation_changes_nothing_and_explains_itself(carla: Person, history: dict[str, PromotionRequest]) -> None:
    before = list(PromotionRequest.objects.values())
    document = simulate(draft(carla, TIGHTER)).to_document()
    assert list(PromotionRequest.objects.values()) == before
    assert document["promotions"] == 3
    assert document["counts"] == {"newly-blocked": 1, "released": 0, "unchanged": 2, "not-selected": 0}
    (changed,) = document["changed"]
    assert (changed["was"], changed["would_be"]) == ("approved", "blocked")
    assert "0.05" in next(entry["explanation"] for entry in changed["reasons"] if entry["subject"] == "selection-gap")


def test_a_past_round_is_judged_by_its_own_evidence(
    carla: Person, maya: Person, history: dict[str, PromotionRequest]
) -> None:
    rerun_checks(actor=maya, request=history["approved"], reason="again")
    assert effects(draft(carla, TIGHTER), history)["approved"] == "newly-blocked"


def test_the_queries_do_not_grow_with_the_past(
    carla: Person, history: dict[str, PromotionRequest], django_assert_max_num_queries: Any
) -> None:
    version = draft(carla, TIGHTER)
    with django_assert_max_num_queries(12):
        simulate(version)


@pytest.mark.slow
def test_many_promotions_are_replayed_in_one_go(
    policy: PolicyVersion, carla: Person, world: World, maya: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    many = result(*[gap(0.001 * n) for n in range(1, 40)], MetricValue(metric="accuracy", value=0.9, n=200))
    for number in range(MANY):
        version = world.version(f"model {number}".encode())
        measure(
            request_promotion(actor=maya, version=version, to_stage="staging", reason="x"),
            many if number % 2 else result(gap(0.45)),
        )
        if number % 2:
            request = PromotionRequest.objects.get(version=version)
            approve(request, Person.objects.get(username="rosa"), "risk_officer", verdict="reject", meaning="rejected")
    version_draft = draft(carla, WIDER)
    started = time.perf_counter()
    simulation = simulate(version_draft)
    seconds = time.perf_counter() - started
    assert len(simulation.of(Effect.RELEASED)) == MANY // 2
    assert len(simulation.of(Effect.UNCHANGED)) == MANY // 2
    with capsys.disabled():
        print(f"\n{MANY} past promotions replayed in {seconds:.2f} s")  # noqa: T201  (this is what the test is for)


# -- What changed -----------------------------------------------------------------------------------------------------
def changes(carla: Person, old: str, new: str) -> list[tuple[str, Any, Any, str]]:
    before = policy_from_document(draft(carla).document)
    after = policy_from_document(draft(carla, (old, new)).document)
    return [(change.path, change.before, change.after, str(change.bearing)) for change in differences(before, after)]


GATE = "gates[to-staging]"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (*TIGHTER, [(f"{GATE}.criteria[selection-gap].at_most", "0.20", "0.05", "stricter")]),
        (*WIDER, [(f"{GATE}.criteria[selection-gap].at_most", "0.20", "0.60", "looser")]),
        ("minimum_n: 30", "minimum_n: 40", [(f"{GATE}.criteria[selection-gap].minimum_n", 30, 40, "stricter")]),
        ("minimum_n: 30", "minimum_n: 3", [(f"{GATE}.criteria[selection-gap].minimum_n", 30, 3, "looser")]),
        ("waivable: true", "waivable: false", [(f"{GATE}.criteria[selection-gap].waivable", True, False, "stricter")]),
        ("max_days: 20", "max_days: 30", [(f"{GATE}.waivers.max_days", 20, 30, "looser")]),
        (
            "{role: model_validator, count: 1}, ",
            "",
            [(f"{GATE}.reviews.quorum[model_validator]", {"role": "model_validator", "count": 1}, None, "looser")],
        ),
        (
            "[requester, version_author]",
            "[requester]",
            [(f"{GATE}.reviews.exclude", ["requester", "version_author"], ["requester"], "looser")],
        ),
        (
            "[requester, version_author]",
            "[requester, version_author, run_author]",
            [
                (
                    f"{GATE}.reviews.exclude",
                    ["requester", "version_author"],
                    ["requester", "version_author", "run_author"],
                    "stricter",
                )
            ],
        ),
        ("    to: staging\n", "    to: staging\n    mode: warn\n", [(f"{GATE}.mode", "enforce", "warn", "looser")]),
        ("title: House rules", "title: Rules", [("title", "House rules", "Rules", "other")]),
        (
            "{name: staging, exclusive: true}",
            "{name: staging}",
            [("stages[staging].exclusive", True, False, "looser")],
        ),
        (
            '        at_most: "0.20"\n',
            '        at_most: "0.20"\n        at_least: "0.01"\n',
            [(f"{GATE}.criteria[selection-gap].at_least", None, "0.01", "stricter")],
        ),
    ],
)
def test_a_change_is_told_with_its_place_and_which_way_it_leans(
    carla: Person, old: str, new: str, expected: list[Any]
) -> None:
    assert changes(carla, old, new) == expected


def test_the_same_text_differs_in_nothing(carla: Person) -> None:
    rules = policy_from_document(draft(carla).document)
    assert differences(rules, rules) == ()


def test_the_order_of_entries_is_no_change(carla: Person) -> None:
    document = draft(carla).document
    turned = {**document, "gates": [{**document["gates"][0], "criteria": document["gates"][0]["criteria"][::-1]}]}
    assert differences(policy_from_document(document), policy_from_document(turned)) == ()
