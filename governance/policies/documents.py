"""From a policy text or document to a `Policy`: shape, then sense, then the names known here. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from audits.criteria import Criterion, CriterionError
from audits.plans import AuditPlan, PlanError, PlannedCheck
from governance.policies.metric_choice import Answer, ChoiceError, MetricChoice
from governance.policies.metric_choice import validate as validate_choice
from governance.policies.text import (
    PolicyContradictionError,
    PolicyError,
    PolicyShapeError,
    PolicyText,
    PolicyUnknownNameError,
    PolicyUnreadableError,
    Steps,
    path_of,
    read_policy_text,
)
from governance.policies.values import (
    BreakGlassRule,
    Exclusion,
    Gate,
    IncidentRule,
    Mode,
    OnDeadline,
    Policy,
    Quorum,
    Selection,
    Stage,
    WaiverRule,
)
from registry.canonical import CanonicalError, canonical_json

SCHEMA_PATH = Path(__file__).with_name("schema.json")

#: Who may form a quorum. An auditor changes nothing, an operator runs pipelines, an administrator has no vote by that.
REVIEWING_ROLES = frozenset(
    {
        "data_scientist",
        "ml_engineer",
        "model_owner",
        "model_validator",
        "risk_officer",
        "data_protection_officer",
        "compliance_officer",
        "business_owner",
    }
)


def _accept_parameters(_check: str, _parameters: Mapping[str, Any]) -> None:
    """Accept any parameters: for a vocabulary that does not know what parameters its checks take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What exists in this installation: metrics by check, control ids, roles that may review.

    `validate_parameters(check, parameters)` raises ValueError, with the attribute `field` where it knows one.
    """

    checks: Mapping[str, Collection[str]]
    controls: Collection[str]
    roles: Collection[str] = REVIEWING_ROLES
    validate_parameters: Callable[[str, Mapping[str, Any]], object] = field(default=_accept_parameters)


def parse_policy(text: str, *, vocabulary: Vocabulary) -> Policy:
    """The policy that a person wrote. Raises PolicyError with field, line and problem; the first one in the text."""
    source = read_policy_text(text)
    return _policy(source, vocabulary)


def policy_from_document(document: Any, *, vocabulary: Vocabulary | None = None) -> Policy:
    """The policy of a JSON document. Raises PolicyError.

    Without a vocabulary the names are taken on trust: a policy that was pinned once must still be readable after a
    check was renamed, and such a check then comes out as not run.
    """
    return _policy(PolicyText(document, {}), vocabulary)


def _policy(source: PolicyText, vocabulary: Vocabulary | None) -> Policy:
    _validate_shape(source)
    document = source.document
    _refuse_uncanonical(source)
    policy = Policy(
        slug=document["slug"],
        title=document["title"],
        description=document.get("description", ""),
        selects=Selection(**{name: tuple(entries) for name, entries in document["selects"].items()}),
        stages=tuple(Stage(**entry) for entry in document["stages"]),
        gates=tuple(_gate(source, position) for position in range(len(document["gates"]))),
        metric_choice=_metric_choice(document.get("metric_choice")),
    )
    _validate_sense(source, policy)
    if vocabulary is not None:
        _validate_names(source, policy, vocabulary)
    return policy


def _fail(kind: type[PolicyError], source: PolicyText, steps: Steps, problem: str) -> PolicyError:
    """The error about that place, for the caller to raise."""
    return kind(problem, field=path_of(steps), line=source.line_of(steps))


# -- Shape ------------------------------------------------------------------------------------------------------------
@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _validate_shape(source: PolicyText) -> None:
    """Hold the document against the JSON Schema; report the first problem in the order of the text."""
    errors = sorted(
        _validator().iter_errors(source.document),
        key=lambda error: (source.line_of(tuple(error.absolute_path)) or 0, [str(e) for e in error.absolute_path]),
    )
    if errors:
        steps, problem = _in_words(errors[0])
        raise _fail(PolicyShapeError, source, steps, problem)


SHAPE_PROBLEMS = {
    "type": "must be {}, not {}",
    "enum": "must be one of {}",
    "minItems": "needs at least {} entry",
    "maxItems": "has more than {} entries",
    "uniqueItems": "lists an entry twice",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "maxLength": "is longer than {} characters",
}


def _in_words(error: ValidationError) -> tuple[Steps, str]:
    """Place and sentence of a schema error, without the rest of the document in it."""
    steps: Steps = tuple(error.absolute_path)
    rule, asked, found = str(error.validator), cast("Any", error.validator_value), cast("Any", error.instance)
    if rule == "additionalProperties":
        known = cast("dict[str, Any]", error.schema)["properties"]
        unknown = next(name for name in found if name not in known)
        return (*steps, unknown), f"is not a field here; the fields are {', '.join(known)}"
    if rule == "required":
        missing = next(name for name in asked if name not in found)
        return (*steps, missing), "is missing"
    if rule == "pattern":
        return steps, "must not be empty" if asked == r"\S" else f"{_shortened(found)} does not have the form {asked}"
    return steps, SHAPE_PROBLEMS.get(rule, "is not valid here").format(_alternatives(asked), _kind(found))


def _alternatives(asked: Any) -> str:
    return ", ".join(asked) if isinstance(asked, list) else str(asked)


def _kind(value: Any) -> str:
    """The JSON word for the type of a value."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _shortened(text: str, longest: int = 40) -> str:
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


