"""The command in surroundings that are odd: output that cannot be written, odd variables, signals while it starts, limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitalign.configuration.load import load_config
from gitalign.errors import ConfigError
from gitalign.streams import is_size
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"own": b"1\n"})
    work.switch("main")
    work.commit("main", {"list": b"2\n"})
    return work


def shell(command: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command.replace("git-align", f"{sys.executable} -m gitalign")],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("output", ["> /dev/full", "| head -0", ">&- 2>&-"])
def test_a_run_ends_with_its_own_code_whatever_becomes_of_its_output(work: Workspace, output: str) -> None:
    """Edge case 60."""
    done = shell(f"git-align run --yes {output}; exit ${{PIPESTATUS[0]}}", work.path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    assert ("cannot write to standard output: No space left" in done.stderr) == (output == "> /dev/full")


@pytest.mark.parametrize("verb", ["plan --json", "--version"])
def test_what_only_prints_is_no_success_when_the_output_is_full(work: Workspace, verb: str) -> None:
    done = shell(f"git-align {verb} > /dev/full", work.path)
    assert done.returncode == 3
    assert done.stderr.count("No space left on device") == 1
    assert "Traceback" not in done.stderr


def test_odd_sizes_of_a_terminal_do_not_matter(work: Workspace) -> None:
    names = ("COLUMNS", "LINES", "TERMINAL_WIDTH", "JUPYTER_COLUMNS", "JUPYTER_LINES", "TERM", "COLORTERM")
    for odd in ("", "²"):
        done = call("plan", cwd=work.path, env=dict.fromkeys(names, odd))
        assert done.returncode == 0, (odd, done.stderr)
        assert "Nothing was changed" in done.stdout
    assert all(is_size(good) for good in ("1", "80", "9999"))
    assert not any(is_size(odd) for odd in (None, "", "word", "²", "٣", "-1", "0", "+8", "8 ", "1" * 5000))


@pytest.mark.parametrize(
    ("when", "number"),
    [
        ("click", signal.SIGINT),
        ("click", signal.SIGHUP),
        ("gitalign.facade", signal.SIGTERM),
        ("gitalign.engine.run.session", signal.SIGINT),
    ],
)
def test_a_signal_while_it_starts_is_an_interruption(tmp_path: Path, when: str, number: signal.Signals) -> None:
    """Before anything was imported, and while a verb imports what it needs."""
    program = (
        "import os, sys\n"
        "class Hook:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {when!r}: os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Hook())\n"
        "sys.argv[1:] = ['plan', '--repo', '/nowhere']\n"
        "from gitalign.start import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["gitalign.one_heap.share_heap", "gitalign.cli.guarded.lost_output"])
def test_a_signal_right_before_or_behind_the_work_of_a_verb_is_an_interruption(
    work: Workspace, place: str, number: signal.Signals
) -> None:
    """There click itself would end with 1."""
    module, _, name = place.rpartition(".")
    program = (
        f"import os, sys, {module}\n"
        f"{module}.{name} = lambda: os.kill(os.getpid(), {int(number)})\n"
        "sys.argv[1:] = ['runs']\n"
        "from gitalign.start import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=work.path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr


def test_a_signal_that_is_ignored_stays_ignored(work: Workspace) -> None:
    """`nohup`, and a job that a shell started in the background."""
    program = (
        "import os, signal\n"
        "from gitalign.engine.runtime.signals import StopSignal, handling_signals\n"
        "stop = StopSignal()\n"
        "with handling_signals(stop):\n"
        "    for number in (signal.SIGINT, signal.SIGHUP): os.kill(os.getpid(), number)\n"
        "    assert not stop.stop_requested\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    assert stop.stop_requested\n"
        "import sys\n"
        "sys.argv[1:] = ['--version']\n"
        "from gitalign.start import main\n"
        "try: main()\n"
        "finally: assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
    )
    done = shell(f"trap '' INT HUP; {sys.executable} -c \"$PROGRAM\"", work.path, PROGRAM=program)
    assert done.returncode == 0, done.stderr


def test_too_little_memory_is_said(work: Workspace) -> None:
    done = shell("ulimit -v 80000; git-align run --yes", work.path)
    assert done.returncode == 3, done.stderr
    assert "memory" in done.stderr
    assert "a bug" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("GITALIGN_ALIGNMENT__TARGETS", "[" * 20_000, "nested too deeply"),
        ("GITALIGN_LANDING__DEPENDENCIES", "{a: " * 20_000, "nested too deeply"),
        ("GITALIGN_ORCHESTRATION__MAX_MEMORY_MB", "9" * 5_000, "cannot be read"),
        ("GITALIGN_ORCHESTRATION__MAX_MEMORY_MB", "9" * 30, "less than or equal"),
        ("GITALIGN_ORCHESTRATION__MAX_ATTEMPTS", "-1", "greater than or equal"),
        ("GITALIGN_ORCHESTRATION__INTEGRATION_TIMEOUT_SECONDS", ".nan", "is nan"),
        ("GITALIGN_ORCHESTRATION__INTEGRATION_TIMEOUT_SECONDS", ".inf", "less than or equal"),
        ("GITALIGN_VALIDATION__MAX_DISK_MB", "1e30", "integer"),
        ("GITALIGN_ALIGNMENT__RETENTION_DAYS", "99999999", "less than or equal"),
    ],
)
def test_odd_values_of_settings_are_faults_with_their_name(variable: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file=None, git_dir=None, environ={variable: value}, overrides={})
    assert variable in caught.value.message
    assert words in caught.value.message
    assert len(caught.value.message) < 600


def test_ages_that_no_calendar_holds_are_refused(work: Workspace) -> None:
    import gitalign
    from gitalign import facade
    from gitalign.errors import UserError

    assert call("prune", "--older-than", "99999999", cwd=work.path).returncode == 2
    with pytest.raises(UserError, match="is not from 0 to"):
        facade.prune(gitalign.Request(repo=work.path), older_than_days=99_999_999)


def test_a_full_disk_for_the_report_leaves_the_run_a_success(work: Workspace) -> None:
    """All has moved; the one file that tells of it cannot be written."""
    from gitalign import facade
    from gitalign.core.plan import Permit

    class Blocked:
        """Takes the place of the report file as soon as the run has its folder."""

        def __call__(self, event: object) -> None:
            for folder in (work.path / ".git/gitalign/runs").iterdir():
                (folder / "report.json").mkdir(exist_ok=True)

    report = facade.run(
        facade.Request(repo=work.path), permit=Permit(plan_id="*", given_by="test"), listeners=[Blocked()]
    )
    assert report.exit_code() == 0
    assert any("the report file is not written" in one for one in report.notices)
    assert facade.show(facade.Request(repo=work.path), "last").counts() == report.counts()
