"""Categorizing real repositories: flags, rules, files, bad input."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.categorize import documents
from gitalign.configuration.branch_list import load_branch_list
from gitalign.core.categories import Categorized, Category, Flag
from gitalign.errors import ConfigError
from tests import warm
from tests.git.workspace import Workspace
from tests.labelled import Labelled
from tests.runs import request

LINES = b"".join(b"line %d\n" % number for number in range(30))
# The clock of Workspace starts on 2023-11-14.
LATER = datetime(2024, 1, 20, tzinfo=UTC)


def found(work: Workspace) -> Categorized:
    return facade.categorize(request(work.path), as_of=LATER)


def one(categorized: Categorized, name: str) -> Category:
    return next(each for each in categorized.categories if each.branch == name)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """main and scientific, apart."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"list": LINES, "docs/a.md": b"a\n"})
    made.git("branch", "scientific")
    made.commit("on main", {"app/main": b"1\n"})
    made.switch("scientific")
    made.commit("on scientific", {"lab/sci": b"1\n"})
    made.switch("main")
    return made


def branch(work: Workspace, name: str, start: str, files: dict[str, bytes | None]) -> None:
    work.switch(name, start)
    work.commit(f"on {name}", files)
    work.switch("main")


def cli(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return warm.run("categorize", *words, cwd=cwd)


def test_flags(work: Workspace) -> None:
    branch(work, "merged", "main", {"x": b"1\n"})
    work.git("merge", "-q", "--no-ff", "--no-edit", "merged")
    branch(work, "picked", "main", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.commit("in between", {"y": b"1\n"})
    work.git("cherry-pick", "picked")
    work.switch("squashed", "main")
    work.commit("first", {"s1": b"1\n"})
    work.commit("second", {"s2": b"1\n", "s1": b"2\n"})
    work.switch("main")
    work.git("merge", "-q", "--squash", "squashed")
    work.commit("squash")
    branch(work, "one", "main", {"same": b"1\n"})
    branch(work, "same-again", "main", {"same": b"1\n"})
    work.git("branch", "twin", "one")
    branch(work, "scientific-menu", "main", {"app/main": b"2\n"})
    answer = found(work)
    flags = {each.branch: set(each.flags) - {Flag.STALE_60} for each in answer.categories}
    assert flags == {
        "merged": {Flag.MERGED},
        "picked": {Flag.ALREADY_CONTAINED},
        "squashed": {Flag.ALREADY_CONTAINED},
        "one": set(),
        "same-again": {Flag.DUPLICATE},
        "twin": {Flag.DUPLICATE},
        "scientific-menu": {Flag.CONTENT_MISMATCH},
    }
    assert all(Flag.STALE_60 in each.flags for each in answer.categories)
    assert "under another id" in " ".join(one(answer, "picked").notes)
    assert "just so" in " ".join(one(answer, "squashed").notes)
    assert "leaves the same files as one" in one(answer, "same-again").notes
    assert "stands at the same commit as one" in one(answer, "twin").notes


@pytest.mark.parametrize(("days", "flag"), [(10, None), (31, "stale_30"), (89, "stale_60"), (90, "stale_90")])
def test_age(work: Workspace, days: int, flag: str | None) -> None:
    branch(work, "b", "main", {"x": b"1\n"})
    at = datetime.fromtimestamp(int(work.git("log", "-1", "--format=%ct", "b")) + 86_400 * days, tz=UTC)
    answer = facade.categorize(request(work.path), as_of=at)
    assert [each.value for each in one(answer, "b").flags] == ([flag] if flag else [])


def test_a_branch_goes_where_it_was_cut_from(work: Workspace) -> None:
    branch(work, "a", "main", {"x": b"1\n"})
    branch(work, "b", "scientific", {"x": b"1\n"})
    answer = found(work)
    assert (one(answer, "a").target, one(answer, "b").target) == ("main", "scientific")
    assert "1 own commit" in one(answer, "b").reason


def test_a_branch_older_than_both_needs_a_word(work: Workspace) -> None:
    branch(work, "old", "main~1", {"list": LINES + b"x\n"})
    answer = one(found(work), "old")
    assert (answer.needs_decision, answer.confidence) == (True, 0.5)
    assert "tag:needs_decision" in answer.tags
    assert found(work).exit_code() == 1


def test_upstream_and_reflog_are_hints(work: Workspace) -> None:
    work.git("branch", "by-upstream", "main~1")
    work.git("branch", "--set-upstream-to=scientific", "by-upstream")
    work.git("branch", "start", "scientific")
    work.git("checkout", "-q", "-b", "by-reflog", "scientific")
    work.git("reset", "-q", "--hard", "main~1")
    work.switch("main")
    answer = found(work)
    assert one(answer, "by-upstream").target == "scientific"
    assert "its upstream is refs/heads/scientific" in one(answer, "by-upstream").reason
    assert one(answer, "by-reflog").target == "scientific"
    assert "created from scientific" in one(answer, "by-reflog").reason


def test_editing_what_one_target_has_speaks_for_it(work: Workspace) -> None:
    branch(work, "old", "main~1", {"docs/a.md": b"b\n"})
    assert one(found(work), "old").needs_decision
    work.commit("gone", {"docs/a.md": None})
    answer = one(found(work), "old")
    assert (answer.target, answer.needs_decision) == ("scientific", False)
    assert "1 of 1 edited files that one target alone has" in answer.reason


def test_rules_win_and_are_named(work: Workspace, tmp_path: Path) -> None:
    branch(work, "docs/a", "main", {"x": b"1\n"})
    place = tmp_path / "config.yaml"
    place.write_text("categorization:\n  rules:\n    - {match: 'docs/*', target: scientific}\n")
    answer = facade.categorize(facade.Request(repo=work.path, config_file=place))
    assert (one(answer, "docs/a").target, one(answer, "docs/a").confidence) == ("scientific", 1.0)
    assert "rule 1 of the configuration: 'docs/*' goes to scientific" in one(answer, "docs/a").reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [{match: 'x', target: nowhere}]", "no target here"),
        ("keywords: {nowhere: [a]}", "no target here"),
        ("rules: [{match: 'x'}]", "target"),
        ("rules: [{match: '', target: main}]", "match"),
        ("decide_above: 2", "decide_above"),
    ],
)
def test_bad_rules_are_refused(work: Workspace, tmp_path: Path, text: str, words: str) -> None:
    place = tmp_path / "config.yaml"
    place.write_text(f"categorization:\n  {text}\n")
    with pytest.raises(ConfigError, match=words):
        facade.categorize(facade.Request(repo=work.path, config_file=place))
    assert cli("--config", str(place), cwd=work.path).returncode == 2


