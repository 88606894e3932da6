"""The virtual environment and the pinned packages in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import deque
from typing import TYPE_CHECKING

from deploy.errors import SetUpError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.layout import Layout
    from deploy.progress import Progress

BYTES_NEEDED = 2 * 1024**3
_PARTS_OF_A_VENV = ("bin", "include", "lib", "lib64", "share", "pyvenv.cfg")
_LAST_LINES = 12


def requirements_digest(*files: Path) -> str:
    """Digest of the requirement files: equal digests install equal packages."""
    content = hashlib.sha256()
    for file in files:
        content.update(file.read_bytes() + b"\0")
    return f"sha256:{content.hexdigest()}"


def is_installed(layout: Layout, *, with_tests: bool) -> bool:
    """Whether a finished installation of exactly these requirements stands in a working environment of this folder."""
    stamp = _read_stamp(layout)
    if stamp.get("folder") != str(layout.venv.resolve()) or not _runs(layout):
        return False
    wanted = _wanted(layout, with_tests=with_tests)
    return all(stamp.get(name) == digest for name, digest in wanted.items())


def install(layout: Layout, progress: Progress, *, with_tests: bool) -> None:
    """Make the environment where there is none that works, then install the pins. The stamp is written last."""
    _require_own_environment(layout)
    stamp = _read_stamp(layout)
    moved = stamp.get("folder") not in (None, str(layout.venv))
    if moved or not _runs(layout):
        _require_space(layout)
        with progress.step("virtual environment in .venv"):
            _make_environment(layout)
            stamp = {}
    layout.stamp.unlink(missing_ok=True)
    file = layout.test_requirements if with_tests else layout.requirements
    with progress.step("Python packages, a minute or two at first") as show:
        _pip_install(layout, file, show)
    wanted = _wanted(layout, with_tests=with_tests)
    partial = layout.stamp.with_suffix(".partial")
    partial.write_text(json.dumps({**stamp, "folder": str(layout.venv), **wanted}, indent=1), encoding="utf-8")
    partial.rename(layout.stamp)


def _wanted(layout: Layout, *, with_tests: bool) -> dict[str, str]:
    wanted = {"service": requirements_digest(layout.requirements)}
    if with_tests:
        wanted["tests"] = requirements_digest(layout.requirements, layout.test_requirements)
    return wanted


def _read_stamp(layout: Layout) -> dict[str, str]:
    try:
        stamp = json.loads(layout.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _runs(layout: Layout) -> bool:
    """Whether the environment's Python starts and finds its pip: false after the system's Python was replaced."""
    try:
        asked = subprocess.run([layout.python, "-c", "import pip"], check=False, capture_output=True)
    except OSError:
        return False
    return asked.returncode == 0


def _require_own_environment(layout: Layout) -> None:
    """A linked environment is another folder's: it may be used as it is, and is not ours to alter or to make anew."""
    if layout.venv.is_symlink():
        raise SetUpError(
            f"{layout.venv} is a link to {layout.venv.resolve()}, where these packages are not all installed.",
            remedy=f"rm {layout.venv}    # the next run makes an environment of this folder's own",
        )


def _require_space(layout: Layout) -> None:
    free = shutil.disk_usage(layout.root).free
    if free < BYTES_NEEDED:
        raise SetUpError(
            f"The packages need 2 GB below {layout.root}; {free / 1024**3:.1f} GB are free.",
            remedy=f"df -h {layout.root}    # and make room",
        )


def _make_environment(layout: Layout) -> None:
    """A fresh environment. What else lies in its folder stays: system libraries may have been put there just now."""
    for name in _PARTS_OF_A_VENV:
        part = layout.venv / name
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
    command = [sys.executable, "-m", "venv", str(layout.venv)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        raise SetUpError(f"No virtual environment could be made: {made.stdout}{made.stderr}", remedy=" ".join(command))


def _pip_install(layout: Layout, file: Path, show: Callable[[str], None]) -> None:
    """Install the file's pins, wheels only: a build from source would need compilers and take an hour."""
    command = [str(layout.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--requirement", str(file)]
    # A personal pip.conf may ask for --user installs, which pip refuses inside an environment.
    environment = {**os.environ, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    total = _pins(layout.requirements) + (_pins(file) if file != layout.requirements else 0)
    last: deque[str] = deque(maxlen=_LAST_LINES)
    seen = 0
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen = min(seen + 1, total)
                show(f"{seen} of {total}")
            elif line.startswith("Installing collected packages"):
                show("unpacking")
            elif not line.startswith(" "):
                last.append(line)
    if pip.returncode != 0:
        raise SetUpError(
            f"pip could not install the packages. Its last words:\n\n{''.join(last)}", remedy=" ".join(command)
        )
    show(f"{total} packages")


def _pins(file: Path) -> int:
    return sum("==" in line.partition("#")[0] for line in file.read_text(encoding="utf-8").splitlines())
