"""Rungs in the path of a run: off unless named, all conflicts of a commit or none, told everywhere, foreseen as they will be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.errors import ConfigError
from gitalign.resolve.region_resolvers import AUTO_RESOLVERS
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace
from tests.resolve.clashes import settle_in_git, text_with
from tests.runs import branch, request, run

LISTED = ("list.txt", "requirements*.txt")
# Name of the file, base, the target's, the branch's, the result, and the rung that gives it.
CASES = {
    "whitespace": ("f.c", b"a = 1;\n", b"a  = 1; \n", b"a = 2;\n", b"a = 2;\n"),
    "same_lines": ("f.c", b"", b"one\n", b"one\ntwo\n", b"one\ntwo\n"),
    "imports": (
        "f.py",
        b"import a\n",
        b"import a\nimport b\n",
        b"import a\nimport c\n",
        b"import a\nimport b\nimport c\n",
    ),
    "union": ("list.txt", b"a\n", b"a\nb\n", b"a\nc\n", b"a\nb\nc\n"),
}


def diverged(place: Path, files: dict[str, tuple[bytes, bytes, bytes]]) -> Workspace:
    """`main` and `topic`: each file by base, main and topic; an empty base is a file that both add."""
    work = Workspace(place)
    work.commit("base", {"other": b"", **{name: sides[0] for name, sides in files.items() if sides[0]}})
    work.switch("topic", "main")
    work.commit("topic", {name: sides[2] for name, sides in files.items()})
    work.switch("main")
    work.commit("main moves", {name: sides[1] for name, sides in files.items()})
    return work


def content(work: Workspace, name: str) -> bytes:
    return (work.git("show", f"topic:{name}") + "\n").encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
@pytest.mark.parametrize("rung", CASES)
def test_each_rung_settles_what_it_is_for(tmp_path: Path, rung: str, strategy: str) -> None:
    name, base, ours, theirs, wanted = CASES[rung]
    work = diverged(tmp_path / "repo", {name: (base, ours, theirs)})
    tip = work.tip("topic")
    off = branch(run(work.path, strategy=strategy), "topic").result.outcome
    assert isinstance(off, Conflicted)
    others = [one for one in CASES if one != rung]
    asked: dict[str, Any] = {"resolutions__union_files": LISTED, "strategy": strategy}
    unfit = branch(run(work.path, resolutions__rungs=others, **asked), "topic").result.outcome
    assert isinstance(unfit, Conflicted)
    assert work.tip("topic") == tip
    outcome = branch(run(work.path, resolutions__rungs=[rung], **asked), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    (one,) = outcome.resolved
    assert (one.path, one.resolver, one.source) == (name, rung, f"by the resolver {rung}")
    assert one.commit == (tip if strategy == "rebase" else None)
    made = content(work, name)
    # While the target is merged in, the branch's lines are those that come first.
    assert made == wanted if strategy == "rebase" else sorted(made) == sorted(wanted)
    (told,) = (finding for finding in outcome.findings if finding.code == "resolution_applied")
    assert f"by the resolver {rung}" in told.message
    (proof,) = facade.verify(request(work.path))
    assert proof.holds
    assert [one.resolver for one in proof.certificate.resolved] == [rung]


@pytest.mark.parametrize("strategy", ["rebase", "iterative"])
def test_a_commit_of_which_a_rung_left_nothing_is_told_as_that(tmp_path: Path, strategy: str) -> None:
    work = diverged(tmp_path / "repo", {"f.c": (b"a = 1;\n", b"a = 2;\n", b"a  = 1;\n")})
    tip = work.tip("topic")
    work.switch("there", "main~1")
    work.commit("also", {"g.c": b"g\n"})
    work.switch("main")
    work.commit("also", {"g.c": b"g\n"})
    moved = {"GITALIGN_ALIGNMENT__ALREADY_MERGED": "fast-forward"}
    out = call("run", "--yes", "--resolve-with", "whitespace", "--strategy", strategy, cwd=work.path, env=moved)
    words = " ".join(out.stdout.split())
    assert "1 became empty after its conflicts were resolved by whitespace" in words
    # What the other branch has is upstream.
    assert words.count("none of its commits is left; stands at the target's tip") == 2
    assert words.count("1 upstream") == 1
    report = json.loads(call("show", "last", "topic", "--json", cwd=work.path).stdout)
    found = [one["code"] for one in report["outcome"]["findings"]]
    assert sorted(found) == ["emptied_by_resolution", "resolution_applied"]
    shown = " ".join(call("show", "last", "topic", cwd=work.path).stdout.split())
    assert f"{tip[:12]} dropped: became empty after its conflicts were resolved by whitespace topic" in shown
    shown = " ".join(call("show", "last", "there", cwd=work.path).stdout.split())
    assert "conflicts were resolved" not in shown


def test_every_conflict_of_a_commit_or_none(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.c": (b"a\n", b"a \n", b"b\n"), "g.c": (b"a\n", b"b\n", b"c\n")})
    tip = work.tip("topic")
    outcome = branch(run(work.path, resolutions__rungs=["whitespace"]), "topic").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.paths == ("f.c", "g.c")
    assert outcome.unresolved == ("g.c: no resolver fits every conflict of it (whitespace)",)
    assert outcome.known_resolutions == ()
    assert work.tip("topic") == tip


def test_a_forecast_for_people_names_what_would_settle_a_branch(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.c": (b"a\n", b"a \n", b"b\n")})
    done = call("forecast", "--resolve-with", "whitespace", cwd=work.path, env={"COLUMNS": "200"})
    assert done.returncode == 0
    assert "resolved automatically: f.c by whitespace" in done.stdout


def test_what_is_out_of_bounds_is_named_with_the_reason(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    attributes = b"*.flt filter=foo\n"
    plain = {"f.c": b"a\n", "g.c": b"a\n", "x.flt": b"a\n", "n.c": b"a\0\n", "big.c": b"a\n"}
    work.commit("base", {".gitattributes": attributes, **plain})
    work.switch("topic", "main")
    (work.path / "g.c").unlink()
    big = b"b\n" * 2_200_000
    work.commit("topic", {"f.c": b"b\n", "x.flt": b"b\n", "n.c": b"b\0\n", "big.c": big})
    work.switch("main")
    work.commit("main", {"f.c": b"a \n", "g.c": b"c\n", "x.flt": b"c\n", "n.c": b"c\0\n", "big.c": b"c\n"})
    outcome = branch(run(work.path, resolutions__rungs=["whitespace"]), "topic").result.outcome
    assert isinstance(outcome, Conflicted)
    told = dict(words.split(": ", 1) for words in outcome.unresolved)
    assert set(told) == {"g.c", "x.flt", "n.c", "big.c"}
    assert "modify/delete" in told["g.c"]
    assert "filter" in told["x.flt"]
    assert "longer than 4 MiB" in told["big.c"]
    nothing = branch(run(work.path), "topic").result.outcome
    assert isinstance(nothing, Conflicted)
    assert nothing.unresolved == ()


def test_where_nothing_is_within_the_lines_of_a_file_that_is_said(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"a\n"})
    work.switch("topic", "main")
    (work.path / "f").unlink()
    work.commit("topic", {"other": b""})
    work.switch("main")
    work.commit("main", {"f": b"b\n"})
    outcome = branch(run(work.path, resolutions__rungs=["whitespace"]), "topic").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved == ("f: more than the lines of a file is in question: CONFLICT (modify/delete)",)


def test_a_verdict_remembered_under_other_rungs_says_nothing(tmp_path: Path) -> None:
    name, *sides, wanted = CASES["union"]
    work = diverged(tmp_path / "repo", {str(name): tuple(sides)})  # type: ignore[dict-item]
    for rungs, files in ((["whitespace"], ()), (["union"], ("else",))):
        out = branch(run(work.path, resolutions__rungs=rungs, resolutions__union_files=files), "topic").result.outcome
        assert isinstance(out, Conflicted)
    out = branch(run(work.path, resolutions__rungs=["union"], resolutions__union_files=LISTED), "topic").result.outcome
    assert isinstance(out, Aligned)
    assert content(work, str(name)) == wanted


@pytest.mark.parametrize("attribute", ["merge=ours-always", "filter=lfs", "working-tree-encoding=ISO-8859-1", "binary"])
def test_files_that_are_merged_in_their_own_way_are_left_alone(tmp_path: Path, attribute: str) -> None:
    """Edge cases 9 and 10: what a driver, a filter or an encoding makes of a file is not known here."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {".gitattributes": f"*.lock {attribute}\n".encode(), "f.lock": b"a\n", "g.c": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f.lock": b"b\n"})
    work.switch("plain", "main")
    work.commit("plain", {"g.c": b"b\n"})
    work.switch("main")
    work.commit("main moves", {"f.lock": b"a \n", "g.c": b"a \n"})
    report = run(work.path, resolutions__rungs=["whitespace"])
    assert isinstance(branch(report, "topic").result.outcome, Conflicted)
    assert isinstance(branch(report, "plain").result.outcome, Aligned)