def test_the_branch_list_it_writes_is_one_that_a_run_reads(work: Workspace, tmp_path: Path) -> None:
    branch(work, "a", "main", {"x": b"1\n"})
    branch(work, "b", "scientific", {"y": b"1\n"})
    place = tmp_path / "out"
    place.mkdir()
    done = cli("--format", "all", "-o", str(place / "categorized_branches.json"), cwd=work.path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in place.iterdir()) == [
        "ALIGNMENT_CHECKLIST.md",
        "categorized_branches.json",
        "categorized_branches_detailed.json",
        "clustered_branches.json",
    ]
    document = json.loads((place / "categorized_branches.json").read_text())
    assert set(document["branches"][0]) == {"branch_name", "assigned_target", "confidence", "tags", "cluster_id"}
    for name in ("categorized_branches.json", "categorized_branches_detailed.json"):
        listed = load_branch_list(place / name)
        assert [(entry.name, entry.target) for entry in listed.entries] == [("a", "main"), ("b", "scientific")]
        plan = facade.plan(facade.Request(repo=work.path, input=place / name))
        assert {step.branch.name: step.target.name for step in plan.steps} == {"a": "main", "b": "scientific"}
    clustered = json.loads((place / "clustered_branches.json").read_text())
    assert set(clustered) == {
        "format",
        "version",
        "clusters",
        "branch_assignments",
        "quality_metrics",
        "dendogram_data",
    }
    assert set(clustered["branch_assignments"]) == {"a", "b"}


