"""The guided resolution, driven by keys in a pseudo-terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pexpect
import pytest

from gitalign import facade
from tests.git.workspace import Workspace
from tests.runs import request
from tests.terminal import Terminal

LINES = b"".join(b"line %d\n" % number for number in range(10))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": LINES, "g": LINES})
    made.switch("topic", "main")
    made.commit("first", {"f": LINES.replace(b"line 3", b"three of topic")})
    made.commit("second", {"g": LINES.replace(b"line 5", b"five of topic")})
    made.switch("main")
    made.commit("on", {"f": LINES.replace(b"line 3", b"three of main"), "g": LINES.replace(b"line 5", b"five of main")})
    return made


@pytest.fixture
def editor(tmp_path: Path) -> Path:
    """An editor that takes the lines of the branch, and notes what it was given."""
    place = tmp_path / "editor"
    place.write_text(
        f"#!{sys.executable}\nimport re, sys\n"
        f"open({str(tmp_path / 'edited')!r}, 'a').write(sys.argv[-1] + '\\n')\n"
        "text = open(sys.argv[-1]).read()\n"
        "text = re.sub(r'<<<<<<< .*?=======\\n(.*?)>>>>>>> [^\\n]*\\n', r'\\1', text, flags=re.S)\n"
        "open(sys.argv[-1], 'w').write(text)\n"
    )
    place.chmod(0o755)
    return place


def start(work: Workspace, *words: str, editor: Path) -> Terminal:
    environment = {"GIT_EDITOR": f"{editor} --wait", "TERM": "dumb", "COLUMNS": "200", "NO_COLOR": "1"}
    return Terminal("resolve", *words, "--repo", work.path, env=environment)


def test_ctrl_c_at_the_question_is_no_bug(work: Workspace, editor: Path) -> None:
    shell = start(work, "topic", editor=editor)
    shell.expect("what now")
    shell.end_with("c")
    assert "bug" not in (shell.before or "")
    assert "stopped" in (shell.before or "")
    shell.close()
    assert shell.exitstatus == 130


def test_ctrl_d_at_the_question_means_later(work: Workspace, editor: Path) -> None:
    tip = work.tip("topic")
    shell = start(work, "topic", editor=editor)
    shell.expect("what now")
    shell.sendcontrol("d")
    shell.expect("kept; git align resolve topic goes on")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 1
    assert work.tip("topic") == tip


@pytest.mark.parametrize("key", ["c", "d"])
def test_a_key_that_ends_any_other_question_is_no_bug(work: Workspace, editor: Path, key: str) -> None:
    tip = work.tip("topic")
    work.switch("fine", "main~1")
    work.commit("fine", {"h": b"1\n"})
    work.switch("main")
    shell = Terminal("run", "--strategy", "merge", "--repo", work.path, env={"TERM": "dumb"})
    shell.expect("Align 2 branches now")
    shell.end_with(key)
    assert "bug" not in (shell.before or "")
    shell.close()
    assert shell.exitstatus == 130
    assert work.tip("topic") == tip


def test_edit_continue_and_move(work: Workspace, editor: Path, tmp_path: Path) -> None:
    shell = start(work, "topic", editor=editor)
    shell.expect("stopped at 1 of 2")
    shell.expect("what now")
    shell.sendline("c")
    shell.expect("conflict markers are left in f")
    shell.expect("what now")
    shell.sendline("e")
    shell.expect("what now")
    shell.sendline("x")
    shell.expect("one of e, m, d, c, k, a, l")
    shell.expect("what now")
    shell.sendline("c")
    shell.expect("stopped at 2 of 2")
    shell.expect("what now")
    shell.sendline("d")
    shell.expect("five of main")
    shell.expect("what now")
    shell.sendline("l")
    shell.expect("goes on")
    shell.expect(pexpect.EOF)
    shell = start(work, "topic", editor=editor)
    shell.expect("stopped at 2 of 2")
    shell.expect("what now")
    shell.sendline("e")
    shell.expect("what now")
    shell.sendline("c")
    shell.expect(r"move topic there\?")
    shell.sendline("y")
    shell.expect("1 aligned")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    assert work.git("show", "topic:f").encode() + b"\n" == LINES.replace(b"line 3", b"three of topic")
    assert work.git("show", "topic:g").encode() + b"\n" == LINES.replace(b"line 5", b"five of topic")
    assert [Path(line).name for line in (tmp_path / "edited").read_text().splitlines()] == ["f", "g"]


def test_abort_at_the_prompt(work: Workspace, editor: Path) -> None:
    before = work.git("for-each-ref")
    shell = start(work, "topic", editor=editor)
    shell.expect("what now")
    shell.sendline("a")
    shell.expect("given up")
    shell.expect(pexpect.EOF)
    assert work.git("for-each-ref") == before
    assert facade.resolutions_under_way(request(work.path)) == ()


def test_saying_no_at_the_end_keeps_the_work(work: Workspace, editor: Path) -> None:
    before = work.git("rev-parse", "topic")
    shell = start(work, "topic", editor=editor)
    for _ in range(2):
        shell.expect("what now")
        shell.sendline("k")
    shell.expect(r"move topic there\?")
    shell.sendline("n")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 1
    assert work.git("rev-parse", "topic") == before
    (look,) = facade.resolutions_under_way(request(work.path))
    assert look.stand.value == "done"


def test_what_git_alone_settled_is_shown_before_it_is_moved(tmp_path: Path, editor: Path) -> None:
    """A merge driver settled a commit under `git rebase --continue`, where a run would have stopped."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": LINES, ".gitattributes": b"g merge=mine\n"})
    work.git("config", "merge.mine.driver", "cp %B %A")
    work.switch("topic", "main")
    work.commit("first", {"f": LINES.replace(b"line 3", b"three of topic")})
    work.commit("second", {"g": LINES.replace(b"line 5", b"five of topic")})
    work.switch("main")
    work.commit("on", {"f": LINES.replace(b"line 3", b"three of main"), "g": LINES.replace(b"line 5", b"five of main")})
    tip = work.tip("topic")
    folder = facade.resolve(request(work.path), "topic").session.folder
    work.git("-C", folder, "checkout", "--theirs", "f")
    work.git("-C", folder, "add", "f")
    work.git("-C", folder, "rebase", "--continue", env={"GIT_EDITOR": "true"})
    shell = start(work, "topic", "--continue", "--yes", editor=editor)
    shell.expect("resolved by git alone, where a run would stop: [0-9a-f]{12} second")
    shell.expect(pexpect.EOF)
    assert work.tip("topic") == tip, "the first --continue shows it"
    shell = start(work, "topic", editor=editor)
    shell.expect(r"move topic there\?")
    shell.sendline("y")
    shell.expect("1 aligned")
    shell.expect(pexpect.EOF)
    assert work.tip("topic") != tip
