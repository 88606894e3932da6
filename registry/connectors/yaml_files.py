"""YAML from outside as plain JSON values: no bomb of aliases, no circle, nothing that a database refuses.

PyYAML's safe loader makes no objects of foreign types, but it follows every alias: nine lines that each name the line
before ten times are a thousand million values. So the size is counted on the nodes, where an alias is one step, before
anything is made of them. What JSON has no word for (dates, infinity, keys that are no text) becomes text.
"""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from registry.strict_json import UNSTORABLE

MOST_VALUES = 500_000
_MOST_BITS = 256


def loads(text: str) -> Any:
    """The value. Raises ValueError saying what is wrong with it."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise ValueError(f"with its aliases it holds more than {MOST_VALUES} values")
        return _plain(loader.construct_document(node))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _size(node: Any, known: dict[int, float]) -> float:
    """How many values a node becomes when every alias is followed; infinity for one that holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        inside = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for entry in inside for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError(f"a number has more than {_MOST_BITS} bits")
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = str(value)
    if UNSTORABLE.search(text):
        raise ValueError("a text holds NUL or half a character")
    return text


def _key(key: Any) -> str:
    """As JSON writes the keys it knows: `true` and not `True`."""
    plain = _plain(key)
    return plain if isinstance(plain, str) else json.dumps(plain)
