"""What is refused is said in German: by the registry, by governance, and of a policy text. Read from the sources."""

from __future__ import annotations

import ast
import re

import pytest
from django.urls import reverse
from django.utils import translation

from audits.reports.tongue import ours
from deploy.build_translations import ROOT
from governance.models import PromotionRequest
from governance.policies.documents import SHAPE_PROBLEMS
from governance.promotions import withdraw_request
from registry.models import Person
from tests.audits.reports.sayings import GAP, calls, sentences
from tests.audits.reports.test_translations import SENTENCES
from tests.governance.pages.conftest import Browser
from tests.stories import POLICY

GOVERNANCE = ROOT / "governance"
#: Whose refusals reach no page: the API, commands and the admin. What is wrong with a policy text is read below.
ELSEWHERE = {
    *("api", "admin", "management", "migrations", "demo", "service", "pages"),
    *("text.py", "replays.py"),
}
#: What is registered, told and imported over the API alone, and what speaks to operators and to other programs.
OVER_THE_API = {
    *("backup", "connectors", "management", "migrations"),
    *("artifacts.py", "versions.py", "endpoints.py", "fingerprints.py", "lineage.py", "lineage_events.py"),
    *("mlflow_import.py", "outbound.py", "credentials.py", "strict_json.py", "work.py", "key_history.py"),
    *("notes.py", "witness.py", "cosignatures.py", "sinks.py", "receipts.py", "tiles.py", "dsse.py"),
}
#: What only another program can provoke, or what a broken record says to its operator.
LEFT_IN_ENGLISH = {
    *("{} is a list of some of {}.", "{} is answered with true or false.", "{} is one of {}.", "{} is not a question."),
    *("{} has no answer.", "verdict is one of {}.", "meaning is one of {}.", "The kinds are {}."),
    *("There is no signed decision.", "The reviews of this request are not overdue."),
    "The policy escalates at the deadline; it does not end the request.",
    "Round {} of {}, on which the gate decided, is not on record.",
    "Run {} is not the one on which the gate decided.",
    "The stored text of policy {} is not the one that was put into force.",
}


def refusals(source: str) -> set[str]:
    """The sentences of the product's own errors that a module raises, with {} for each variable part."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call) or not node.exc.args:
            continue
        said = node.exc.args[0]
        parts = [said] if isinstance(said, ast.Constant) else said.values if isinstance(said, ast.JoinedStr) else []
        told = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        if told and ast.unparse(node.exc.func) not in {
            "AssertionError",
            "LookupError",
            "Http404",
            "UnsupportedAlgorithm",
        }:
            found.add(told)
    return found


def test_every_refusal_that_a_page_shows_is_said_in_german() -> None:
    said = set[str]()
    for path in GOVERNANCE.rglob("*.py"):
        if not ELSEWHERE & set(path.relative_to(GOVERNANCE).parts):
            said |= refusals(path.read_text(encoding="utf-8"))
    assert len(said) > 100
    assert said >= LEFT_IN_ENGLISH
    with translation.override("de"):
        left = {words for words in said - LEFT_IN_ENGLISH if (told := words.replace("{}", "7x")) == ours(told)}
    assert left == set()


def test_every_refusal_of_the_registry_that_a_page_shows_is_said_in_german() -> None:
    said = set[str]()
    for path in (ROOT / "registry").rglob("*.py"):
        if not OVER_THE_API & set(path.relative_to(ROOT / "registry").parts):
            said |= refusals(path.read_text(encoding="utf-8"))
    # Canonical JSON names the place first; its reasons are read with those of policy texts.
    said.discard("$")
    assert len(said) > 70
    with translation.override("de"):
        assert {words for words in said if (told := words.replace("{}", "7x")) == ours(told)} == set()


#: Which argument says what is wrong with a policy text, a check's parameters, or what they are made of.
PROBLEM = {
    **dict.fromkeys(("ParameterError", "CriterionError", "PlanError", "ChoiceError", "CanonicalError"), 1),
    "_fail": 3,
    "PolicyUnreadableError": 0,
}


def policy_problems(source: str) -> set[str]:
    """Every sentence with which a module refuses a policy."""
    found = {
        text
        for name, arguments, scope in calls(source)
        if len(arguments) > PROBLEM.get(name, 9)
        for text in sentences(arguments[PROBLEM[name]], scope)
    }
    return found - {"", GAP}


def test_everything_that_is_wrong_with_a_policy_is_said_in_german() -> None:
    said = {pattern.format("7x", "7x") for pattern in SHAPE_PROBLEMS.values()}
    told = re.findall(r"^[Pp]olicy\S+ line \d+ \S+: (.+)$", SENTENCES, re.MULTILINE)
    # The checks of those tests are the tests' own.
    said |= {text for text in told if not text.endswith("takes no such value")}
    for folder in ("audits/checks", "audits", "governance/policies"):
        for path in (ROOT / folder).glob("*.py"):
            said |= policy_problems(path.read_text(encoding="utf-8"))
    said |= policy_problems((ROOT / "registry" / "canonical.py").read_text(encoding="utf-8"))
    assert len(said) > 100
    with translation.override("de"):
        assert {text for text in said if ours(text) == text} == set()


def test_a_problem_of_a_policy_without_german_would_be_found() -> None:
    planted = """
