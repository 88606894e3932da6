"""Where set-up puts things. Everything lies inside the project folder, so deleting `.venv` undoes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The places below one project folder."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Says what was installed last; written only after it was installed wholly."""
        return self.venv / "assay-setup.json"

    @property
    def lock(self) -> Path:
        return self.root / ".venv.lock"

    @property
    def system_libraries(self) -> Path:
        """Holds the libraries of the system that an ordinary user could not install into the system."""
        return self.venv / "syslibs"

    @property
    def requirements(self) -> Path:
        return self.root / "requirements.txt"

    @property
    def test_requirements(self) -> Path:
        return self.root / "tests" / "requirements.txt"

    def environment(self) -> dict[str, str]:
        """The environment in which the private libraries are found; `deploy/run` says the same in shell."""
        found = dict(os.environ)
        libraries = self.system_libraries / "lib"
        if libraries.is_dir():
            before = found.get("LD_LIBRARY_PATH")
            found["LD_LIBRARY_PATH"] = f"{libraries}:{before}" if before else str(libraries)
            found["FONTCONFIG_FILE"] = str(self.system_libraries / "fonts.conf")
        return found


PROJECT = Layout(Path(__file__).resolve().parent.parent)
