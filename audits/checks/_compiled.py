"""Loops that NumPy cannot do in one step, as machine code. Worker only.

A function is compiled for the one signature it names, when its module is imported: in a warm worker once, before the
first check, and never inside the confined child. Nothing is reordered and nothing runs in parallel, so the same input
gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Function], Function]:
    """Decorate with Numba's notation of result and arguments, such as `float64(int64[::1])`."""
    return cast("Callable[[Function], Function]", numba.njit(signature, cache=True))
