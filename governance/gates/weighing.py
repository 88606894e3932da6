"""What a gate has established so far while it decides, and who is too close to speak for the subject. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from governance.gates.facts import Circumstances, MissingReview, Reason
from governance.policies.values import Exclusion, Gate


@dataclass(slots=True)
class Weighed:
    """What has been established so far. `ends` are the moments at which something that speaks for opening runs out."""

    met: list[Reason] = field(default_factory=list)
    blocking: list[Reason] = field(default_factory=list)
    waived: list[Reason] = field(default_factory=list)
    disregarded: list[Reason] = field(default_factory=list)
    overridden: list[Reason] = field(default_factory=list)
    missing: list[MissingReview] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)


def excluded_from(gate: Gate, circumstances: Circumstances) -> dict[str, str]:
    """People too close to the subject to speak for it, each with the reason. The requester always is one."""
    concerned = dict.fromkeys(circumstances.excluded, "is excluded as a delegate of somebody concerned")
    if Exclusion.RUN_AUTHOR in gate.exclude:
        concerned[circumstances.run_author] = "trained this version"
    if Exclusion.VERSION_AUTHOR in gate.exclude:
        concerned[circumstances.version_author] = "registered this version"
    concerned[circumstances.requester] = "requested this promotion"
    return concerned
