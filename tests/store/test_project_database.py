"""`DatabaseManager` with the journal in PostgreSQL: all that is asked of it with SQLite, and a plan that is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitalign.compat.project_database import DatabaseManager
from tests.compat.parallel import PROJECT, Project, project
from tests.compat.test_project_database import repository as _repository
from tests.compat.test_project_database import (
    test_a_batch_that_is_carried_out_has_the_state_that_its_run_says,
    test_a_mode_that_a_killed_process_wrote_does_not_count_and_a_stop_reaches_a_living_one,
    test_a_project_its_plan_and_the_states_of_its_batches,
    test_what_is_not_there_or_not_a_status_is_an_error,
    test_what_two_callers_write_at_once_is_all_there,
)

__all__ = [
    "_repository",
    "project",
    "test_a_batch_that_is_carried_out_has_the_state_that_its_run_says",
    "test_a_mode_that_a_killed_process_wrote_does_not_count_and_a_stop_reaches_a_living_one",
    "test_a_project_its_plan_and_the_states_of_its_batches",
    "test_what_is_not_there_or_not_a_status_is_an_error",
    "test_what_two_callers_write_at_once_is_all_there",
]


@pytest.fixture(autouse=True)
def _in_postgres(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITALIGN_STORE__URL", server)


@pytest.fixture
def repository(_repository: Path) -> Iterator[Path]:
    yield _repository
    assert not (_repository / ".git/gitalign/gitalign.db").exists()


def test_a_plan_that_is_carried_out_and_its_rows(project: Project) -> None:
    results = project.execute(project.plan(([1, 2], True), ([3], False), scripts={3: "exit 1"}))
    assert [(one.success, one.merge_status) for one in results] == [(True, "success"), (False, "skipped")]
    assert not (project.world.repository.state_dir / "gitalign.db").exists()

    async def read(db: DatabaseManager) -> None:
        rows = await db.get_parallel_batches(PROJECT)
        assert [row["status"] for row in rows] == ["completed", "failed"]
        trees = await db.get_batch_worktrees(rows[0]["id"])
        assert {(tree["epic_id"], tree["status"]) for tree in trees} == {("1", "merged"), ("2", "merged")}
        assert await db.get_project_execution_mode(PROJECT) == "parallel_failed"

    project.with_db(read)
