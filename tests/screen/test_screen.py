"""The screen, driven by keys, on real repositories."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from gitalign import facade
from gitalign.cli.browse import FromRepository
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitError
from gitalign.ports import Listener
from gitalign.screen.app import ConflictsScreen
from gitalign.screen.source import Leaving, Source
from tests.git.workspace import Workspace
from tests.runs import request

LINES = [b"line %d\n" % number for number in range(30)]
PATIENCE_S = 60.0


def text(**changed: bytes) -> bytes:
    return b"".join(changed.get(f"l{number}", line) for number, line in enumerate(LINES))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`one` and `two` stop at the same clash in `list`, `three` at another one there and in `other`; `fine` aligns."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": text(), "other": text()})
    for name, files in (
        ("one", {"list": text(l3=b"drei\n")}),
        ("two", {"list": text(l3=b"drei\n", l29=b"end\n")}),
        ("three", {"list": text(l3=b"trois\n"), "other": text(l9=b"neuf\n")}),
        ("fine", {"fine": b"1\n"}),
    ):
        work.switch(name, "main")
        work.commit(f"on {name}", files)
    work.switch("main")
    work.commit("three here", {"list": text(l3=b"three\n"), "other": text(l9=b"nine\n")})
    return work


def source(work: Workspace) -> FromRepository:
    return FromRepository(request(work.path), furthest=True, flags=())


async def until(pilot: Pilot[Leaving], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await pilot.pause(0.02)
    await pilot.pause()


def words(pilot: Pilot[Leaving], name: str = "#words") -> str:
    return str(pilot.app.query_one(name, Static).visual)


def on_top(pilot: Pilot[Leaving], name: str) -> str:
    return str(pilot.app.screen.query_one(name, Static).visual)


@asynccontextmanager
async def opened(
    of: Source, *, size: tuple[int, int] = (100, 20), branch: str | None = None, stop: StopSignal | None = None
) -> AsyncIterator[Pilot[Leaving]]:
    """The screen once conflicts were found and both sides of the first one looked at."""
    app = ConflictsScreen(of, stop=stop or StopSignal(), branch=branch)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.query_one("#both").display)
        if app.query_one("#list", OptionList).option_count:
            await until(pilot, lambda: "path" in words(pilot) and "looking at both sides" not in words(pilot))
        yield pilot


def lines(pilot: Pilot[Leaving]) -> list[str]:
    rows = pilot.app.query_one("#list", OptionList)
    return [str(option.prompt).strip() for option in rows.options]


async def test_what_is_shown(work: Workspace) -> None:
    before = work.git("for-each-ref")
    async with opened(source(work)) as pilot:
        assert words(pilot, "#state").strip().endswith("3 branches conflict, at 2 clashes")
        assert [line.split()[0] for line in lines(pilot)] == ["2", "1"]
        told = words(pilot)
        assert "these 2 branches stop at the same clash" in told
        assert "A U Thor <author@example.org>: " in told
        assert "three here" in told
        assert "one (1 of 2), onto main" in told
        assert "commit 1 of 1" in told
        assert "git align resolve one\n" in told
        middle = told[told.index("<<<<<<<") : told.index(">>>>>>>")]
        assert [line.strip() for line in middle.splitlines()] == [
            "<<<<<<< ours: the target main",
            "three",
            "||||||| what both come from",
            "line 3",
            "=======",
            "drei",
        ]
        assert ">>>>>>> theirs: the branch one: commit 1 of 1" in told
    assert work.git("for-each-ref") == before
    assert not list((work.path / ".git" / "gitalign").glob("quarantine/*"))


async def test_keys_lead_through_clashes_paths_and_branches(work: Workspace) -> None:
    async with opened(source(work)) as pilot:
        await pilot.press("down")
        await until(pilot, lambda: "trois" in words(pilot))
        assert "path 1 of 2: list" in words(pilot)
        await pilot.press("n")
        assert "path 2 of 2: other" in words(pilot)
        assert "neuf" in words(pilot)
        await pilot.press("n")
        assert "path 1 of 2: list" in words(pilot)
        await pilot.press("p")
        assert "path 2 of 2: other" in words(pilot)
        await pilot.press("up", "b", "down", "enter")
        await until(pilot, lambda: "theirs: the branch two" in words(pilot))
        assert "two (2 of 2)" in words(pilot)
        assert "git align resolve two\n" in words(pilot)
        await pilot.press("b", "escape")
        assert "two (2 of 2)" in words(pilot)
        await pilot.press("enter")
        assert pilot.app.focused is pilot.app.query_one("#details")
        await pilot.press("tab")
        assert pilot.app.focused is pilot.app.query_one("#list")


async def test_the_filter(work: Workspace) -> None:
    async with opened(source(work)) as pilot:
        await pilot.press("slash", *"three")
        # Both were stopped by "three here"; the word with the path leaves one.
        assert len(lines(pilot)) == 2
        await pilot.press("space", *"other")
        assert len(lines(pilot)) == 1
        assert "1 branch conflicts, at 1 clash of 2" in words(pilot, "#state")
        await until(pilot, lambda: "trois" in words(pilot))
        await pilot.press(*"qnr?")
        assert lines(pilot) == []
        assert "nothing matches this filter" in words(pilot)
        await pilot.press("enter", "r", "y", "b", "n")
        assert pilot.app.is_running
        await pilot.press("escape")
        assert len(lines(pilot)) == 2
        assert not pilot.app.query_one("#filter", Input).display


async def test_shared_clashes(work: Workspace) -> None:
    work.switch("more", "main~1")
    work.commit("more", {"list": text(l3=b"drei\n"), "other": text(l9=b"nove\n")})
    work.switch("main")
    async with opened(source(work)) as pilot:
        assert len(lines(pilot)) == 3
        await pilot.press("s")
        assert [line.split()[0] for line in lines(pilot)] == ["3"]
        await until(pilot, lambda: "these 3 branches clash at the same lines" in words(pilot))
        assert "for 2 of them it is all that stops them there" in " ".join(words(pilot).split())
        assert "1 shared clash;" in words(pilot, "#state")
        assert "path 1 of 2: list" in words(pilot)
        await pilot.press("s")
        assert len(lines(pilot)) == 3


async def test_copying_and_help(work: Workspace) -> None:
    of = replace(source(work), flags=("--strategy", "rebase"))
    async with opened(of) as pilot:
        await pilot.press("y")
        assert pilot.app.clipboard == "git align resolve --strategy rebase one"
        assert "git align resolve --strategy rebase one" in on_top(pilot, "#command")
        await pilot.press("y", "question_mark")
        assert len(pilot.app.screen_stack) == 2
        await pilot.press("escape")
        assert len(pilot.app.screen_stack) == 1


@pytest.mark.parametrize(("key", "resolve"), [("q", None), ("r", "one"), ("ctrl+c", None)])
async def test_leaving(work: Workspace, key: str, resolve: str | None) -> None:
    async with opened(source(work)) as pilot:
        await pilot.press(key)
    left = pilot.app.return_value
    assert left is not None
    assert (left.resolve, left.stopped, left.error) == (resolve, False, None)
    assert left.found is not None
    assert left.found.exit_code() == 1


async def test_a_branch_can_be_asked_for(work: Workspace) -> None:
    async with opened(source(work), branch="three") as pilot:
        assert "three, onto main" in words(pilot)
    async with opened(source(work), branch="fine") as pilot:
        assert "one (1 of 2)" in words(pilot)


async def test_nothing_conflicts_and_nothing_is_there(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "calm")
    work.commit("base", {"a": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"b": b"1\n"})
    work.switch("main")
    work.commit("on", {"c": b"1\n"})
    for made, said in ((work, "no conflicts: 1 branch looked at"), (Workspace(tmp_path / "empty"), "no")):
        async with opened(source(made)) as pilot:
            assert said in words(pilot, "#state")
            await pilot.press("down", "enter", "tab", "n", "p", "b", "y", "r", "slash", "escape", "t")
            assert pilot.app.is_running
            await pilot.press("q")
        assert pilot.app.return_value is not None
        assert pilot.app.return_value.resolve is None


async def test_a_narrow_terminal_shows_one_side_at_a_time(work: Workspace) -> None:
    async with opened(source(work), size=(60, 20)) as pilot:
        left, right = pilot.app.query_one("#list"), pilot.app.query_one("#details")
        assert (left.size.width > 50, right.size.width) == (True, 0)
        await pilot.press("enter")
        await pilot.pause()
        assert (left.size.width, right.size.width > 50) == (0, True)
        assert max(map(len, words(pilot).splitlines()[:8])) <= 60
        await pilot.press("escape")
        await pilot.pause()
        assert (left.size.width > 50, right.size.width) == (True, 0)


HOSTILE = (
    "[red]markup[/red]",
    "[@click=app.bell]x[/]",
    "rtl-\u202etxt.exe",
    "שלום-עולם",
    "emoji-🦄👩‍👩‍👧-家族",
    "caf\udce9",
    "x" * 180,
    "$(touch pwned)`'\"",
    "zero\u200bwidth\u2028line",
)


async def test_hostile_names_are_names(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    path = "[bold]\x1b[31m\n\t💥[nope]"
    work.commit("base", {path: b"1\n"})
    base = work.tip("main")
    blob = work.git("hash-object", "-w", "--stdin", stdin=b"[b]2[/b]\x1b[2J\x07\r\n\xff\t[link=http://x]\n")
    tree = work.git("mktree", "-z", stdin=f"100644 blob {blob}\t{path}\0".encode())
    for number, name in enumerate(HOSTILE):
        message = f"[red]{number}\x1b]0;title\x07 {name}".encode("utf-8", "surrogateescape")
        commit = work.git("commit-tree", tree, "-p", base, stdin=message)
        work.git("update-ref", "--stdin", stdin=b"create refs/heads/%b %b\n" % (
            name.replace(" ", "-").replace("[", "{").encode("utf-8", "surrogateescape"), commit.encode()
        ))  # fmt: skip
    work.commit("[blink]on[/] \x1b[5m", {path: b"3\n"})
    async with opened(source(work)) as pilot:
        assert words(pilot, "#state").strip().endswith(f"{len(HOSTILE)} branches conflict, at 1 clash")
        assert "[bold]\\x1b[31m\\x0a\\x09💥[nope]" in words(pilot)
        assert "[b]2[/b]\\x1b[2J\\x07" in words(pilot)
        await pilot.press("b")
        for _ in HOSTILE:
            await pilot.press("down")
        await pilot.press("enter", "enter", "y", "y")
        for number in range(len(HOSTILE)):
            await pilot.press("b")
            pilot.app.query_one(OptionList).highlighted = number
            await pilot.press("enter", "y")
            shown = on_top(pilot, "#command")
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            await pilot.press("escape")
        svg = pilot.app.export_screenshot()
        assert "\x1b" not in svg
        for size in ((20, 6), (60, 20), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await pilot.press("slash", *"[red", "enter")
        assert len(lines(pilot)) == 1


class Slow:
    """Finds nothing until it is stopped."""

    def __init__(self) -> None:
        self.asked = 0

    def load(self, listeners: Sequence[Listener], stop: StopSignal) -> Conflicts:
        import threading

        woken = threading.Event()
        leave = stop.on_change(woken.set)
        assert woken.wait(PATIENCE_S)
        leave()
        return Conflicts(targets=(), groups=(), branches=(), detail=None, aligned=0, is_complete=False)

    def detail(self, conflict: BranchConflict, stop: StopSignal) -> ConflictDetail:
        raise AssertionError("nothing was found")

    def command(self, branch: str) -> str:
        return branch


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_stopping_while_conflicts_are_looked_for(key: str) -> None:
    app = ConflictsScreen(Slow(), stop=StopSignal())
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("slash", "b", "r", "n", "question_mark", "escape")
        await pilot.press(key)
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert app.return_value.stopped


async def test_a_signal_while_it_is_open(work: Workspace) -> None:
    stop = StopSignal()
    async with opened(source(work), stop=stop) as pilot:
        stop.request_stop()
        await until(pilot, lambda: pilot.app.return_value is not None)
    assert pilot.app.return_value is not None
    assert pilot.app.return_value.stopped


class Broken(FromRepository):
    """Finds conflicts, but not what is behind them."""

    def detail(self, conflict: BranchConflict, stop: StopSignal) -> ConflictDetail:
        raise GitError("[red]objects are missing[/red]")


async def test_what_goes_wrong_is_told(work: Workspace, tmp_path: Path) -> None:
    async with opened(Broken(request(work.path), furthest=True, flags=())) as pilot:
        assert "cannot be shown: [red]objects are missing[/red]" in words(pilot)
        assert "one (1 of 2)" in words(pilot)
    app = ConflictsScreen(FromRepository(facade.Request(repo=tmp_path), furthest=True, flags=()), stop=StopSignal())
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value is not None
    assert "not inside a git repository" in str(app.return_value.error) or "repository" in str(app.return_value.error)
