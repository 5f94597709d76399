"""The real command in a pseudo-terminal: what it needs, what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.git.workspace import Workspace
from tests.terminal import Terminal

LINES = b"".join(b"line %d\n" % number for number in range(10))
MAIN_SCREEN_AGAIN = "\x1b[?1049l"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    for name in ("one", "two"):
        work.switch(name, "main")
        work.commit(f"on {name}", {"f": LINES.replace(b"line 3", b"three of " + name.encode())})
    work.switch("main")
    work.commit("on", {"f": LINES.replace(b"line 3", b"three of main")})
    return work


def start(work: Workspace, *words: str) -> Terminal:
    environment = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "30"}
    return Terminal("conflicts", "--browse", "--repo", work.path, *words, rows=30, columns=120, env=environment)


def ended(command: list[str], **environment: str) -> tuple[str, int | None]:
    """What a command says in a terminal, and its exit code."""
    terminal = pexpect.spawn(
        command[0], command[1:], env={**os.environ, **environment}, encoding="utf-8", timeout=60, dimensions=(30, 200)
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.before or "", terminal.exitstatus


def settings(terminal: Terminal) -> str:
    """Of the terminal, as a shell would find it."""
    return subprocess.run(["stty", "-g"], stdin=terminal.child_fd, capture_output=True, text=True, check=True).stdout


def next_settings(shell: pexpect.spawn[str]) -> str:
    """What the next `stty -g` in a shell says."""
    shell.expect(r"\w+:[\w:]+")
    assert isinstance(shell.after, str)
    return shell.after


def left_behind(work: Workspace) -> list[Path]:
    return list((work.path / ".git" / "gitalign").glob("quarantine/*"))


def test_start_look_around_and_quit(work: Workspace) -> None:
    before = work.git("for-each-ref")
    terminal = start(work)
    found = settings(terminal)
    terminal.expect("2 branches conflict, at 2 clashes")
    terminal.expect("three of one")
    assert settings(terminal) != found
    terminal.send("j\x1b[B")
    terminal.expect("three of two")
    terminal.send("q")
    terminal.expect(re.escape(MAIN_SCREEN_AGAIN))
    terminal.expect(pexpect.EOF)
    # The last settings were put back before the process ended.
    terminal.close()
    assert terminal.exitstatus == 1
    assert work.git("for-each-ref") == before
    assert not left_behind(work)


def test_the_terminal_is_as_it_was(work: Workspace) -> None:
    shell = pexpect.spawn("bash", ["--norc", "--noprofile"], encoding="utf-8", timeout=60, dimensions=(30, 120))
    shell.sendline("export TERM=xterm-256color PS1='$ '; stty -g")
    before = next_settings(shell)
    shell.sendline(f"{sys.executable} -m gitalign conflicts --browse --repo {work.path}; echo ended with $?; stty -g")
    shell.expect("2 branches conflict")
    shell.send("\x03")
    shell.expect("ended with 1")
    assert next_settings(shell) == before
    shell.close(force=True)


def test_on_to_resolving(work: Workspace) -> None:
    terminal = start(work, "two")
    terminal.expect("three of two")
    terminal.send("r")
    terminal.expect(re.escape(MAIN_SCREEN_AGAIN))
    terminal.expect("stopped at 1 of 1")
    terminal.expect("what now")
    terminal.sendline("a")
    terminal.expect("given up")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_gives_the_terminal_back(work: Workspace, number: int) -> None:
    terminal = start(work)
    terminal.expect("2 branches conflict")
    terminal.signal(number)
    terminal.expect(re.escape(MAIN_SCREEN_AGAIN))
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert not left_behind(work)


@pytest.mark.parametrize(("words", "kind"), [((), "no terminal"), (("--json",), "json"), ((), "dumb")])
def test_without_a_fit_terminal_it_says_what_to_do(work: Workspace, words: tuple[str, ...], kind: str) -> None:
    command = [sys.executable, "-m", "gitalign", "conflicts", "--browse", "--repo", str(work.path), *words]
    if kind == "dumb":
        text, code = ended(command, TERM="dumb")
    else:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        text, code = done.stdout + done.stderr, done.returncode
    assert code == 2
    assert "--browse needs a terminal" in text
    assert "git align conflicts" in text


def test_no_other_verb_pays_for_the_screen(work: Workspace) -> None:
    words = "import sys; from gitalign.cli.main import main\ntry: main()\nfinally: print([m for m in sys.modules if 'textual' in m])"
    for verb in (["conflicts"], ["--help"], ["plan"]):
        done = subprocess.run(
            [sys.executable, "-c", words, *verb], cwd=work.path, capture_output=True, text=True, check=False
        )
        assert done.stdout.splitlines()[-1] == "[]", verb


def test_without_textual_it_says_how_to_get_it(work: Workspace, tmp_path: Path) -> None:
    words = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'textual' else real(name, *more)\n"
        "from gitalign.cli.main import main; main()"
    )
    script = tmp_path / "without.py"
    script.write_text(words)
    said, code = ended([sys.executable, str(script), "conflicts", "--browse", "--repo", str(work.path)], TERM="xterm")
    assert code == 3
    assert "git-align[screen]" in said
