"""Sees that the system libraries can be loaded that no Python package carries.

WeasyPrint draws the reports with Pango, LightGBM counts with libgomp.

As root the distribution's packages are installed. An ordinary user gets the same packages unpacked into the project
(`.venv/syslibs`), which changes nothing outside of it; `deploy/run` points the loader there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from deploy import apt
from deploy.errors import SetUpError
from deploy.interpreter import as_root

if TYPE_CHECKING:
    from deploy.layout import Layout
    from deploy.progress import Progress

# What WeasyPrint and LightGBM open at import, under the names they ask the loader for.
LIBRARIES = (
    "libgobject-2.0.so.0",
    "libpango-1.0.so.0",
    "libpangoft2-1.0.so.0",
    "libharfbuzz.so.0",
    "libharfbuzz-subset.so.0",
    "libfontconfig.so.1",
    "libgomp.so.1",
)
DEBIAN_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "libgomp1")
OTHER_DISTRIBUTIONS = {
    "dnf": "dnf install --assumeyes pango harfbuzz fontconfig libgomp",
    "zypper": "zypper --non-interactive install libpango-1_0-0 libharfbuzz-subset0 fontconfig libgomp1",
    "pacman": "pacman -S --needed --noconfirm pango harfbuzz fontconfig gcc-libs",
}
_PROBE = """
import ctypes, sys
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        print(name)
"""


def require_system_libraries(layout: Layout, progress: Progress) -> None:
    """Install what is missing; raise SetUpError with the line to run where that is not possible."""
    if not missing_libraries(layout):
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise _still_missing(layout, "this is not Debian or one of its children, so set-up cannot fetch them")
    try:
        if os.geteuid() == 0:
            with progress.step("Pango and libgomp, into the system"):
                apt.install(DEBIAN_PACKAGES)
        else:
            with progress.step("Pango and libgomp, into .venv/syslibs") as show:
                apt.unpack(DEBIAN_PACKAGES, layout.system_libraries, show)
    except apt.AptError as error:
        raise _still_missing(layout, str(error)) from error
    if missing_libraries(layout):
        raise _still_missing(layout, "apt-get reported success, yet they cannot be loaded")


def missing_libraries(layout: Layout, names: tuple[str, ...] = LIBRARIES) -> list[str]:
    """The names the dynamic loader cannot open. Asked in a child, because the loader reads its path only at start."""
    asked = subprocess.run(
        [sys.executable, "-c", _PROBE, *names], env=layout.environment(), check=True, capture_output=True, text=True
    )
    return asked.stdout.split()


def remedy() -> str:
    """The line that installs the libraries with this machine's package manager."""
    for manager, command in OTHER_DISTRIBUTIONS.items():
        if shutil.which(manager) and not shutil.which("apt-get"):
            return as_root(command)
    return as_root("apt-get update", f"apt-get install --yes --no-install-recommends {' '.join(DEBIAN_PACKAGES)}")


def _still_missing(layout: Layout, reason: str) -> SetUpError:
    names = ", ".join(missing_libraries(layout))
    return SetUpError(
        f"PDF reports and LightGBM models need libraries that are not on this machine ({names}): {reason}.",
        remedy=remedy(),
    )
