"""Debian packages: into the system as root, or unpacked into a folder as anybody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# `Inst name (version …)`: a package that is not there yet. An upgrade reads `Inst name [old] (new …)` and is left
# alone, or a newer libc would be loaded under the system's older loader.
_NEW_PACKAGE = re.compile(r"^Inst (\S+) \((\S+) ", re.MULTILINE)
_LAST_LINES = 2

_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


class AptError(Exception):
    """apt-get or dpkg-deb failed; the message ends with its last words."""


def install(packages: Sequence[str]) -> None:
    """Install the packages into the system; needs root."""
    patience = ("-o", "DPkg::Lock::Timeout=120")
    _run(["apt-get", *patience, "update"])
    _run(["apt-get", *patience, "install", "--yes", "--no-install-recommends", *packages])


def unpack(packages: Sequence[str], folder: Path, show: Callable[[str], None]) -> None:
    """Fetch the packages and what they need, and unpack them below `folder`; needs no rights and installs nothing.

    Afterwards `folder/lib` holds every library under its plain name and `folder/fonts.conf` configures fontconfig.
    The folder appears as a whole or not at all.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        count = _fetch_and_extract(packages, partial, show)
        gather_libraries(partial / "root", partial / "lib")
        write_fonts_configuration(partial, destination=folder)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    show(f"{count} packages")


def _fetch_and_extract(packages: Sequence[str], partial: Path, show: Callable[[str], None]) -> int:
    """Unpack the packages and all they need into `partial/root`; how many that were."""
    archives = partial / "archives"
    archives.mkdir(parents=True)
    private = _private_apt(partial / "apt")
    show("reading package lists")
    complaints = _run(["apt-get", *private, "update"]).stderr.strip()
    try:
        plan = _run(["apt-get", *private, "--simulate", "--no-install-recommends", "install", *packages]).stdout
    except AptError as error:
        # Without a network the update only warns, and what fails is this, for a reason that misleads.
        raise AptError(
            f"{error}; apt-get update had said: {_last_words(complaints)}" if complaints else error
        ) from error
    wanted = new_packages(plan)
    show(f"fetching {len(wanted)} packages")
    _run(["apt-get", *private, "download", *wanted], cwd=archives)
    for archive in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(partial / "root")])
    shutil.rmtree(archives)
    shutil.rmtree(partial / "apt")
    return len(wanted)


def new_packages(plan: str) -> list[str]:
    """`name=version` of every package that apt-get's simulation would newly install."""
    return [f"{name}={version}" for name, version in _NEW_PACKAGE.findall(plan)]


def gather_libraries(root: Path, into: Path) -> None:
    """Link each shared library below `root` from the one folder `into`, relatively, so that both can move together."""
    into.mkdir(parents=True, exist_ok=True)
    for place in ("lib", "usr/lib"):
        for library in sorted(root.glob(f"{place}/*/*.so.*")):
            link = into / library.name
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(library, into))


def write_fonts_configuration(into: Path, *, destination: Path) -> None:
    """Configure fontconfig by the paths that hold once `into` has become `destination`."""
    fonts = destination / "root" / "usr" / "share" / "fonts"
    text = _FONTS_CONF.format(fonts=fonts, cache=destination / "font-cache")
    (into / "fonts.conf").write_text(text, encoding="utf-8")


def _private_apt(folder: Path) -> list[str]:
    """Options that give apt-get lists and a cache of its own; only the record of installed packages is the system's."""
    for place in ("state/lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True)
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": Path("/var/lib/dpkg/status"),
        "Dir::Cache": folder / "cache",
        "Debug::NoLocking": "true",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _run(command: Iterable[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end; raise AptError with the program's last words when it fails."""
    arguments = list(command)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        ended = subprocess.run(
            arguments, cwd=cwd, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise AptError(f"{arguments[0]} did not start ({error})") from error
    if ended.returncode != 0:
        words = _last_words(ended.stderr or ended.stdout)
        raise AptError(f"{arguments[0]} ended with {ended.returncode} ({words})")
    return ended


def _last_words(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-_LAST_LINES:])
