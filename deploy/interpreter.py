"""Is this Python one the pinned packages run on, and can it make a virtual environment?"""

from __future__ import annotations

import importlib.util
import os
import sys

from deploy.errors import SetUpError

OLDEST = (3, 11)
NEWEST = (3, 14)
NEEDED_MODULES = ("venv", "ensurepip", "ssl", "sqlite3", "ctypes")


def require_interpreter(
    version: tuple[int, int] = (sys.version_info[0], sys.version_info[1]),
    platform: str = sys.platform,
    modules: tuple[str, ...] = NEEDED_MODULES,
) -> None:
    """Raise SetUpError for a platform, a version or a Python without the modules that set-up needs."""
    if platform != "linux":
        raise SetUpError(
            f"Set-up knows Linux; this is {platform}.",
            remedy='docker run --rm -it -p 8000:8000 -v "$PWD:/assay" -w /assay debian:bookworm bash',
        )
    if not OLDEST <= version <= NEWEST:
        raise SetUpError(
            f"Python {_dotted(OLDEST)} to {_dotted(NEWEST)} is needed; {sys.executable} is {_dotted(version)}.",
            remedy="make PYTHON=/path/to/python3.11 demo",
        )
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise SetUpError(
            f"{sys.executable} lacks {', '.join(missing)}; Debian keeps parts of Python in packages of their own.",
            remedy=as_root("apt-get install --yes python3-venv"),
        )


def as_root(*commands: str) -> str:
    """The commands as one line that the present user can paste."""
    prefix = "" if os.geteuid() == 0 else "sudo "
    return " && ".join(prefix + command for command in commands)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
