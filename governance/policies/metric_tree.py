"""The questions about a use and the fairness measures to which they lead: the words of the tree. Pure.

It follows Saleiro et al. (2018, the Aequitas tree), Makhlouf, Zhioua & Palamidessi (2021) and, on labels that repeat
old decisions, Wachter, Mittelstadt & Russell (2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Measure = tuple[str, str]  # check, metric


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer; `leads_to` names the next question, or a proposal."""

    id: str
    text: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers; `help` says what to think about."""

    id: str
    text: str
    help: str
    options: tuple[Option, ...]

    def option(self, answer: str) -> Option | None:
        """The option of that id."""
        return next((option for option in self.options if option.id == answer), None)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where the tree ends: at least one of `measures` has to carry a limit. `why` is printed."""

    id: str
    title: str
    why: str
    measures: tuple[Measure, ...]


GROUPS, CALIBRATION = "fairness.group_metrics", "fairness.calibration"

QUESTIONS: Mapping[str, Question] = {
    question.id: question
    for question in (
        Question(
            "acts_on",
            "What do people act on?",
            "A decision is yes or no. A score is read by somebody, or by a later rule. An order decides who is seen "
            "first. A quantity is a number that is itself granted or charged.",
            (
                Option("decision", "a decision, yes or no", "label"),
                Option("score", "a score that is read as a chance", "score_label"),
                Option("order", "an order, in which the first are seen", "order"),
                Option("quantity", "a quantity, such as an amount or a price", "quantity"),
            ),
        ),
        Question(
            "label",
            "Does the recorded label tell the truth, for every group alike?",
            "Past decisions, arrests or complaints are often recorded as if they were the truth. Where nobody knows "
            "what would have become of those who were refused, the label is known for the selected only.",
            (
                Option("trustworthy", "yes, it records what really happened", "harm"),
                Option("doubtful", "no, it records what people decided, or is missing for those refused", "reasons"),
            ),
        ),
        Question(
            "score_label",
            "Does the recorded label tell the truth, for every group alike?",
            "A score can only be compared with what really happened. Where the label is itself somebody's judgement, a "
            "well calibrated score repeats that judgement.",
            (
                Option("trustworthy", "yes, it records what really happened", "calibration"),
                Option("doubtful", "no, it records what people decided, or is missing for those refused", "scores"),
            ),
        ),
        Question(
            "harm",
            "Who is harmed by a wrong decision?",
            "A wrong yes harms where it punishes or exposes: an accusation, a treatment without need. A wrong no harms "
            "where it denies: a loan, a job, help. Positive means what the model's signature declares.",
            (
                Option("wrongly_selected", "the people wrongly selected", "selected"),
                Option("wrongly_passed_over", "the people wrongly passed over", "passed_over"),
                Option("both", "both of them", "both"),
                Option("those_who_get_less", "whoever gets less of something scarce, right or wrong", "reasons"),
            ),
        ),
        Question(
            "reasons",
            "Are there reasons, open to everybody and lawful, for which groups may be selected at unlike rates?",
            "A professional licence or the size of a household may be such a reason; a stand-in for the group itself "
            "is none. The reason must be a column of the data.",
            (
                Option("none", "no, there are none", "parity"),
                Option("declared", "yes, and they are columns of the data", "conditional"),
            ),
        ),
    )
}

PROPOSALS: Mapping[str, Proposal] = {
    proposal.id: proposal
    for proposal in (
        Proposal(
            "selected",
            "Equal false positive rates",
            "Where a wrong yes harms, people who do not deserve it must be spared alike in every group.",
            (
                (GROUPS, "predictive_equality_difference"),
                (GROUPS, "false_positive_rate_difference"),
                (GROUPS, "worst_group_false_positive_rate"),
                (GROUPS, "false_positive_rate_ratio"),
            ),
        ),
        Proposal(
            "passed_over",
            "Equal opportunity",
            "Where a wrong no harms, people who qualify must be found alike in every group.",
            (
                (GROUPS, "equal_opportunity_difference"),
                (GROUPS, "true_positive_rate_difference"),
                (GROUPS, "worst_group_true_positive_rate"),
                (GROUPS, "true_positive_rate_ratio"),
            ),
        ),
        Proposal(
            "both",
            "Equalized odds",
            "Where both errors harm, both rates must be alike in every group.",
            (
                (GROUPS, "equalized_odds_difference"),
                (GROUPS, "equalized_odds_mean_difference"),
                (GROUPS, "equalized_odds_ratio"),
                (GROUPS, "average_odds_difference"),
            ),
        ),
        Proposal(
            "parity",
            "Equal selection",
            "Where the label cannot be trusted, or something scarce is shared out, only the decisions themselves can "
            "be compared: how often each group is selected.",
            (
                (GROUPS, "demographic_parity_difference"),
                (GROUPS, "selection_rate_ratio"),
                (GROUPS, "selection_rate_difference"),
                (GROUPS, "selection_rate_ratio_to_rest"),
                ("fairness.impact_ratios", "lowest_impact_ratio"),
            ),
        ),
        Proposal(
            "conditional",
            "Equal selection among people who are alike in the declared reasons",
            "Unlike rates are compared within each declared reason, so that only what it does not explain remains.",
            (
                ("fairness.conditional_parity", "largest_conditional_difference"),
                ("fairness.conditional_parity", "conditional_selection_difference"),
            ),
        ),
        Proposal(
            "calibration",
            "Calibration within groups",
            "Whoever reads a score as a chance is misled about a group for which it means something else.",
            (
                (CALIBRATION, "calibration_gap_difference"),
                (CALIBRATION, "worst_group_expected_calibration_error"),
                (CALIBRATION, "calibration_gap"),
                (CALIBRATION, "xauc_difference"),
            ),
        ),
        Proposal(
            "scores",
            "Equal shares above the median score",
            "Without a trustworthy label, what can be compared is who scores high: the impact ratio of scoring.",
            (("fairness.impact_ratios", "lowest_impact_ratio"), ("fairness.impact_ratios", "impact_ratio")),
        ),
        Proposal(
            "order",
            "Equal attention",
            "In an order, attention falls off quickly with the place: compare what each group gets of it.",
            (
                ("fairness.ranking", "lowest_exposure_ratio"),
                ("fairness.ranking", "exposure_ratio"),
                ("fairness.ranking", "ndkl_p_value"),
                ("fairness.ranking", "top_share_difference"),
            ),
        ),
        Proposal(
            "quantity",
            "Equal error of the quantity",
            "A group whose quantity is systematically too high or too low pays for it, or gains.",
            (
                ("fairness.regression", "mean_error_difference"),
                ("fairness.regression", "mean_absolute_error_difference"),
                ("fairness.regression", "mean_error"),
            ),
        ),
    )
}

FIRST = "acts_on"
