"""`MergeValidator` and `WorktreeManager`, with real git."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.compat.parallel.merge_validator import MergeValidator
from gitalign.compat.parallel.worktree_manager import WorktreeConflictError, WorktreeManager
from gitalign.errors import UserError
from tests.compat.parallel import Project, project

__all__ = ["project"]


class Rows:
    """A database that knows the work trees of one batch."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        self.rows = [{"path": path, "branch": branch} for path, branch in rows]

    async def get_batch_worktrees(self, batch_id: int) -> list[dict[str, Any]]:
        return self.rows


def linked(project: Project, **files: str) -> Rows:
    """A linked work tree for each name, with a commit that writes `shared` or a file of its own."""
    rows = []
    for name, content in files.items():
        path = project.world.path.parent / f"tree-{name}"
        project.world.git("worktree", "add", "-q", "--no-track", "-b", name, str(path), "main")
        (path / ("shared" if content != "own" else f"own-{name}")).write_text(content)
        project.world.git("-C", str(path), "add", ".")
        project.world.git("-C", str(path), "commit", "-qm", name)
        rows.append((str(path), name))
    return Rows(*rows)


def validate(project: Project, rows: Rows) -> Any:
    return asyncio.run(MergeValidator(project.world.path, rows).validate_batch(1))


def test_merge_validation_success(project: Project) -> None:
    """Successful merges complete batch: merged with `--no-ff`, in order, and the work trees are removed."""
    rows = linked(project, one="own", two="own")
    result = validate(project, rows)
    assert (result.status, result.conflicts, result.test_output) == ("success", [], "not_configured")
    assert result.merged_worktrees == [row["path"] for row in rows.rows]
    subjects = project.world.git("log", "--first-parent", "--reverse", "--format=%s", "main").splitlines()
    assert subjects == ["base", "Merge one (batch execution)", "Merge two (batch execution)"]
    assert not any(Path(row["path"]).exists() for row in rows.rows)
    assert project.world.git("rev-parse", "one")  # the branches stay
    assert project.world.git("status", "--porcelain") == ""


def test_merge_conflict_handling(project: Project) -> None:
    """Merge conflicts are detected and reported: both sides and the path; nothing is merged, every work tree stays."""
    before = project.world.refs()
    rows = linked(project, one="own", two="from two", three="from three")
    result = validate(project, rows)
    assert result.status == "conflicts"
    assert result.conflicts == ["Merge conflict in three: three conflicts with two in shared"]
    assert (result.merged_worktrees, result.test_output) == ([], None)
    assert set(before) <= set(project.world.refs())
    assert all(Path(row["path"]).exists() for row in rows.rows)


def test_failed_tests_merge_nothing(project: Project) -> None:
    """Tests run on the merged files, which no branch has alone."""
    rows = linked(project, one="own", two="own")
    script = "if [ -e own-one ] && [ -e own-two ]; then echo both broke it; exit 1; fi"
    config = project.world.repository.state_dir / "config.yaml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        f"validation: {{test_command: [/bin/sh, -c, '{script}'], confinement: none, rerun_failed: false}}\n"
    )
    before = project.world.tip
    validator = MergeValidator(project.world.path, rows)
    passed = asyncio.run(validator.run_tests())
    assert passed[0]
    result = asyncio.run(validator.validate_batch(1))
    assert (result.status, result.merged_worktrees) == ("test_failed", [])
    assert "both broke it" in (result.test_output or "")
    assert project.world.tip == before
    assert all(Path(row["path"]).exists() for row in rows.rows)


def test_nothing_to_merge_and_branches_that_are_gone(project: Project) -> None:
    assert validate(project, Rows()).status == "skipped"
    with pytest.raises(UserError, match="there is no branch gone"):
        validate(project, Rows(("/nowhere", "gone")))


