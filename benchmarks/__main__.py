"""`python -m benchmarks [name …]`: every module here that has `main`, one after the other, or the named ones."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time

import benchmarks


def names() -> list[str]:
    """Modules with `main(arguments)`; the others serve them."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    return [name for name in found if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")]


def main(wanted: list[str]) -> int:
    """Run them with their defaults. Returns 1 if any of them says so, 2 for a name that is none."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.stderr.write(f"{unknown[0]} is no benchmark; there are {', '.join(known)}.\n")
        return 2
    worst = 0
    for name in wanted or known:
        module = importlib.import_module(f"benchmarks.{name}")
        sys.stdout.write(f"\n== {name}: {(module.__doc__ or '').strip().splitlines()[0]}\n")
        sys.stdout.flush()
        begin = time.perf_counter()
        worst = max(worst, module.main([]))
        sys.stdout.write(f"({time.perf_counter() - begin:.0f} s)\n")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
