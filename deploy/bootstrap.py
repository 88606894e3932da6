"""Sets up this machine for Assay: `python3 -m deploy.bootstrap [--with-tests]`, run by every `make` target.

It asks first for what only the machine's owner can give (a supported Python, Pango), and names the exact line to run
where it is missing, before it changes anything. Then come the virtual environment and the pinned packages. A second
run finds everything in place and returns in a moment; two runs at once wait for each other.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy import packages
from deploy.errors import SetUpError
from deploy.interpreter import require_interpreter
from deploy.layout import PROJECT, Layout
from deploy.progress import Progress
from deploy.system_libraries import missing_libraries, require_system_libraries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def set_up(layout: Layout, progress: Progress, *, with_tests: bool) -> None:
    """Bring the machine into the state that the requirement files describe; raise SetUpError where that cannot be."""
    require_interpreter()
    if is_ready(layout, with_tests=with_tests):
        return
    with alone(layout):
        require_system_libraries(layout, progress)
        if not packages.is_installed(layout, with_tests=with_tests):
            packages.install(layout, progress, with_tests=with_tests)


def is_ready(layout: Layout, *, with_tests: bool) -> bool:
    return packages.is_installed(layout, with_tests=with_tests) and not missing_libraries(layout)


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the project's set-up lock; the system lets go of it when this process ends, however it ends."""
    try:
        stream = layout.lock.open("a")
    except OSError as error:
        raise SetUpError(
            f"Set-up has to write into {layout.root}, which this user may not ({error.strerror}).",
            remedy=f'cp -r {layout.root} "$HOME/assay" && cd "$HOME/assay"',
        ) from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.bootstrap", description="Set up this machine for Assay.")
    parser.add_argument("--with-tests", action="store_true", help="also what the tests and the tools need")
    given = parser.parse_args(arguments)
    try:
        set_up(PROJECT, Progress(), with_tests=given.with_tests)
    except SetUpError as error:
        sys.stderr.write(f"\nSet-up stopped. {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nSet-up was interrupted; the next run takes it up again.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
