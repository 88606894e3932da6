from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy import apt, system_libraries
from deploy.errors import SetUpError
from deploy.layout import PROJECT, Layout
from deploy.progress import Progress

PLAN = """
NOTE: This is only a simulation!
Inst libdatrie1 (0.2.13-2+b1 Debian:12.11/stable [amd64])
Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u10 Debian:12.11/stable [amd64])
Inst libpango-1.0-0 (1.50.12+ds-1 Debian:12.11/stable [amd64]) []
Conf libdatrie1 (0.2.13-2+b1 Debian:12.11/stable [amd64])
"""


def test_the_plan_names_new_packages_and_never_an_upgrade() -> None:
    assert apt.new_packages(PLAN) == ["libdatrie1=0.2.13-2+b1", "libpango-1.0-0=1.50.12+ds-1"]


def test_a_library_that_nobody_has_is_missing(project: Layout) -> None:
    assert system_libraries.missing_libraries(project, ("libc.so.6", "libassay-nobody.so.1")) == [
        "libassay-nobody.so.1"
    ]


def test_libraries_are_gathered_under_links_that_survive_a_move(tmp_path: Path) -> None:
    unpacked = tmp_path / "partial" / "root" / "usr" / "lib" / "x86_64-linux-gnu"
    unpacked.mkdir(parents=True)
    (unpacked / "libpango-1.0.so.0").write_text("pango", encoding="utf-8")
    (unpacked / "notes.txt").touch()
    apt.gather_libraries(tmp_path / "partial" / "root", tmp_path / "partial" / "lib")
    (tmp_path / "partial").rename(tmp_path / "syslibs")
    assert [path.name for path in (tmp_path / "syslibs" / "lib").iterdir()] == ["libpango-1.0.so.0"]
    assert (tmp_path / "syslibs" / "lib" / "libpango-1.0.so.0").read_text(encoding="utf-8") == "pango"


def programs(folder: Path, **scripts: str) -> str:
    """A PATH with these stand-ins in front: what apt-get does depends on the machine, what we make of it must not."""
    folder.mkdir()
    for name, script in scripts.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_packages_are_unpacked_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get = (
        'case "$*" in\n'
        '*--simulate*) echo "Inst libpango-1.0-0 (1.50 Debian:12 [amd64])";;\n'
        "*download*libpango-1.0-0=1.50*) touch libpango.deb;;\n"
        "*update*) ;; *) exit 9;; esac"
    )
    dpkg_deb = 'mkdir -p "$3/usr/lib/x86_64-linux-gnu" && echo pango > "$3/usr/lib/x86_64-linux-gnu/libpango-1.0.so.0"'
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", apt_get=apt_get, dpkg_deb=dpkg_deb))
    shown: list[str] = []
    apt.unpack(["libpango-1.0-0"], tmp_path / "syslibs", shown.append)
    assert (tmp_path / "syslibs" / "lib" / "libpango-1.0.so.0").read_text(encoding="utf-8") == "pango\n"
    assert sorted(path.name for path in (tmp_path / "syslibs").iterdir()) == ["fonts.conf", "lib", "root"]
    assert shown[-1] == "1 packages"


def test_a_failed_fetch_leaves_nothing_and_tells_why_the_update_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt_get = (
        'case "$*" in\n'
        '*update*) echo "W: Temporary failure resolving the mirror" >&2;;\n'
        '*) echo "E: Unable to locate package libpango-1.0-0" >&2; exit 100;; esac'
    )
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", apt_get=apt_get))
    with pytest.raises(apt.AptError, match=r"Unable to locate .* update had said: W: Temporary failure resolving"):
        apt.unpack(["libpango-1.0-0"], tmp_path / "syslibs", lambda _state: None)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_a_program_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(apt.AptError, match="apt-get did not start"):
        apt.install(["libpango-1.0-0"])


def test_the_fonts_are_configured_for_the_final_place(tmp_path: Path) -> None:
    apt.write_fonts_configuration(tmp_path, destination=Path("/home/olga/assay/.venv/syslibs"))
    text = (tmp_path / "fonts.conf").read_text(encoding="utf-8")
    assert "<dir>/home/olga/assay/.venv/syslibs/root/usr/share/fonts</dir>" in text


def test_without_private_libraries_the_environment_stays_as_it_was(
    project: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    assert project.environment()["LD_LIBRARY_PATH"] == "/opt/lib"


@pytest.mark.parametrize(("before", "suffix"), [(None, ""), ("/opt/lib", ":/opt/lib")])
def test_private_libraries_come_first(
    project: Layout, monkeypatch: pytest.MonkeyPatch, before: str | None, suffix: str
) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    if before:
        monkeypatch.setenv("LD_LIBRARY_PATH", before)
    (project.system_libraries / "lib").mkdir(parents=True)
    assert project.environment()["LD_LIBRARY_PATH"] == f"{project.system_libraries}/lib{suffix}"


def test_the_wrapper_and_set_up_agree_on_the_environment(tmp_path: Path) -> None:
    wrapper = tmp_path / "deploy" / "run"
    wrapper.parent.mkdir()
    wrapper.write_bytes((PROJECT.root / "deploy" / "run").read_bytes())
    wrapper.chmod(0o755)
    project = Layout(tmp_path)
    (project.system_libraries / "lib").mkdir(parents=True)
    names = ("LD_LIBRARY_PATH", "FONTCONFIG_FILE")
    printed = subprocess.run(
        [wrapper, "sh", "-c", 'printf "%s\\n" "$LD_LIBRARY_PATH" "$FONTCONFIG_FILE" "$PATH"'],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert printed[:2] == [project.environment()[name] for name in names]
    assert printed[2].startswith(f"{project.venv}/bin:")


class TestWherePangoIsMissing:
    @pytest.fixture(autouse=True)
    def _nobody_has_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(system_libraries, "missing_libraries", lambda _layout: ["libpango-1.0.so.0"])

    def test_a_system_without_apt_gets_its_own_line(
        self, project: Layout, progress: Progress, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/dnf" if name == "dnf" else None)
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        with pytest.raises(SetUpError, match=r"libpango-1\.0\.so\.0") as refusal:
            system_libraries.require_system_libraries(project, progress)
        assert refusal.value.remedy.startswith("sudo dnf install --assumeyes pango harfbuzz fontconfig")

    @pytest.mark.parametrize(("user", "verb"), [(0, "install"), (1000, "unpack")])
    def test_a_failing_apt_is_quoted_and_the_line_to_run_is_named(
        self, project: Layout, progress: Progress, monkeypatch: pytest.MonkeyPatch, user: int, verb: str
    ) -> None:
        def fail(*_given: object) -> None:
            raise apt.AptError("apt-get ended with 100 (no network)")

        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr("os.geteuid", lambda: user)
        monkeypatch.setattr(apt, verb, fail)
        with pytest.raises(SetUpError, match="no network") as refusal:
            system_libraries.require_system_libraries(project, progress)
        assert "apt-get install --yes --no-install-recommends libpango-1.0-0" in refusal.value.remedy

    def test_apt_that_succeeds_without_effect_is_not_believed(
        self, project: Layout, progress: Progress, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
        monkeypatch.setattr("os.geteuid", lambda: 0)
        monkeypatch.setattr(apt, "install", lambda _packages: None)
        with pytest.raises(SetUpError, match="cannot be loaded"):
            system_libraries.require_system_libraries(project, progress)
