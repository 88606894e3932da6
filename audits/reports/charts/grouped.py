"""Many nodes as one box of the lineage picture: a stack that says how many, or a frame that lists each by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from django.utils.translation import ngettext

from audits.reports.charts.svg import BAND, INK, MUTED, PAPER, box, clip, clip_middle, group, text

FEW = 12
_ACROSS, _CHIP, _HEAD, _MARGIN, _FOOT = 4, 20, 24, 8, 6


class Member(Protocol):
    """What a group is made of."""

    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def behind(self) -> tuple[str, ...]: ...


Grouped = TypeVar("Grouped", bound=Member)


class Groups(Generic[Grouped]):
    """The groups among nodes, each with its members by name and a key of its own."""

    def __init__(self, nodes: Mapping[str, Grouped], keys: Mapping[str, str]) -> None:
        """`keys` are those of the nodes; a group has that of its first member with another letter."""
        self.members: dict[str, list[Grouped]] = defaultdict(list)
        self._of = {name: node.group or name for name, node in nodes.items()}
        for node in nodes.values():
            if node.group:
                self.members[node.group].append(node)
        for members in self.members.values():
            members.sort(key=_by_name)
        self.keys = {name: f"g{keys[members[0].id][1:]}" for name, members in self.members.items()}

    def edges(self, edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Each once, with groups in the place of members, and without the direct way past a group."""
        real = {(self._of[a], self._of[b]) for a, b in edges if self._of[a] != self._of[b]}
        before = defaultdict(set)
        after = defaultdict(set)
        for a, b in real:
            if b in self.members:
                before[b].add(a)
            if a in self.members:
                after[a].add(b)
        past = {(a, b) for name in self.members for a in before[name] for b in after[name]}
        return sorted(real - past)


def _by_name(member: Member) -> list[tuple[bool, int, str]]:
    """Numbers within names count as numbers: t2 comes before t10."""
    pieces = re.split(r"([0-9]+)", member.label)
    return [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces]


def is_listed(count: int, unfolded: bool | None) -> bool:  # noqa: FBT001 - three states of one switch
    """Whether a group of that size is drawn with its members."""
    return count <= FEW if unfolded is None else unfolded


def bundle_height(count: int) -> float:
    """Of a frame that lists its members."""
    return _HEAD + _CHIP * -(-count // _ACROSS) + _FOOT


def bundle(
    members: Sequence[Member],
    place: tuple[float, float, float, float],
    keys: Mapping[str, str],
    *,
    key: str,
    listed: bool,
) -> str:
    """The frame or the stack. Each member listed carries its key, what is told of it, and the keys of its origin."""
    x, y, width, height = place
    words = ngettext("{number} feature", "{number} features", len(members)).format(number=len(members))
    if not listed:
        height = 40
        parts = [
            box(x + shift, y - shift, width - 5, height, rx="3", fill=PAPER, stroke=MUTED, stroke_width="0.8")
            for shift in (5, 2.5)
        ]
        parts.append(box(x, y, width - 5, height, rx="3", fill=PAPER, stroke=INK, stroke_width="1.2"))
        parts.append(text(x + width / 2, y + 17, clip(words, width - 26), anchor="middle", weight=600))
        named = ", ".join(member.label for member in members)
        parts.append(text(x + width / 2, y + 31, clip(named, width - 26, 9), size=9, anchor="middle", fill=MUTED))
        return group(parts, node=key, kind="feature", told=words)
    frame = box(x, y, width, height, rx="3", fill=PAPER, stroke=INK, stroke_width="1.2")
    head = text(x + _MARGIN, y + 16, words, weight=600)
    chips = [_chip(member, x + _MARGIN, y + _HEAD, width - 2 * _MARGIN, at, keys) for at, member in enumerate(members)]
    return group([frame, head], node=key, kind="feature", told=words) + "".join(chips)


def _chip(member: Member, left: float, top: float, width: float, at: int, keys: Mapping[str, str]) -> str:
    slot = width / _ACROSS
    x, y = left + slot * (at % _ACROSS), top + _CHIP * (at // _ACROSS)
    parts = [
        box(x, y, slot - 4, _CHIP - 4, rx="3", fill=BAND),
        text(x + 6, y + 11.5, clip_middle(member.label, slot - 14, 10), size=10),
    ]
    told = f"{member.label}: {member.detail}" if member.detail else member.label
    behind = " ".join(keys[name] for name in member.behind if name in keys)
    return group(parts, node=keys[member.id], kind="feature", told=told, behind=behind)
