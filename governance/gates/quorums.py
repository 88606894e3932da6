"""Whether the approvals at hand fill the seats a gate asks for, with different people in each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from governance.policies.values import Quorum


def seated(quorum: Sequence[Quorum], roles_of: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """The people seated for each role, so that as many seats as possible are taken and nobody takes two.

    `roles_of` maps each approving person to the roles they approved in. A person who may sit in several roles is moved
    to where they are needed: a maximum bipartite matching by augmenting paths (Kuhn). The order of people does not
    change how many seats are filled.
    """
    seats = [(entry.role, number) for entry in quorum for number in range(entry.count)]
    taken: dict[tuple[str, int], str] = {}
    for person in sorted(roles_of):
        _seat(person, roles_of, seats, taken, set())
    return {entry.role: sorted(person for (role, _), person in taken.items() if role == entry.role) for entry in quorum}


def is_full(quorum: Sequence[Quorum], roles_of: Mapping[str, Collection[str]]) -> bool:
    """Whether every seat is taken. A quorum that asks for nobody is never full."""
    people = seated(quorum, roles_of)
    return bool(quorum) and all(0 < entry.count <= len(people[entry.role]) for entry in quorum)


def _seat(
    person: str,
    roles_of: Mapping[str, Collection[str]],
    seats: Sequence[tuple[str, int]],
    taken: dict[tuple[str, int], str],
    tried: set[tuple[str, int]],
) -> bool:
    """Seat the person, moving others to another of their seats where that frees one."""
    for seat in seats:
        if seat[0] not in roles_of[person] or seat in tried:
            continue
        tried.add(seat)
        if seat not in taken or _seat(taken[seat], roles_of, seats, taken, tried):
            taken[seat] = person
            return True
    return False