def _refuse_uncanonical(source: PolicyText) -> None:
    """What has no canonical form has no digest. Only parameters can hold such a value once the shape is right."""
    for position, gate in enumerate(source.document["gates"]):
        for planned, entry in enumerate(gate["checks"]):
            try:
                canonical_json(entry)
            except CanonicalError as error:
                steps = ("gates", position, "checks", planned, "parameters")
                raise _fail(PolicyUnreadableError, source, steps, str(error)) from None
    try:
        canonical_json(source.document)
    except CanonicalError as error:
        raise PolicyUnreadableError(str(error)) from None


# -- Sense ------------------------------------------------------------------------------------------------------------
def _gate(source: PolicyText, position: int) -> Gate:
    """The gate at that position of the document."""
    entry = source.document["gates"][position]
    steps: Steps = ("gates", position)
    criteria = []
    for number, criterion in enumerate(entry["criteria"]):
        try:
            criteria.append(Criterion.from_document(criterion))
        except CriterionError as error:
            place = (*steps, "criteria", number, error.field)
            raise _fail(PolicyContradictionError, source, place, error.problem) from None
    try:
        plan = AuditPlan(
            checks=tuple(PlannedCheck.from_document(planned) for planned in entry["checks"]), criteria=tuple(criteria)
        )
    except PlanError as error:
        raise _fail(PolicyContradictionError, source, (*steps, error.field), error.problem) from None
    return Gate(
        name=entry["name"],
        from_stage=entry["from"],
        to_stage=entry["to"],
        mode=Mode(entry.get("mode", Mode.ENFORCE)),
        evidence_max_age_days=entry["evidence_max_age_days"],
        decision_valid_days=entry["decision_valid_days"],
        waivers=WaiverRule(**entry.get("waivers", {})),
        plan=plan,
        quorum=tuple(Quorum(**quorum) for quorum in entry["reviews"]["quorum"]),
        exclude=tuple(Exclusion(exclusion) for exclusion in entry["reviews"]["exclude"]),
        break_glass=BreakGlassRule(**entry.get("break_glass", {})),
        review_deadline_days=entry.get("review_deadline_days"),
        on_deadline=OnDeadline(entry.get("on_deadline", OnDeadline.ESCALATE)),
        incidents=IncidentRule(entry.get("incidents", IncidentRule.ANY)),
    )


def _metric_choice(entry: Mapping[str, Any] | None) -> MetricChoice | None:
    if entry is None:
        return None
    answers = tuple(Answer(**answer) for answer in entry["answers"])
    return MetricChoice(answers=answers, departure=entry.get("departure", ""))


def _validate_choice(source: PolicyText, policy: Policy) -> None:
    """The answers follow the tree, and a gate limits what they lead to, or the policy says why none does."""
    if policy.metric_choice is None:
        return
    limited = [(criterion.check, criterion.metric) for gate in policy.gates for criterion in gate.criteria]
    try:
        validate_choice(policy.metric_choice, limited)
    except ChoiceError as error:
        raise _fail(PolicyContradictionError, source, ("metric_choice", *error.steps), error.problem) from None


