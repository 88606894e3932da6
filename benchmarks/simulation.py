"""The policy time machine: past promotions under a draft, from stored observations. Promised are 1,000 in 10 s.

`python -m benchmarks.simulation [--promotions 100] [--rounds 3]`

A past is made first, by the verbs themselves, which takes far longer than replaying it: give `--promotions 1000` to see
the promise itself. DATABASE_URL names the server (SQLite by default); a database of its own is made there and removed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.ledger import database

if TYPE_CHECKING:
    from governance.models import PolicyVersion

PROMISED_SECONDS = 10.0
PROMISED_PROMOTIONS = 1000


def past(count: int) -> PolicyVersion:
    """`count` decided promotions, every second one blocked, and a draft with another limit."""
    # Django must be set up before its models can be imported, as `database` does.
    from governance.models.access import Role
    from governance.policy_versions import draft_policy
    from registry.versions import register_model
    from tests.people import World, dataset_version, fair_rows, person
    from tests.stories import POLICY, approve, ask, gap, measure, result, rules

    roles = {
        "maya": Role.DATA_SCIENTIST,
        "victor": Role.MODEL_VALIDATOR,
        "rosa": Role.RISK_OFFICER,
        "carla": Role.COMPLIANCE_OFFICER,
    }
    people: dict[str, Any] = {name: person(name, role) for name, role in roles.items()}
    facts: dict[str, Any] = {"name": "M", "intended_purpose": "x", "risk_class": "high", "affected_persons": "y"}
    model = register_model(actor=people["maya"], slug="m", **facts)
    world = World(model, dataset_version(people["maya"], "d", fair_rows(60)), people["maya"])
    rules(people["carla"], people["rosa"])
    for number in range(count):
        request = ask(people["maya"], world.version(f"model {number}".encode()))
        measure(request, result(gap(0.45 if number % 2 else 0.05)))
        if not number % 2:
            approve(request, people["victor"], "model_validator")
            approve(request, people["rosa"], "risk_officer")
    return draft_policy(actor=people["carla"], source=POLICY.replace('at_most: "0.20"', 'at_most: "0.01"'))


def main(arguments: Sequence[str]) -> int:
    """Print the median with its spread. Returns 1 when the promise is broken, scaled to what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.simulation", description=__doc__)
    parser.add_argument("--promotions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    with database():
        from governance.simulations import simulate

        draft = past(asked.promotions)
        replayed, seconds = 0, []
        for _ in range(asked.rounds):
            begin = time.perf_counter()
            replayed = len(simulate(draft).replays)
            seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds)
    scaled = median / asked.promotions * PROMISED_PROMOTIONS
    sys.stdout.write(
        f"{replayed} past promotions in {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); "
        f"that is {scaled:.2f} s for {PROMISED_PROMOTIONS}, promised are {PROMISED_SECONDS:.0f} s\n"
    )
    return int(scaled > PROMISED_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
