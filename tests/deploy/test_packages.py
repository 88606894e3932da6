from __future__ import annotations

import io
import json
import re
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy import packages
from deploy.errors import SetUpError
from deploy.layout import PROJECT, Layout
from deploy.progress import Progress


def requirements(file: Path) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


def pretend_installed(project: Layout, **stamp: str) -> None:
    project.python.parent.mkdir(parents=True)
    project.python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    project.python.chmod(0o755)
    project.stamp.write_text(json.dumps(stamp), encoding="utf-8")


@pytest.mark.parametrize("file", [PROJECT.requirements, PROJECT.test_requirements], ids=lambda file: file.parent.name)
def test_every_version_is_exact(file: Path) -> None:
    loose = [str(one) for one in requirements(file) if not re.fullmatch(r"==[\w.]+", str(one.specifier))]
    assert loose == []


def test_no_package_is_pinned_twice() -> None:
    names = [
        canonicalize_name(one.name)
        for file in (PROJECT.requirements, PROJECT.test_requirements)
        for one in requirements(file)
    ]
    assert sorted(names) == sorted(set(names))


def test_what_pinned_packages_need_is_pinned_too() -> None:
    pinned = {canonicalize_name(one.name) for one in requirements(PROJECT.requirements)}
    present = {canonicalize_name(one.name) for one in distributions()}
    needed = {
        canonicalize_name(need.name)
        for name in pinned & present
        for need in map(Requirement, distribution(name).requires or ())
        if need.marker is None or need.marker.evaluate({"extra": ""})
    }
    assert needed - pinned == set()


def test_no_requirement_names_a_registry() -> None:
    for file in (PROJECT.requirements, PROJECT.test_requirements):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", file.read_text(encoding="utf-8"))


def test_nothing_is_installed_in_an_empty_folder(project: Layout) -> None:
    assert not packages.is_installed(project, with_tests=False)


def test_an_installation_is_known_again(project: Layout) -> None:
    pretend_installed(project, folder=str(project.venv), service=packages.requirements_digest(project.requirements))
    assert packages.is_installed(project, with_tests=False)
    assert not packages.is_installed(project, with_tests=True)


def test_a_changed_pin_is_noticed(project: Layout) -> None:
    pretend_installed(project, folder=str(project.venv), service=packages.requirements_digest(project.requirements))
    project.requirements.write_text("django==5.2.19\n", encoding="utf-8")
    assert not packages.is_installed(project, with_tests=False)


def test_a_moved_folder_is_noticed(project: Layout) -> None:
    pretend_installed(
        project, folder="/somewhere/else/.venv", service=packages.requirements_digest(project.requirements)
    )
    assert not packages.is_installed(project, with_tests=False)


def test_a_linked_environment_is_used_and_never_altered(project: Layout, progress: Progress, tmp_path: Path) -> None:
    digest = packages.requirements_digest(project.requirements)
    pretend_installed(project, folder=str(project.venv), service=digest)
    neighbour = Layout(tmp_path / "neighbour")
    (neighbour.root / "tests").mkdir(parents=True)
    neighbour.requirements.write_bytes(project.requirements.read_bytes())
    neighbour.venv.symlink_to(project.venv)
    assert packages.is_installed(neighbour, with_tests=False)
    neighbour.requirements.write_text("another==1\n", encoding="utf-8")
    before = sorted(project.venv.rglob("*"))
    with pytest.raises(SetUpError, match="is a link to"):
        packages.install(neighbour, progress, with_tests=False)
    assert sorted(project.venv.rglob("*")) == before


def test_a_python_that_is_gone_is_noticed(project: Layout) -> None:
    pretend_installed(project, folder=str(project.venv), service=packages.requirements_digest(project.requirements))
    project.python.write_text("#!/no/such/python\n", encoding="utf-8")
    assert not packages.is_installed(project, with_tests=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_an_unreadable_stamp_counts_as_none(project: Layout, text: str) -> None:
    pretend_installed(project)
    project.stamp.write_text(text, encoding="utf-8")
    assert not packages.is_installed(project, with_tests=False)


def test_too_small_a_disk_is_named_before_anything_is_made(
    project: Layout, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "BYTES_NEEDED", 2**80)
    with pytest.raises(SetUpError, match="need 2 GB"):
        packages.install(project, progress, with_tests=False)
    assert not project.venv.exists()


@pytest.mark.slow
def test_an_environment_is_made_and_kept_and_mended(project: Layout, progress: Progress, terminal: io.StringIO) -> None:
    private = project.system_libraries / "lib"
    private.mkdir(parents=True)
    packages.install(project, progress, with_tests=True)
    assert packages.is_installed(project, with_tests=True)
    assert packages.is_installed(project, with_tests=False)

    project.requirements.write_text("# still none\n", encoding="utf-8")
    packages.install(project, progress, with_tests=False)
    assert terminal.getvalue().count("virtual environment in .venv") == 2, "made once: announced and finished"
    assert not packages.is_installed(project, with_tests=True), "the tests' pins include the service's"

    project.python.unlink()
    packages.install(project, progress, with_tests=False)
    assert packages.is_installed(project, with_tests=False)
    assert private.is_dir(), "a new environment leaves the private libraries in place"


@pytest.mark.slow
def test_a_package_that_cannot_be_had_is_named_and_leaves_no_stamp(project: Layout, progress: Progress) -> None:
    project.requirements.write_text("--no-index\nno-such-package-of-assay==1.0\n", encoding="utf-8")
    with pytest.raises(SetUpError, match="no-such-package-of-assay") as refusal:
        packages.install(project, progress, with_tests=False)
    assert str(project.requirements) in refusal.value.remedy
    assert not packages.is_installed(project, with_tests=False)
