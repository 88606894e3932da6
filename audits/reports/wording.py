"""What each check does, in words for people who do not build models. Static text: no number of an audit stands here.

Plain English, which `audits.reports.tongue` says in the reader's language. A check without an entry is described by its
own title and the sentences of its metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from audits.criteria import Outcome
from audits.measurements import ACRONYMS
from audits.reports.dossier import PointStatus
from audits.reports.parts import Verdict


@dataclass(frozen=True, slots=True)
class CheckWording:
    """`method`: what was done; `reading`: how to read the numbers; `limits`: what they cannot say."""

    method: str
    reading: str
    limits: str


GENERAL = CheckWording(
    method="The check measured the evidence named under “What was read”. It knew no limits while it measured; "
    "the comparison with the policy was made afterwards, from the stored values.",
    reading="A value is printed with the number of rows it rests on and, where one can be computed, its confidence "
    "interval. The wider the interval, the less the rows can tell.",
    limits="The numbers describe the rows that were read. They do not tell how the model behaves on people who are "
    "not represented in them.",
)

CHECKS = {
    "fairness": CheckWording(
        method="The predictions on the evaluation rows were counted separately for each group of people: how many "
        "were selected rightly, selected wrongly, passed over rightly, passed over wrongly. All rates come from these "
        "four counts, and differences and ratios from the rates. The groups are those of the columns that the "
        "dataset’s owner declared as sensitive.",
        reading="A difference of zero, or a ratio of one, means that the groups are treated alike by that measure. "
        "Look at the interval before the point: an interval that crosses the limit line means that the rows do not "
        "settle the question, and that is reported as inconclusive, never as passed.",
        limits="Equal rates on these rows do not prove fair treatment of any single person, and no single measure "
        "captures fairness: some exclude one another when the groups differ in their true rates. No European law sets "
        "a numeric fairness limit; each limit here is a choice of the policy, with its reason and author.",
    ),
    "explainability": CheckWording(
        method="For each explained row, the model’s output was split into contributions of the single features "
        "(Shapley values). The sum of the contributions was compared with the output of the real model, "
        "and the importance of a feature is the mean size of its contributions.",
        reading="A longer bar means that the feature moves the model’s output more. The interval tells how far "
        "another sample of rows could change it. Importance says how much a feature is used, not in which direction, "
        "and not whether its use is right.",
        limits="Contributions describe the model, not the world: a feature may matter because it stands in for "
        "another one. Reasons for a single person vary more than the ranking over all people.",
    ),
    "explainability.provided": CheckWording(
        method="The contributions of the single features to each row’s output (Shapley values or alike) were computed "
        "elsewhere and handed in as a table. They were held against the output stated beside them, and summed up.",
        reading="A longer bar means that the feature is said to move the model’s output more. Whether the table "
        "describes the model at all was not tested, because the model could not be asked.",
        limits="The table is a claim of whoever made it. Only its origin, its sums and its spread can be looked at.",
    ),
    "explainability.change": CheckWording(
        method="The new version and the one in the stage were explained on the same rows against the same background. "
        "For each feature, its share of all contributions was compared between the two.",
        reading="A change of zero means that both versions use the feature alike. An interval that does not reach zero "
        "means that the change is more than the choice of rows.",
        limits="The comparison tells what the answers rest on, not whether they became better.",
    ),
    "lineage": CheckWording(
        method="Starting from the model version, every recorded job and dataset was followed upstream to the declared "
        "sources, and each step was asked for its digest, outcome, owner, licence, legal basis and retention.",
        reading="A share of one means that every step answered. Whatever is missing is named with its place in "
        "the graph; the picture of the lineage marks it with a dashed frame.",
        limits="Lineage is what the tools and people recorded. The check finds gaps and contradictions in the record; "
        "it cannot see a step that nobody recorded at all.",
    ),
    "data_quality": CheckWording(
        method="Each declared column was compared with the content of the file: type, missing and constant values, "
        "duplicates, rows that appear both in training and in testing, and how well each group is represented.",
        reading="Shares are of the rows read. A column that is declared but absent is an error of the evidence, "
        "and never counts as clean.",
        limits="The check sees the form of the values, not their truth: a plausible wrong entry looks right.",
    ),
    "performance": CheckWording(
        method="The predictions on rows that were kept out of training were compared with the known outcomes.",
        reading="Read each value with its interval, and for the weakest group as well as overall: a good average can "
        "hide a group for which the model does not work.",
        limits="The values hold for data like the data that was read. When the population or the process changes, "
        "they must be measured again.",
    ),
}

#: Of a family whose general words would be wrong for a check, what that check does; the rest is as in the family.
_OTHERWISE = {
    "fairness.slices": {
        "method": "Every group of rows that one or two columns describe was searched for errors more frequent than "
        "among all rows. The excess of the worst slices is given with an interval and with a p-value that is corrected "
        "for the number of slices looked at.",
        "reading": "An excess of 0.10 means that in this slice ten more of a hundred answers are wrong than among all "
        "rows. Slices that nobody thought of before are leads, and no proof.",
    },
    "fairness.calibration": {
        "method": "For each group of people, the scores were compared with what happened: whether a score means the "
        "same chance in every group, and how well it ranks within each.",
        "reading": "On the diagonal, of the people with a score of 0.3 about three in ten have the outcome. A curve "
        "above it says that the score is too low for the group, one below that it is too high.",
    },
    "fairness.conditional_parity": {
        "method": "Within each stratum of comparable people, the groups’ rates of selection were compared, and the "
        "strata were then taken together.",
    },
    "fairness.dataset_bias": {
        "method": "The labels of the training data were counted for each group, before any model: how often a group "
        "carries the favourable label, and how far that is from everybody else.",
    },
    "fairness.impact_ratios": {
        "method": "The rate of selection, or of scores above the median of all, was divided for each category by that "
        "of the category with the highest rate, for each characteristic alone and for all of them crossed.",
        "reading": "A ratio of one means selected as often as the category selected most. Categories that are too "
        "small for a ratio are shown with their counts.",
    },
    "fairness.multiclass": {
        "method": "For each group of people and each class, the predicted classes were compared with the recorded "
        "ones.",
    },
    "fairness.ranking": {
        "method": "The rankings were read from the top: how much of the readers’ attention each group gets, and how "
        "many of the first places, beside its share among all who were ranked.",
    },
    "fairness.regression": {
        "method": "The predicted numbers and their errors were compared between the groups of people: their means, and "
        "their whole distributions.",
    },
    "lineage.digests": {
        "method": "Every content along the lineage that is held here was read again and its digest recomputed, then "
        "compared with the digest that was declared.",
        "reading": "No mismatch means that what is held is what was declared. A content that is held elsewhere counts "
        "as not held, never as matching.",
        "limits": "A digest tells that content has not changed, not that it was right in the first place.",
    },
    "lineage.leakage": {
        "method": "The rows of the evaluation were looked for in the training data, whole, nearly alike and by "
        "identifier and time; and each input was tried out alone as a predictor of the target.",
        "reading": "An overlap of zero means that no evaluated row was seen in training. An input that alone comes "
        "close to 1 knows the answer already.",
        "limits": "What was reworded or aggregated before it came into both tables is not found.",
    },
    "lineage.purpose": {
        "method": "The cards of all data behind the version were read along the lineage: for which purpose and on "
        "which legal basis data were collected, how long they may be kept, where they are, and which licence holds.",
        "reading": "Each figure counts datasets or steps. Zero means that the cards name nothing to object to.",
        "limits": "The cards are what people declared. Whether a legal basis holds, a person has to judge.",
    },
    "lineage.special_categories": {
        "method": "Columns tagged as personal, sensitive or of a special category were followed along the lineage to "
        "the features of the model, and each feature was tried out as a predictor of the sensitive columns.",
        "reading": "An AUC of 0.5 means that a feature tells nothing about the group; 1 means that it stands in for "
        "it.",
        "limits": "Only tagged columns can be followed, and only groups that are recorded can be found by proxy.",
    },
    "performance.comparison": {
        "method": "This version and the one in the stage answered the same rows, and their errors were compared row by "
        "row.",
        "reading": "An interval of the difference that does not reach zero means that the versions differ by more than "
        "chance on these rows.",
    },
    "robustness.perturbation": {
        "method": "Inputs were changed a little, one kind of change at a time, and the model was asked again.",
        "reading": "The share of changed answers says how much rests on small differences of input; the loss of "
        "performance says what it costs.",
        "limits": "The changes tried are those listed here. An attacker will think of others.",
    },
}
CHECKS |= {check: replace(CHECKS.get(check.partition(".")[0], GENERAL), **words) for check, words in _OTHERWISE.items()}

OUTCOMES = {
    Outcome.SATISFIED: ("●", "satisfied"),
    Outcome.NOT_SATISFIED: ("◆", "not satisfied"),
    Outcome.INCONCLUSIVE: ("○", "inconclusive"),
    Outcome.ERROR: ("×", "error"),
    Outcome.TIMED_OUT: ("×", "timed out"),
    Outcome.NOT_RUN: ("×", "not run"),
}

VERDICTS = {
    Verdict.SUPPORTS: "●",
    Verdict.DOES_NOT_SUPPORT: "◆",
    Verdict.NOT_ASSESSED: "×",
    Verdict.AWAITING_A_PERSON: "○",
    Verdict.NOT_APPLICABLE: "–",
}

POINTS = {
    PointStatus.FROM_RECORDS: ("●", "from the records"),
    PointStatus.SIGNED: ("●", "answered by a person"),
    PointStatus.OPEN: ("○", "to be completed"),
}

ROLES = {
    "data_protection_officer": "data protection officer",
    "ml_engineer": "ML engineer",
}


METRICS = {
    "brier": "Brier score",
    "f1": "F1",
    "pr_auc": "precision-recall AUC",
    "brier_score": "Brier score",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    # Tables of evidence and their columns whose names were made for programs.
    "controls": "self-test on planted cases",
    "good": "in the good case",
    "bad": "in the bad case",
    "low": "lower end",
    "high": "upper end",
    "n": "rows",
    "p": "p-value",
    "p_holm": "p-value (Holm)",
    "p_benjamini_hochberg": "p-value (Benjamini–Hochberg)",
}


def wording_of(check: str) -> CheckWording:
    """The words for a check id `<family>.<name>`."""
    return CHECKS.get(check) or CHECKS.get(check.partition(".")[0], GENERAL)


def role_in_words(role: str) -> str:
    """A role slug as people say it."""
    return ROLES.get(role, role.replace("_", " "))


def metric_in_words(metric: str) -> str:
    """A metric name as people say it."""
    return METRICS.get(metric) or " ".join(ACRONYMS.get(word, word) for word in metric.split("_"))
