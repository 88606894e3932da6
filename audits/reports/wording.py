"""What each check does, in words for people who do not build models. Static text: no number of an audit stands here.

Plain English, which `audits.reports.tongue` says in the reader's language. A check without an entry is described by its
own title and the sentences of its metrics.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.criteria import Outcome
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
    "roc_auc": "ROC AUC",
    "auc": "AUC",
    "pr_auc": "precision-recall AUC",
    "brier_score": "Brier score",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
}


def wording_of(check: str) -> CheckWording:
    """The words for a check id `<family>.<name>`."""
    return CHECKS.get(check) or CHECKS.get(check.partition(".")[0], GENERAL)


def role_in_words(role: str) -> str:
    """A role slug as people say it."""
    return ROLES.get(role, role.replace("_", " "))


def metric_in_words(metric: str) -> str:
    """A metric name as people say it."""
    return METRICS.get(metric, metric.replace("_", " "))
