from __future__ import annotations

import pytest

from governance.models import Policy, PolicyVersion
from registry.models import Person
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD
from tests.stories import POLICY

POLICIES = "/api/v1/policies/"
ACTIVATE = "/api/v1/policies/house_rules/versions/1/activate/"


def test_a_policy_is_drafted_by_one_and_activated_by_another(connect: Connect, carla: Person, rosa: Person) -> None:
    made = connect(carla).post(POLICIES, POLICY.encode(), content_type="application/yaml")
    assert (made.status_code, made.json()["status"], made.json()["author"]) == (201, "draft", "carla")
    done = connect(rosa).post(ACTIVATE, {"password": PASSWORD, "reason": "agreed"}, format="json")
    assert (done.status_code, done.json()["status"]) == (200, "active")
    listed = connect(carla).get(POLICIES, {"status": "active"}).json()["results"]
    assert [(row["slug"], row["number"]) for row in listed] == [("house_rules", 1)]
    assert connect(carla).get(made["Location"]).json()["source"] == POLICY


def test_json_says_the_same_as_yaml(connect: Connect, carla: Person) -> None:
    made = connect(carla).post(POLICIES, {"source": POLICY}, format="json")
    assert (made.status_code, made.json()["digest"]) == (201, PolicyVersion.objects.get().digest)


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("fairness.group_metrics", "fairness.vibes", "policy-unknown-name", "gates[0].checks[0].check"),
        (
            "metric: demographic_parity_difference",
            "metric: charm",
            "policy-unknown-name",
            "gates[0].criteria[0].metric",
        ),
        ("controls: [aia-10-2-f]", "controls: [aia-99]", "policy-unknown-name", "gates[0].criteria[0].controls[0]"),
        (
            "quorum: [{role: model_validator, count: 1}, {role: risk_officer, count: 1}]",
            "quorum: []",
            "policy-shape",
            "gates[0].reviews.quorum",
        ),
        ('at_most: "0.20"', "at_most: 0.20", "policy-shape", "gates[0].criteria[0].at_most"),
        ("title: House rules", "titel: House rules", "policy-shape", ""),
    ],
)
def test_a_faulty_policy_names_the_field_and_leaves_nothing(
    connect: Connect, carla: Person, old: str, new: str, code: str, field: str
) -> None:
    assert old in POLICY
    answer = connect(carla).post(POLICIES, {"source": POLICY.replace(old, new)}, format="json")
    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert problem["code"] == code
    assert problem.get("field", "").startswith(field), problem
    assert problem["line"] > 0
    assert not Policy.objects.exists()


def test_its_author_cannot_activate_it(connect: Connect, carla: Person) -> None:
    client = connect(carla)
    client.post(POLICIES, {"source": POLICY}, format="json")
    refused(client.post(ACTIVATE, {"password": PASSWORD}, format="json"), 403, "separation-of-duties")
    assert not PolicyVersion.objects.active().exists()


def test_activation_is_signed(connect: Connect, carla: Person, rosa: Person) -> None:
    connect(carla).post(POLICIES, {"source": POLICY}, format="json")
    refused(connect(rosa).post(ACTIVATE, {"password": "guessed"}, format="json"), 403, "wrong-credential", "password")
    refused(connect(rosa).post(ACTIVATE, {}, format="json"), 403, "wrong-credential", "password")
    assert not PolicyVersion.objects.active().exists()


def test_the_same_text_is_one_version(connect: Connect, carla: Person, policy: PolicyVersion) -> None:
    refused(connect(carla).post(POLICIES, {"source": POLICY}, format="json"), 409, "duplicate", "source")


def test_drafting_is_for_those_who_may(connect: Connect, maya: Person) -> None:
    refused(connect(maya).post(POLICIES, {"source": POLICY}, format="json"), 403, "permission-refused")


def test_a_draft_is_held_against_the_past(connect: Connect, carla: Person, maya: Person, policy: PolicyVersion) -> None:
    tighter = POLICY.replace('at_most: "0.20"', 'at_most: "0.05"')
    connect(carla).post(POLICIES, {"source": tighter}, format="json")
    path = "/api/v1/policies/house_rules/versions/2/simulate/"
    answer = connect(carla).post(path, format="json")
    assert answer.status_code == 200
    assert answer.json()["counts"] == {"newly-blocked": 0, "released": 0, "unchanged": 0, "not-selected": 0}
    (change,) = answer.json()["changes"]
    assert (change["before"], change["after"], change["bearing"]) == ("0.20", "0.05", "stricter")
    refused(connect(maya).post(path, format="json"), 403, "permission-refused")


def test_the_tree_of_fairness_measures_can_be_read(connect: Connect, carla: Person) -> None:
    tree = connect(carla).get(f"{POLICIES}metric-choice/").json()
    assert tree["first"] == "acts_on"
    assert {"harm", "label"} <= {question["id"] for question in tree["questions"]}


def test_two_versions_are_compared_rule_by_rule(connect: Connect, carla: Person, policy: PolicyVersion) -> None:
    client = connect(carla)
    client.post(POLICIES, {"source": POLICY.replace('at_most: "0.20"', 'at_most: "0.30"')}, format="json")
    path = "/api/v1/policies/house_rules/versions/{}/diff/"
    told = client.get(path.format(2)).json()
    assert (told["policy"], told["against"]) == ("house_rules/2", "house_rules/1")
    (change,) = told["changes"]
    assert (change["before"], change["after"], change["bearing"]) == ("0.20", "0.30", "looser")
    (back,) = client.get(path.format(1) + "?against=2").json()["changes"]
    assert back["bearing"] == "stricter"
    assert client.get(path.format(1)).json() == {"policy": "house_rules/1", "against": None, "changes": []}
    refused(client.get(path.format(1) + "?against=x"), 422, "invalid-input", "against")
    refused(client.get(path.format(1) + "?against=9"), 404, "unknown-subject", "policy")


def test_comparing_is_for_those_who_see_policies(connect: Connect, otto: Person, policy: PolicyVersion) -> None:
    refused(connect(otto).get("/api/v1/policies/house_rules/versions/1/diff/"), 403, "permission-refused")
