"""shap, with its loops as plain Python. Worker only.

Compiling them would cost every child five to ten seconds before the first row, and running them so costs next to
nothing; what else is compiled with numba in the same process stays so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba


@contextmanager
def _uncompiled() -> Iterator[None]:
    """What is imported meanwhile is left as it is by the decorators of numba."""
    config: Any = numba.config
    before, config.DISABLE_JIT = config.DISABLE_JIT, True
    try:
        yield
    finally:
        config.DISABLE_JIT = before


with _uncompiled():
    import shap as _imported

shap: Any = _imported
