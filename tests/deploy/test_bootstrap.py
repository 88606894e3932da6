from __future__ import annotations

import fcntl
import io
import threading

import pytest

from deploy import bootstrap
from deploy.errors import SetUpError
from deploy.interpreter import require_interpreter
from deploy.layout import PROJECT, Layout
from deploy.progress import Progress


def test_a_supported_python_is_accepted() -> None:
    require_interpreter()


@pytest.mark.parametrize("version", [(3, 10), (3, 15), (2, 7)])
def test_another_python_is_refused_with_the_line_that_names_one(version: tuple[int, int]) -> None:
    with pytest.raises(SetUpError, match=r"3\.11 to 3\.14 is needed") as refusal:
        require_interpreter(version, "linux", ("venv",))
    assert refusal.value.remedy.startswith("make PYTHON=")


def test_a_python_without_venv_is_refused_with_the_package_to_install() -> None:
    with pytest.raises(SetUpError, match="lacks ensurepip_of_debian") as refusal:
        require_interpreter((3, 11), "linux", ("venv", "ensurepip_of_debian"))
    assert "apt-get install --yes python3-venv" in refusal.value.remedy


def test_another_system_is_told_how_to_get_linux() -> None:
    with pytest.raises(SetUpError, match="knows Linux; this is darwin") as refusal:
        require_interpreter((3, 11), "darwin", ("venv",))
    assert refusal.value.remedy.startswith("docker run")


def test_a_user_without_rights_gets_the_remedy_with_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SetUpError) as refusal:
        require_interpreter((3, 11), "linux", ("no_such_module",))
    assert refusal.value.remedy == "sudo apt-get install --yes python3-venv"


def test_root_gets_the_remedy_without_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(SetUpError) as refusal:
        require_interpreter((3, 11), "linux", ("no_such_module",))
    assert refusal.value.remedy == "apt-get install --yes python3-venv"


def test_the_error_ends_with_the_line_to_run() -> None:
    assert str(SetUpError("Pango is missing.", remedy="apt-get install pango")).splitlines() == [
        "Pango is missing.",
        "Run this, then try again:",
        "",
        "    apt-get install pango",
    ]


def test_set_up_changes_nothing_when_the_python_is_wrong(
    project: Layout, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SetUpError("Too old.", remedy="make PYTHON=python3.11")

    monkeypatch.setattr(bootstrap, "require_interpreter", refuse)
    with pytest.raises(SetUpError):
        bootstrap.set_up(project, progress, with_tests=False)
    assert sorted(entry.name for entry in project.root.iterdir()) == ["requirements.txt", "tests"]


def test_a_machine_that_is_ready_is_left_alone_in_silence(progress: Progress, terminal: io.StringIO) -> None:
    if not bootstrap.is_ready(PROJECT, with_tests=False):
        pytest.skip("these tests run outside of what make set up")
    before = PROJECT.stamp.stat().st_mtime_ns
    bootstrap.set_up(PROJECT, progress, with_tests=False)
    assert (terminal.getvalue(), PROJECT.stamp.stat().st_mtime_ns) == ("", before)


def test_two_runs_wait_for_each_other(project: Layout) -> None:
    inside, leave, second = threading.Event(), threading.Event(), threading.Event()

    def first_run() -> None:
        with bootstrap.alone(project):
            inside.set()
            leave.wait(10)

    def second_run() -> None:
        with bootstrap.alone(project):
            second.set()

    threads = [threading.Thread(target=run) for run in (first_run, second_run)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    assert not second.wait(0.2)
    leave.set()
    assert second.wait(10)
    for thread in threads:
        thread.join()


def test_the_lock_is_free_again_after_a_failure(project: Layout) -> None:
    with pytest.raises(ValueError, match="broken"), bootstrap.alone(project):
        raise ValueError("broken")
    with project.lock.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_written_is_named(project: Layout) -> None:
    project.lock.mkdir()  # even root cannot open a folder for writing
    with pytest.raises(SetUpError, match="which this user may not"), bootstrap.alone(project):
        pass


def test_the_command_ends_with_1_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_given: object, **_named: object) -> None:
        raise SetUpError("Pango is missing.", remedy="apt-get install pango")

    monkeypatch.setattr(bootstrap, "set_up", refuse)
    assert bootstrap.main([]) == 1
    assert "    apt-get install pango" in capsys.readouterr().err
