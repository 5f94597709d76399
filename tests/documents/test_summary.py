"""Change summaries say what became of every commit, and nothing in a name or message becomes markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.documents.summary import is_breaking, kind_of
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))
EVIL = "<script>alert(1)</script> | `x` **bold** [a](b)"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": b"g\n", "src/core/x.py": b"x = 1\n", "bin": b"\0\1"})
    work.switch("feature/a|b", "main")
    work.commit(f"feat(api)!: {EVIL}", {"own": b"1\n2\n", "bin": b"\0\2"})
    work.commit("fix: the core", {"src/core/x.py": b"x = 2\n"})
    work.commit("picked", {"g": b"picked\n"})
    work.commit("near", {"f": LINES.replace(b"line 20\n", b"zwanzig\n")})
    work.switch("stuck", "main")
    work.commit("feat: stuck", {"f": LINES.replace(b"line 18\n", b"stuck\n")})
    work.switch("main")
    work.commit("picked", {"g": b"picked\n"})
    work.commit("on", {"f": LINES.replace(b"line 18\n", b"achtzehn\n")})
    run(work.path)
    return work


def written(work: Workspace, folder: Path) -> dict[str, Path]:
    made = facade.write_summaries(request(work.path), folder=folder)
    return {json.loads(place.with_suffix(".json").read_text())["branch"]: place for place in made}


def test_every_commit_and_file_is_told(work: Workspace, tmp_path: Path) -> None:
    before = work.git("status", "--porcelain")
    made = written(work, tmp_path / "out")
    assert made.keys() == {"feature/a|b", "stuck"}
    place = made["feature/a|b"]
    assert place.name.startswith("feature_a_b-")
    assert place.name.endswith("_CHANGES_SUMMARY.md")
    told = json.loads(place.with_suffix(".json").read_text())
    assert [(commit["subject"], commit["patch"]) for commit in told["commits"]] == [
        (f"feat(api)!: {EVIL}", "same"),
        ("fix: the core", "same"),
        ("picked", None),
        ("near", "changed"),
    ]
    assert (told["features"], told["fixes"], told["other"]) == ([f"feat(api)!: {EVIL}"], ["fix: the core"], ["near"])
    assert told["architectural"] == ["src/core/x.py"]
    assert [(one["path"], one["status"], one["added"], one["deleted"]) for one in told["files"]] == [
        ("bin", "modified", None, None),
        ("f", "modified", 1, 1),
        ("own", "added", 2, 0),
        ("src/core/x.py", "modified", 1, 1),
    ]
    assert told["also_changed_by_the_target"] == ["f", "g"]
    assert [(drop["subject"], drop["reason"]) for drop in told["dropped"]] == [("picked", "upstream")]
    assert work.git("status", "--porcelain") == before


def test_nothing_in_a_message_becomes_markup(work: Workspace, tmp_path: Path) -> None:
    text = written(work, tmp_path / "out")["feature/a|b"].read_text()
    for markup in ("<script>", "**bold**", "[a](b)", "feature/a|b"):
        assert markup not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (3, 4, 5, 6), line
    for title in (
        "New features",
        "Bug fixes",
        "Other changes",
        "Architectural modifications",
        "Files",
        "Changed by the target, too",
        "Commits that are not in the result",
        "Deviations from the plan",
    ):
        assert f"## {title}" in text


def test_a_conflict_is_told_with_the_way_to_meet_it(work: Workspace, tmp_path: Path) -> None:
    place = written(work, tmp_path / "out")["stuck"]
    text = place.read_text()
    assert "Stopped at commit 1 of 1" in text
    assert "git worktree add" in text
    told = json.loads(place.with_suffix(".json").read_text())
    assert told["conflicts"] == [{"kind": "CONFLICT (contents)", "paths": ["f"]}]
    assert told["after"] is None


@pytest.mark.parametrize(
    ("subject", "kind", "breaking"),
    [
        ("feat: x", "feature", False),
        ("Feature(a)!: x", "feature", True),
        ("fix(b): x", "fix", False),
        ("chore: feat: x", "other", False),
        ("prefix: x", "other", False),
        ("fixes things", "other", False),
        ("", "other", False),
    ],
)
def test_conventional_commits(subject: str, kind: str, breaking: bool) -> None:
    assert (kind_of(subject), is_breaking(subject)) == (kind, breaking)
