"""Reading policy YAML as written by people, into plain JSON values that know on which line they stand. Pure.

YAML offers far more than a policy needs, and each extra is a way to write one thing and mean another. So aliases, merge
keys, dates, duplicate keys, odd keys and several documents are refused, and size and depth are bounded before anything
is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from registry.errors import AssayError

#: Far more than the longest honest policy; small enough to be read in a request.
MAX_CHARACTERS = 200_000
MAX_DEPTH = 20

#: The steps to a place in the document: keys and list positions.
Steps = tuple[str | int, ...]


class PolicyError(AssayError):
    """The text is no valid policy. `field` is the path as `gates[0].criteria[1].at_most`, "" for the whole.

    `line` counts from 1 in the YAML text; it is None when the policy did not come as text.
    """

    code = "policy-invalid"

    def __init__(self, problem: str, *, field: str = "", line: int | None = None) -> None:
        super().__init__(problem, field=field)
        self.line = line

    def __str__(self) -> str:
        """`line 12, gates[0].name: must not be empty`."""
        place = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.field) if part)
        return f"{place}: {self.problem}" if place else self.problem


class PolicyUnreadableError(PolicyError):
    """The text is not the plain YAML that a policy is written in."""

    code = "policy-unreadable"


class PolicyShapeError(PolicyError):
    """A field is missing, unknown, or of the wrong type."""

    code = "policy-shape"


class PolicyContradictionError(PolicyError):
    """Every field is well formed, but together they could not be applied safely."""

    code = "policy-contradiction"


class PolicyAlteredError(PolicyError):
    """A stored policy is not what its digest says: somebody changed the record behind the service's back."""

    code = "policy-altered"


class PolicyUnknownNameError(PolicyError):
    """The policy names a check, metric, parameter, control or role that does not exist here."""

    code = "policy-unknown-name"


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy document with the line of each of its places. `lines` is empty when it did not come as text."""

    document: Any
    lines: Mapping[Steps, int]

    def line_of(self, steps: Steps) -> int | None:
        """The line of that place, or of the nearest place around it; None when it did not come as text."""
        for end in range(len(steps), -1, -1):
            if steps[:end] in self.lines:
                return self.lines[steps[:end]]
        return None


def path_of(steps: Steps) -> str:
    """`gates[0].criteria[1].at_most`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def read_policy_text(text: str) -> PolicyText:
    """The one document in `text`. Raises PolicyUnreadableError with the line."""
    if len(text) > MAX_CHARACTERS:
        raise PolicyUnreadableError(f"the policy has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    try:
        loader = _PlainLoader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"the text is not YAML: {error.problem or error.context}"
        raise PolicyUnreadableError(problem, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise PolicyUnreadableError(f"the text is not YAML: {str(error).splitlines()[0]}") from None
    if root is None:
        raise PolicyUnreadableError("the policy is empty")
    lines: dict[Steps, int] = {}
    return PolicyText(_plain(loader, root, (), lines), lines)


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes, and refuses aliases and depth on the way, before either can cost anything."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node and what is below it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise PolicyUnreadableError("anchors and aliases are not read; write the value out", line=line)
        if self._depth >= MAX_DEPTH:
            raise PolicyUnreadableError(f"is nested deeper than {MAX_DEPTH} levels", line=line)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _plain(loader: _PlainLoader, node: yaml.Node, steps: Steps, lines: dict[Steps, int]) -> Any:
    """The JSON value of a node. Notes its line, and that of all below it."""
    lines.setdefault(steps, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _plain_mapping(loader, node, steps, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(loader, item, (*steps, position), lines) for position, item in enumerate(node.value)]
    return _plain_scalar(loader, node, steps)


def _plain_mapping(
    loader: _PlainLoader, node: yaml.MappingNode, steps: Steps, lines: dict[Steps, int]
) -> dict[str, Any]:
    """A mapping with text keys, each once."""
    plain: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag != "tag:yaml.org,2002:str":
            problem = f"the key {key_node.value!r} is not text; put it in quotation marks"
            raise PolicyUnreadableError(problem, field=path_of(steps), line=line)
        key = key_node.value
        if key in plain:
            raise PolicyUnreadableError(f"the key {key} is given twice", field=path_of((*steps, key)), line=line)
        lines[(*steps, key)] = line
        plain[key] = _plain(loader, value_node, (*steps, key), lines)
    return plain


_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null"))


def _plain_scalar(loader: _PlainLoader, node: yaml.Node, steps: Steps) -> Any:
    """Text, number, truth value or null. A date or another type is refused: JSON has none."""
    field, line = path_of(steps), node.start_mark.line + 1
    if node.tag not in _SCALARS:
        kind = node.tag.rpartition(":")[2]
        problem = f"is read by YAML as {kind}, which a policy does not have; put it in quotation marks"
        raise PolicyUnreadableError(problem, field=field, line=line)
    try:
        scalar = loader.construct_object(node)
    except (ValueError, yaml.YAMLError):
        raise PolicyUnreadableError("is a number that cannot be read", field=field, line=line) from None
    if isinstance(scalar, float) and not math.isfinite(scalar):
        raise PolicyUnreadableError(f"{node.value} is not a finite number", field=field, line=line)
    return scalar
