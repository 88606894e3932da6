"""Words that would break a page, reach outside or read differently from what was signed, in every field at once."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from audits.reports.parts import Lineage, LineageNode

HOSTILE = (
    "<script>alert(1)</script><img src='http://evil.example/x.png'><link rel=attachment href='file:///etc/passwd'>"
    "{{ document.subject }}{% include 'x' %}</style><style>@import 'http://evil.example/x.css'</style>"
    "\u202egnp.exe\u200b שלום 漢字 😀✅ \x00 ' \" & ]]> --> </script>"
)


def hostile(value: Any) -> Any:
    """The same document with hostile words in every text that people or machines wrote."""
    if isinstance(value, Lineage):
        node = LineageNode(id=HOSTILE, kind=HOSTILE, label=HOSTILE, detail=HOSTILE, problem=HOSTILE)
        return Lineage(nodes=(node,), edges=((HOSTILE, HOSTILE),))
    if type(value) is str:
        return HOSTILE if not re.fullmatch(r"sha256:[0-9a-f]{64}|[\d.]+|open|closed|en", value) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{f.name: hostile(getattr(value, f.name)) for f in dataclasses.fields(value)}
        )
    if isinstance(value, dict):
        return {hostile(key): hostile(entry) for key, entry in value.items()}
    return tuple(hostile(entry) for entry in value) if isinstance(value, tuple) else value