def test_one_work_tree(project: Project) -> None:
    rows = linked(project, one="from one", two="from two")
    validator = MergeValidator(project.world.path, rows)
    trees = [(row["path"], row["branch"]) for row in rows.rows]
    assert asyncio.run(validator.merge_worktree(*trees[0])) is True
    assert asyncio.run(validator.merge_worktree(*trees[1])) is False
    assert project.world.git("show", "main:shared") == "from one"
    (Path(trees[0][0]) / "not-committed").write_text("mine")
    asyncio.run(validator.cleanup_worktrees([path for path, _ in trees]))
    assert (Path(trees[0][0]) / "not-committed").read_text() == "mine"
    assert Path(trees[1][0]).exists()


def test_results_of_a_batch_run_that_waits_are_landed(project: Project) -> None:
    """Rows of our own runs name results, not branches."""

    async def go(db: Any) -> Any:
        executor = project.executor(db, task_list=project.plan(([1, 2], True))["metadata"]["task_list"])
        executor.parallel_executor.options = executor.options
        await executor.parallel_executor.execute_batch(0, [1, 2])
        run = facade.batch_status(facade.Request(repo=project.world.path)).run
        rows = Rows(*((f"slot-{one}", f"batch/{run.id}/{one}") for one in (1, 2)))
        return await MergeValidator(project.world.path, rows).validate_batch(1)

    result = project.with_db(go)
    assert (result.status, result.merged_worktrees) == ("success", ["slot-1", "slot-2"])
    assert project.world.git("show", "main:file-2") == "2"


def test_results_that_are_not_those_of_one_whole_batch_are_refused(project: Project) -> None:
    async def go(db: Any) -> list[str]:
        executor = project.executor(db, task_list=project.plan(([1, 2, 3], True))["metadata"]["task_list"])
        runs = []
        for numbers in ([1, 2], [3]):
            await executor.parallel_executor.execute_batch(0, numbers)
            runs.append(facade.batch_status(facade.Request(repo=project.world.path)).run.id)
        return runs

    one, other = project.with_db(go)
    before = project.world.tip
    for names, words in (
        ((f"{one}/1",), "has further results: 2"),
        ((f"{one}/1", f"{one}/2", f"{other}/3"), "several batch runs"),
        ((f"{one}/1", f"{one}/9"), "has no task 9"),
    ):
        with pytest.raises(UserError, match=words):
            validate(project, Rows(*((name, f"batch/{name}") for name in names)))
    assert project.world.tip == before


def test_work_trees_are_made_outside_and_removed_with_care(project: Project) -> None:
    manager = WorktreeManager(project.world.path)
    info = asyncio.run(manager.create_worktree(3, "Log in & out!"))
    assert (info.branch, info.epic_id, info.status) == ("epic-3-log-in-out", 3, "active")
    assert not Path(info.path).is_relative_to(project.world.path)
    with pytest.raises(WorktreeConflictError, match="are there already"):
        asyncio.run(manager.create_worktree(3, "Log in & out!"))
    (Path(info.path) / "new").write_text("x")
    project.world.git("-C", info.path, "add", "new")
    project.world.git("-C", info.path, "commit", "-qm", "work")
    with pytest.raises(WorktreeConflictError, match="is not on the target"):
        asyncio.run(manager.remove_worktree(info.path))
    assert asyncio.run(manager.merge_worktree(info.path)) is True
    (Path(info.path) / "later").write_text("not committed")
    with pytest.raises(WorktreeConflictError, match="holds changes"):
        asyncio.run(manager.remove_worktree(info.path))
    (Path(info.path) / "later").unlink()
    (listed,) = asyncio.run(manager.list_worktrees())
    assert (listed.branch, listed.epic_id, listed.status) == ("epic-3-log-in-out", 3, "merged")
    asyncio.run(manager.remove_worktree(info.path))
    assert not Path(info.path).exists()
    with pytest.raises(UserError, match="not a linked work tree"):
        asyncio.run(manager.remove_worktree(info.path))