def read(source, name):
    problem = f"{name} sings"
    raise _fail(PolicyShapeError, source, (name,), problem) if name else ParameterError("level", "must sing")
"""
    assert policy_problems(planted) == {"7 sings", "must sing"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('at_most: "0.20"', "at_most: 0.20"), "gates[0].criteria[0].at_most: muss string, null sein, nicht number"),
        (("title: House rules", "title: House: rules"), "der Text ist kein YAML: ein Doppelpunkt mit einem Wert ist"),
        (
            ("group_metrics\n", "group_metrics\n        parameters: {level: 2}\n"),
            "level: level: muss mindestens 0,5 und",
        ),
        (("title: House rules", "title: 2026-01-01"), "wird von YAML als timestamp gelesen"),
    ],
)
@pytest.mark.django_db
def test_a_policy_text_is_refused_in_german(
    carla: Person, signed_in: Browser, change: tuple[str, str], said: str
) -> None:
    assert change[0] in POLICY
    told = {"source": POLICY.replace(*change, 1)}
    answered = signed_in(carla).post(reverse("policy-draft"), told, headers={"accept-language": "de"})
    assert answered.status_code == 422
    (problem,) = answered.context["form"].errors["source"]
    assert re.match(r"Zeile \d+[,:] ", problem)
    assert said in problem


@pytest.mark.django_db
def test_an_entry_that_the_tree_does_not_hold_is_told_in_german(
    staged: PromotionRequest, ada: Person, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.ledger.inclusion_proof", lambda _index, _size: [])
    page = signed_in(ada).get(reverse("ledger-entry", args=[0]), headers={"accept-language": "de"}).content.decode()
    assert "der Beweis (inclusion) ist kürzer, als der Baum hoch ist" in page


def test_a_refusal_without_german_would_be_found() -> None:
    planted = 'raise WrongStateError(f"{version} sings {song}.")\nraise LookupError("no")\nraise'
    assert refusals(planted) == {"{} sings {}."}
    with translation.override("de"):
        assert ours("7x sings 7x.") == "7x sings 7x."


@pytest.mark.django_db
def test_a_form_refuses_in_german(in_review: PromotionRequest, maya: Person, signed_in: Browser) -> None:
    place = reverse("promotion-withdraw", args=[in_review.pk])
    withdraw_request(actor=maya, request=in_review, reason="we start anew")
    told = {"reason": "once more"}
    page = signed_in(maya).post(place, told, headers={"accept-language": "de"}).content.decode()
    assert "Zustand des Antrags ist schon: zurückgezogen." in page
