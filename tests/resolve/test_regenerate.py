"""Files that are made from others: made anew when all else is settled, from what all else came to, and from nothing less. Edge case 40."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted, Failed
from gitalign.errors import ConfigError
from gitalign.resolve.region_resolvers import AUTO_RESOLVERS
from tests.git.workspace import Workspace
from tests.resolve.clashes import settle_by_merge
from tests.resolve.test_ladder_runs import content
from tests.runs import branch, request, run

# The index lists what is in `items`, beside what it lists already.
INDEX = (
    "import os\n"
    "known = open('gen/index').read().split() if os.path.exists('gen/index') else []\n"
    "open('gen/index', 'w').write('\\n'.join(sorted({*known, *os.listdir('items')})) + '\\n')\n"
)


def repository(place: Path, *, branches: int = 1, **more: tuple[bytes, bytes, bytes]) -> Workspace:
    """`main` and branches that each add an item and list it; further files by base, main and branch."""
    work = Workspace(place)
    names = {name.replace("_", "."): sides for name, sides in more.items()}
    work.commit("base", {"items/a": b"", "gen/index": b"a\n", **{name: sides[0] for name, sides in names.items()}})
    for number in range(branches):
        name = "topic" if branches == 1 else f"topic{number}"
        work.switch(name, "main")
        files = {f"items/t{number}": b"", "gen/index": b"a\nt%d\n" % number}
        work.commit("own", {**files, **{one: sides[2] for one, sides in names.items()}})
    work.switch("main")
    # A pin: it is kept only if the target's version is there to begin with.
    work.commit("main", {"items/m": b"", "gen/index": b"a\nm\npinned\n", **{one: s[1] for one, s in names.items()}})
    return work


def remade(script: str, *rungs: str, **more: object) -> dict[str, Any]:
    rule = {"paths": ["gen/index"], "command": [sys.executable, "-c", script], "name": "lister", **more}
    return {"resolutions__rungs": [*rungs, "regenerate"], "resolutions__regenerate": [rule]}


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_it_is_made_from_the_merged_files_and_the_targets_version(tmp_path: Path, strategy: str) -> None:
    work = repository(tmp_path / "repo")
    tip = work.tip("topic")
    asked = {**remade(INDEX + "open('elsewhere', 'w').write('x')\n"), "strategy": strategy}
    outcome = branch(run(work.path, **asked), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert content(work, "gen/index") == b"a\nm\npinned\nt0\n"
    assert "elsewhere" not in work.git("ls-tree", "-r", "--name-only", "topic").split()
    (one,) = outcome.resolved
    assert (one.path, one.resolver, one.source) == ("gen/index", "regenerate", "made again by lister")
    assert one.commit == (tip if strategy == "rebase" else None)
    (proof,) = facade.verify(request(work.path))
    assert proof.holds
    assert proof.certificate.resolved == outcome.resolved


def test_each_commit_that_stops_has_its_own(tmp_path: Path) -> None:
    work = repository(tmp_path / "repo")
    work.switch("topic")
    work.commit("second", {"items/u": b"", "gen/index": b"a\nt0\nu\n"})
    work.switch("main")
    outcome = branch(run(work.path, **remade(INDEX)), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert [work.git("show", f"{name}:gen/index").split() for name in ("topic~1", "topic")] == [
        ["a", "m", "pinned", "t0"],
        ["a", "m", "pinned", "t0", "u"],
    ]


def test_all_else_is_settled_first_and_nothing_is_run_before(tmp_path: Path) -> None:
    sides = (b"a\n", b"a \n", b"b\n")
    work = repository(tmp_path / "repo", f_c=sides)
    ran = tmp_path / "ran"
    script = INDEX + f"open({str(ran)!r}, 'w')\nassert open('f.c').read() == 'b\\n'\n"
    settings = {**remade(script), "validation__confinement": "none"}
    assert isinstance(branch(run(work.path, **settings), "topic").result.outcome, Conflicted)
    assert not ran.exists()
    settings |= remade(script, *AUTO_RESOLVERS) | {"resolutions__union_files": ("gen/*",)}
    outcome = branch(run(work.path, **settings), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(one.path, one.resolver) for one in outcome.resolved] == [
        ("f.c", "whitespace"),
        ("gen/index", "regenerate"),
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit('no network')", "exit 1 (no network)"),
        ("pass", "left the file as the target has it"),
        ("import os; os.unlink('gen/index')", "no regular file"),
        ("import os; os.unlink('gen/index'); os.symlink('/etc/passwd', 'gen/index')", "no regular file"),
        (
            "import os; os.rename('gen', 'other'); os.symlink('other', 'gen'); open('gen/index', 'a').write('x')",
            "no regular",
        ),
        ("import os; os.unlink('gen/index'); os.mkfifo('gen/index')", "no regular file"),
        ("open('gen/index', 'w').write('<<<<<<< a\\n')", "left a conflict"),
        ("open('gen/index', 'w').write('||||||| a\\n')", "left a conflict"),
        ("open('gen/index', 'w')", "nothing of the file"),
        ("open('gen/index', 'w').write('a\\n')", "took back what both sides did"),
        ("open('gen/index', 'wb').write(b'a' + bytes(1))", "not text"),
        ("open('gen/index', 'w').write('x' * 5_000_000)", "very long"),
        ("import time; time.sleep(600)", "no end after 2 s"),
    ],
)
def test_a_command_that_fails_settles_nothing(tmp_path: Path, script: str, words: str) -> None:
    work = repository(tmp_path / "repo")
    tip = work.tip("topic")
    outcome = branch(run(work.path, **remade(script, timeout_seconds=2)), "topic").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved[0].startswith("gen/index: lister: ")
    assert words in outcome.unresolved[0]
    assert work.tip("topic") == tip
    assert isinstance(branch(run(work.path, **remade(INDEX)), "topic").result.outcome, Aligned)


def test_many_branches_share_few_work_trees_and_leave_none(tmp_path: Path) -> None:
    work = repository(tmp_path / "repo", branches=5)
    places = tmp_path / "places"
    settings = {**remade(INDEX), "validation__work_trees": 1, "validation__directory": str(places)}
    report = run(work.path, only=("topic*",), **settings)
    for number in range(5):
        assert isinstance(branch(report, f"topic{number}").result.outcome, Aligned)
        assert work.git("show", f"topic{number}:gen/index").split() == ["a", "m", "pinned", f"t{number}"]
    assert not places.exists() or list(places.rglob("*")) == []


@pytest.mark.parametrize("is_disputed", [False, True])
def test_what_people_recorded_comes_first_and_so_does_their_dispute(tmp_path: Path, is_disputed: bool) -> None:
    work = repository(tmp_path / "repo", branches=2)
    settle_by_merge(work, "topic0", {"gen/index": b"a\nby people\n"})
    if is_disputed:
        work.git("branch", "-m", "merged-topic0-main", "one")
        settle_by_merge(work, "topic0", {"gen/index": b"a\nby others\n"})
    facade.learn_resolutions(request(work.path))
    report = run(work.path, only=("topic*",), resolutions__apply=True, **remade(INDEX))
    outcome = branch(report, "topic0").result.outcome
    if is_disputed:
        assert isinstance(outcome, Conflicted)
        assert "disagree" in outcome.unresolved[0]
    else:
        assert isinstance(outcome, Aligned)
        assert [one.resolver for one in outcome.resolved] == ["recorded"]
        assert work.git("show", "topic0:gen/index") == "a\nby people"
    # Of another conflict nothing is on record.
    assert isinstance(branch(report, "topic1").result.outcome, Aligned)
    assert work.git("show", "topic1:gen/index").split() == ["a", "m", "pinned", "t1"]


def test_what_was_made_anew_is_checked_like_all_else(tmp_path: Path) -> None:
    work = repository(tmp_path / "repo")
    tip = work.tip("topic")
    check = {"name": "no-pins", "command": [sys.executable, "-c", "assert 'pinned' in open('gen/index').read()"]}
    script = "open('gen/index', 'w').write('wrong\\n')"
    outcome = branch(run(work.path, **remade(script), validation__checks=[check]), "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert outcome.reason.endswith("(1 conflict in it was resolved without a person: regenerate)")
    assert work.tip("topic") == tip


def test_rules_without_paths_or_commands_are_refused(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b""})
    for settings, words in (
        ({"resolutions__rungs": ["regenerate"]}, "resolutions.regenerate"),
        (remade(INDEX, paths=[]), "paths"),
        (remade(INDEX, command=[]), "command"),
    ):
        with pytest.raises(ConfigError, match=words):
            facade.plan(request(work.path, **settings))