def test_longer_markers_are_known_as_markers(tmp_path: Path) -> None:
    work = diverged(
        tmp_path / "repo",
        {
            ".gitattributes": (b"*.c conflict-marker-size=11\n",) * 3,
            "f.c": (b"a\n=======\n", b"a \n=======\n", b"b\n=======\n"),
        },
    )
    outcome = branch(run(work.path, resolutions__rungs=["whitespace"]), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert content(work, "f.c") == b"b\n=======\n"


def test_what_people_recorded_comes_first(tmp_path: Path) -> None:
    work = diverged(tmp_path / "repo", {"f.c": (text_with({}), text_with({10: b"10 \n"}), text_with({10: b"b\n"}))})
    settle_in_git(work, "topic", {"f.c": text_with({10: b"person\n"})})
    asked: dict[str, Any] = {"resolutions__rungs": ["whitespace"], "resolutions__apply": True}
    forecast = facade.forecast(request(work.path, **asked))
    report = run(work.path, **asked)
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert [one.resolver for one in outcome.resolved] == ["recorded"]
    assert content(work, "f.c") == text_with({10: b"person\n"})
    assert [(one.prospect.value, one.resolved, one.tree) for one in forecast.branches] == [
        ("clean", outcome.resolved, outcome.tree)
    ]


def test_part_of_the_way_is_measured_without_rungs(tmp_path: Path) -> None:
    """What is called clean along the target's line is clean for git alone; the run there makes the same of it."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f.c": text_with({})})
    work.switch("topic", "main")
    work.commit("topic", {"f.c": text_with({10: b"b\n"})})
    work.switch("main")
    clean = work.commit("elsewhere", {"f.c": text_with({20: b"x\n"})})
    work.commit("blanks", {"f.c": text_with({20: b"x\n", 10: b"10 \n"})})
    work.commit("clash", {"f.c": text_with({20: b"x\n", 10: b"c\n"})})
    outcome = branch(run(work.path, partial=True, resolutions__rungs=["whitespace"]), "topic").result.outcome
    assert isinstance(outcome, Aligned)
    assert outcome.onto == clean
    assert outcome.resolved == ()
    assert outcome.stopped_by is not None


def test_at_the_terminal(tmp_path: Path) -> None:
    name, *sides, _ = CASES["imports"]
    work = diverged(tmp_path / "repo", {str(name): tuple(sides)})  # type: ignore[dict-item]
    plans = [
        json.loads(call("plan", "--json", *words, cwd=work.path).stdout)
        for words in (
            (),
            ("--resolve-with", "whitespace,imports"),
            ("--resolve-with", "imports", "--resolve-with", "whitespace"),
        )
    ]
    assert [one["policy"]["rungs"] for one in plans] == [[], ["whitespace", "imports"], ["imports", "whitespace"]]
    assert len({one["id"] for one in plans}) == 3
    foreseen = json.loads(call("forecast", "--json", "--resolve-with", "same-lines,imports", cwd=work.path).stdout)
    assert [used["resolver"] for used in foreseen["branches"][0]["resolved"]] == ["imports"]
    assert call("order", "--resolve-with", "imports", "--resolutions", cwd=work.path).returncode == 0
    done = call("run", "--yes", "--resolve-with", "imports", cwd=work.path, env={"COLUMNS": "200"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 conflict resolved by imports" in done.stdout
    assert "by the resolver imports" in call("show", "last", "topic", cwd=work.path, env={"COLUMNS": "300"}).stdout
    for form in ("md", "html", "sarif", "json", "junit"):
        assert "by the resolver imports" in call("report", "--format", form, cwd=work.path).stdout, form
    wrong = call("plan", "--resolve-with", "magic", cwd=work.path)
    assert wrong.returncode == 2
    assert "magic" in wrong.stderr


def test_settings_that_cannot_mean_anything_are_refused(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b""})
    faults: tuple[tuple[dict[str, Any], str], ...] = (
        ({"resolutions__rungs": ["union"]}, "union_files"),
        ({"resolutions__rungs": ["whitespace", "whitespace"]}, "stands twice"),
        ({"resolutions__union_files": ["!"]}, "pattern"),
    )
    for settings, words in faults:
        with pytest.raises(ConfigError, match=words):
            facade.plan(request(work.path, **settings))
    assert tuple(CASES) == tuple(AUTO_RESOLVERS)