def test_the_same_repository_gives_the_same_bytes(tmp_path: Path) -> None:
    work = Labelled(tmp_path / "repo", 3, branches=8).work
    texts = {
        json.dumps(documents.detailed_document(found(work)), sort_keys=False) + documents.checklist(found(work))
        for _ in range(2)
    }
    assert len(texts) == 1


def test_hostile_names_stay_inside_their_cells(work: Workspace) -> None:
    name = "a|b`c`<img/onerror=x>_d_"
    work.git("update-ref", f"refs/heads/{name}", "main")
    text = documents.checklist(found(work))
    row = next(line for line in text.splitlines() if "onerror" in line)
    assert row.count("|") == 6
    assert "<" not in row
    assert "`" not in row


def test_unrelated_and_unreadable_branches_are_named(work: Workspace) -> None:
    work.git("checkout", "-q", "--orphan", "alone")
    work.git("rm", "-rfq", ".")
    work.commit("alone", {"z": b"1\n"})
    work.switch("main")
    branch(work, "broken", "main", {"w": b"1\n"})
    work.switch("broken")
    gone = work.commit("on top", {"w": b"2\n"})
    work.switch("main")
    parent = work.git("rev-parse", f"{gone}~1")
    (work.path / ".git" / "objects" / parent[:2] / parent[2:]).unlink()
    branch(work, "fine", "main", {"v": b"1\n"})
    answer = found(work)
    assert (one(answer, "alone").target, one(answer, "alone").flags[-1]) == (None, Flag.UNRELATED)
    assert (one(answer, "broken").target, one(answer, "broken").flags) == (None, (Flag.UNREADABLE,))
    assert parent in one(answer, "broken").reason
    assert one(answer, "fine").target == "main"


def test_a_missing_file_costs_its_measures_alone(work: Workspace) -> None:
    branch(work, "a", "main", {"big": b"big\n", "c": b"1\n"})
    branch(work, "b", "main", {"d": b"1\n"})
    blob = work.git("rev-parse", "a:big")
    (work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    answer = found(work)
    broken, fine = one(answer, "a").metrics, one(answer, "b").metrics
    assert broken is not None
    assert broken.diff is None
    assert broken.structure is not None
    assert fine is not None
    assert fine.diff is not None
    assert fine.counts["lines_added"] == 1


def test_a_shallow_clone_says_that_it_may_be_wrong(work: Workspace, tmp_path: Path) -> None:
    branch(work, "a", "main~1", {"x": b"1\n"})
    shallow = tmp_path / "shallow"
    work.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{work.path}", str(shallow))
    work.git("-C", str(shallow), "branch", "a", "origin/a")
    work.git("-C", str(shallow), "branch", "scientific", "origin/scientific")
    answer = facade.categorize(facade.Request(repo=shallow))
    assert one(answer, "a").needs_decision
    assert Flag.NEEDS_DEEPENING in one(answer, "a").flags
    assert Flag.UNRELATED not in one(answer, "a").flags
    assert "cut off (shallow clone)" in one(answer, "a").reason
    assert one(answer, "a").target is None


def test_empty_repositories_and_single_branches(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    assert found(work).categories == ()
    work.commit("base", {"a": b"1\n"})
    assert found(work).categories == ()
    assert found(work).exit_code() == 0
    work.git("branch", "b")
    assert one(found(work), "b").flags[0] is Flag.MERGED
    work.git("branch", "-m", "main", "blue")
    assert [each.code for each in found(work).excluded] == ["no_target", "no_target"]


def test_a_branch_held_by_a_dirty_work_tree_is_categorized(work: Workspace) -> None:
    branch(work, "a", "main", {"x": b"1\n"})
    work.switch("a")
    (work.path / "x").write_bytes(b"dirty\n")
    assert one(found(work), "a").target == "main"


def test_what_to_write_without_where_is_refused(work: Workspace) -> None:
    done = cli("--format", "detailed", cwd=work.path)
    assert (done.returncode, "-o FILE" in done.stderr) == (2, True)
