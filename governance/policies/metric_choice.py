"""Which fairness measure suits a use: a short tree of questions whose answers are part of the policy. Pure.

No single measure captures fairness, and several exclude one another where true rates differ (Chouldechova 2017;
Kleinberg, Mullainathan & Raghavan 2017). So the choice is a judgement about the use: what people act on, whether the
label can be trusted, and who is harmed by which error. The tree proposes; whoever departs from it says why, and both
are printed in the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from governance.policies.metric_tree import FIRST, PROPOSALS, QUESTIONS, Measure, Proposal, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the author of a policy answered, and why."""

    question: str
    answer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChoice:
    """The answers from the first question to a proposal; `departure` says why a gate limits something else."""

    answers: tuple[Answer, ...]
    departure: str = ""

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form, in the shape that people write."""
        answers = [{"question": a.question, "answer": a.answer, "reason": a.reason} for a in self.answers]
        return {"answers": answers, **({"departure": self.departure} if self.departure else {})}


class ChoiceError(ValueError):
    """Answers that do not follow the tree. `steps` lead to the wrong one within the choice."""

    def __init__(self, steps: tuple[str | int, ...], problem: str) -> None:
        super().__init__(problem)
        self.steps = steps
        self.problem = problem


def walk(answers: Sequence[tuple[str, str]]) -> Iterator[tuple[Question, str]]:
    """The questions that the answers (question, answer) lead through, each with its answer, "" for the open one.

    Stops where an answer is missing or unknown; ends without an open question where a proposal is reached.
    """
    given, place = dict(answers), FIRST
    while place in QUESTIONS:
        question = QUESTIONS[place]
        option = question.option(given.get(place, ""))
        yield question, option.id if option else ""
        if option is None:
            return
        place = option.leads_to


def proposal_of(answers: Sequence[tuple[str, str]]) -> Proposal | None:
    """Where the answers end, or None while a question is open."""
    place = FIRST
    for question, answer in walk(answers):
        option = question.option(answer)
        if option is None:
            return None
        place = option.leads_to
    return PROPOSALS[place]


def chosen(choice: MetricChoice) -> Proposal:
    """The proposal of a choice that was validated. Raises ChoiceError."""
    place = FIRST
    for index, given in enumerate(choice.answers):
        if place in PROPOSALS:
            raise ChoiceError(("answers", index), f"the tree has ended before, with {PROPOSALS[place].title.lower()}")
        if given.question != place:
            raise ChoiceError(("answers", index, "question"), f"the next question is {place}, not {given.question}")
        option = QUESTIONS[place].option(given.answer)
        if option is None:
            offered = ", ".join(one.id for one in QUESTIONS[place].options)
            raise ChoiceError(
                ("answers", index, "answer"), f"{given.answer} is no answer to {place}; there are {offered}"
            )
        place = option.leads_to
    if place in QUESTIONS:
        raise ChoiceError(("answers",), f"the question {place} is not answered: {QUESTIONS[place].text}")
    return PROPOSALS[place]


def validate(choice: MetricChoice, limited: Sequence[Measure]) -> None:
    """Hold the choice against what the gates limit. Raises ChoiceError: no proposed measure, and no word why."""
    proposal = chosen(choice)
    if not set(limited) & set(proposal.measures) and not choice.departure.strip():
        wanted = ", ".join(f"{check} {metric}" for check, metric in proposal.measures)
        raise ChoiceError(
            ("departure",),
            f"the answers lead to {proposal.title.lower()}, but no gate limits any of {wanted}; limit one, or say why",
        )


def in_words(choice: MetricChoice) -> tuple[tuple[str, str, str], ...]:
    """(question, answer, reason) of each step, as people read them."""
    rows = []
    for given in choice.answers:
        question = QUESTIONS[given.question]
        option = question.option(given.answer)
        rows.append((question.text, option.text if option else given.answer, given.reason))
    return tuple(rows)


def to_document() -> dict[str, Any]:
    """The whole tree, JSON-ready: where it begins, its questions and its proposals."""
    return {
        "first": FIRST,
        "questions": [
            {
                "id": question.id,
                "text": question.text,
                "help": question.help,
                "options": [{"id": o.id, "text": o.text, "leads_to": o.leads_to} for o in question.options],
            }
            for question in QUESTIONS.values()
        ],
        "proposals": [
            {
                "id": proposal.id,
                "title": proposal.title,
                "why": proposal.why,
                "measures": [{"check": check, "metric": metric} for check, metric in proposal.measures],
            }
            for proposal in PROPOSALS.values()
        ],
    }
