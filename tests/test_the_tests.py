"""The tests say the same wherever they are started, and are not skipped in silence."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import warm
from tests.place import MemoryPlace, in_memory

ROOT = Path(__file__).resolve().parents[1]
ALONE = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "--durations=0"]


def test_the_tests_that_the_table_names_are_there() -> None:
    """A kind of fault whose test was renamed or removed is a kind without a test."""
    text = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)*test_[a-z_]+\.py)((?:::[A-Za-z_]\w*)*)", text)
    assert len(named) > 100
    gone = [
        file + tests
        for file, tests in named
        if not (ROOT / "tests" / file).is_file()
        or any(name not in (ROOT / "tests" / file).read_text(encoding="utf-8") for name in tests.split("::") if name)
    ]
    assert gone == []


def test_a_key_ends_a_command_where_signals_are_ignored_from_outside() -> None:
    """A part of the suite by `nohup`, in the background of a shell without a terminal, in a session of its own."""
    tests = [
        "tests/resolving/test_at_the_terminal.py::test_ctrl_c_at_the_question_is_no_bug",
        "tests/hostile/test_hostile.py::test_signals_stop_cleanly_and_resume_goes_on",
        "tests/cli/test_started_otherwise.py::test_without_a_terminal_no_question_waits",
    ]
    done = subprocess.run(
        ["setsid", "-w", "nohup", "sh", "-c", 'trap "" INT; "$@" & wait $!', "sh", *ALONE, *tests],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("reason", "code"), [("needs a tool", 1), ("needs GITALIGN_THOROUGH=1: long", 0), ("needs git 2.45 or newer", 0)]
)
def test_what_is_skipped_for_want_of_a_tool_fails_where_that_is_asked_for(
    tmp_path: Path, reason: str, code: int
) -> None:
    """Asked for in a variable, as `.ci/run` does. Tests do not see it: pytest run by a test is not asked the same."""
    (tmp_path / "test_one.py").write_text(
        f"import os, pytest\ndef test_one():\n    assert 'PYTEST_ADDOPTS' not in os.environ\n    pytest.skip({reason!r})\n"
    )
    words = [*ALONE, "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "--fail-on-skip"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("SKIPPED, and may not be" in done.stdout) == bool(code)
    assert "1 skipped" in done.stdout


def test_what_others_leave_in_the_temporary_directory_is_not_seen() -> None:
    assert "temporary" in Path(tempfile.gettempdir()).parts
    assert os.environ["TMPDIR"] == tempfile.gettempdir()


def test_what_failing_tests_made_in_memory_is_kept_for_a_while(tmp_path: Path) -> None:
    passed, failed, running = (MemoryPlace(tmp_path / "home") for _ in range(3))
    passed.end(is_kept=False)
    failed.end(is_kept=True)
    MemoryPlace(tmp_path / "home").end(is_kept=False)
    assert set((tmp_path / "home").iterdir()) == {failed.path, running.path}
    for place in (failed, running):
        os.utime(place.path, (0, 0))
    MemoryPlace(tmp_path / "home").end(is_kept=False)
    assert set((tmp_path / "home").iterdir()) == {running.path}
    running.end(is_kept=False)


def test_the_tests_are_on_disk_where_that_is_asked_for_or_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    assert in_memory() is None
    monkeypatch.delenv("PYTEST_DEBUG_TEMPROOT")
    assert in_memory(tmp_path) is None, "no mount point"
    monkeypatch.setattr("tests.place.NEEDED_BYTES", 2**60)
    assert in_memory() is None


def say() -> None:
    """What a process of its own sees, on standard output."""
    sys.stdout.write(f"{sys.argv[1:]} {Path.cwd().name} {os.environ.get('SAID')} {sys.stdin.read()}\n")
    sys.stderr.write("error\n")
    raise SystemExit(3)


def give_up() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()


def test_a_warm_process_is_a_process(tmp_path: Path) -> None:
    said = warm.call("tests.test_the_tests:say", "a", 1, cwd=tmp_path, env={"SAID": "x"}, input="in")
    assert said.stdout == f"['a', '1'] {tmp_path.name} x in\n"
    assert (said.returncode, said.stderr) == (3, "error\n")
    assert warm.call("tests.test_the_tests:give_up").returncode == -signal.SIGINT
    assert warm.call("os:abort").returncode == -signal.SIGABRT
    broken = warm.call("tests.test_the_tests:nowhere")
    assert broken.returncode == 1
    assert "AttributeError" in broken.stderr
    running = warm.begin("signal:pause")
    assert running.poll() is None
    running.kill()
    assert running.wait() == -signal.SIGKILL


def test_a_warm_process_that_goes_on_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        warm.call("signal:pause", timeout=0.2)