def _validate_sense(source: PolicyText, policy: Policy) -> None:
    """Refuse what is well formed and yet could not be applied, or could be walked around."""
    if not (policy.selects.risk_classes or policy.selects.tags or policy.selects.models):
        raise _fail(
            PolicyContradictionError, source, ("selects",), "selects nothing; name risk classes, tags or models"
        )
    _refuse_repeated(source, "stages", [stage.name for stage in policy.stages])
    _refuse_repeated(source, "gates", [gate.name for gate in policy.gates])
    _validate_choice(source, policy)
    ways = Counter((gate.from_stage, gate.to_stage) for gate in policy.gates)
    declared = [stage.name for stage in policy.stages]
    for position, gate in enumerate(policy.gates):
        steps: Steps = ("gates", position)
        for end, stage in (("from", gate.from_stage), ("to", gate.to_stage)):
            if stage not in declared:
                problem = f"{stage} is not a stage of this policy; it has {', '.join(declared)}"
                raise _fail(PolicyContradictionError, source, (*steps, end), problem)
        if gate.from_stage == gate.to_stage:
            raise _fail(PolicyContradictionError, source, (*steps, "to"), "a gate leads to another stage")
        if ways[gate.from_stage, gate.to_stage] > 1:
            problem = f"two gates lead from {gate.from_stage} to {gate.to_stage}, so the easier one would count"
            raise _fail(PolicyContradictionError, source, (*steps, "to"), problem)
        _validate_reviews(source, gate, steps)
        if gate.on_deadline is OnDeadline.EXPIRE and gate.review_deadline_days is None:
            problem = "needs a deadline (review_deadline_days)"
            raise _fail(PolicyContradictionError, source, (*steps, "on_deadline"), problem)
        _validate_waivers(source, gate, steps)


def _validate_reviews(source: PolicyText, gate: Gate, steps: Steps) -> None:
    """The requester never approves, and each role is asked once."""
    if Exclusion.REQUESTER not in gate.exclude:
        problem = "must name the requester: nobody approves their own request"
        raise _fail(PolicyContradictionError, source, (*steps, "reviews", "exclude"), problem)
    roles = Counter(quorum.role for quorum in gate.quorum)
    for number, quorum in enumerate(gate.quorum):
        if roles[quorum.role] > 1:
            problem = f"{quorum.role} is listed {roles[quorum.role]} times; give it one count"
            raise _fail(PolicyContradictionError, source, (*steps, "reviews", "quorum", number, "role"), problem)


def _validate_waivers(source: PolicyText, gate: Gate, steps: Steps) -> None:
    """No criterion is waivable at a gate that grants no waivers, nor where it marks a prohibited practice."""
    for number, criterion in enumerate(gate.criteria):
        if criterion.waivable and criterion.prohibited:
            place = (*steps, "criteria", number, "waivable")
            raise _fail(PolicyContradictionError, source, place, "a prohibited practice is never waived")
        if criterion.waivable and not gate.waivers.allowed:
            place = (*steps, "criteria", number, "waivable")
            raise _fail(PolicyContradictionError, source, place, "this gate allows no waivers (waivers.allowed)")


def _refuse_repeated(source: PolicyText, kind: str, names: list[str]) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise _fail(PolicyContradictionError, source, (kind, position, "name"), f"{name} is declared twice")


# -- Names ------------------------------------------------------------------------------------------------------------
def _validate_names(source: PolicyText, policy: Policy, vocabulary: Vocabulary) -> None:
    """Every check, parameter, metric, control and role must exist in this installation."""
    for position, gate in enumerate(policy.gates):
        steps: Steps = ("gates", position)
        for number, planned in enumerate(gate.checks):
            _validate_check(source, planned, vocabulary, (*steps, "checks", number))
        for number, criterion in enumerate(gate.criteria):
            _validate_criterion(source, criterion, vocabulary, (*steps, "criteria", number))
        for number, quorum in enumerate(gate.quorum):
            if quorum.role not in vocabulary.roles:
                problem = f"{quorum.role} is not a role that reviews; there are {_listed(vocabulary.roles)}"
                place = (*steps, "reviews", "quorum", number, "role")
                raise _fail(PolicyUnknownNameError, source, place, problem)


def _validate_check(source: PolicyText, planned: PlannedCheck, vocabulary: Vocabulary, steps: Steps) -> None:
    if planned.check not in vocabulary.checks:
        problem = f"{planned.check} is not an installed check; there are {_listed(vocabulary.checks)}"
        raise _fail(PolicyUnknownNameError, source, (*steps, "check"), problem)
    try:
        vocabulary.validate_parameters(planned.check, planned.parameters)
    except ValueError as error:
        named = getattr(error, "field", "")
        place = (*steps, "parameters", named) if named in planned.parameters else (*steps, "parameters")
        raise _fail(PolicyUnknownNameError, source, place, str(error)) from None


def _validate_criterion(source: PolicyText, criterion: Criterion, vocabulary: Vocabulary, steps: Steps) -> None:
    metrics = vocabulary.checks[criterion.check]
    if criterion.metric not in metrics:
        problem = f"{criterion.check} does not measure {criterion.metric}; it measures {_listed(metrics)}"
        raise _fail(PolicyUnknownNameError, source, (*steps, "metric"), problem)
    for number, control in enumerate(criterion.controls):
        if control not in vocabulary.controls:
            problem = f"{control} is not a control of the framework catalogue"
            raise _fail(PolicyUnknownNameError, source, (*steps, "controls", number), problem)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
