"""Names read from the journal are names: never paths to open or delete (edge case 67)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import is_run_id
from gitalign.errors import InvariantBroken, StoreError
from gitalign.owned_folders import remove_folder
from tests.git.workspace import Workspace
from tests.runs import request, run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"t": b"t\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    run(work.path)
    return work


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    place = tmp_path / "precious"
    (place / "logs").mkdir(parents=True)
    (place / "logs" / "kept").write_text("x")
    return place


def change(work: Workspace, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        database.execute(statement, values)
        database.commit()


@pytest.mark.parametrize("shape", ["absolute", "relative", "name", "empty"])
@pytest.mark.parametrize("state", ["integrating", "publishing", "finished"])
def test_a_run_id_that_is_a_path_is_refused_before_anything_is_removed(
    work: Workspace, precious: Path, shape: str, state: str
) -> None:
    ids = {"absolute": str(precious), "relative": f"../../../../{precious.name}", "name": "..", "empty": ""}
    change(work, "UPDATE runs SET id = ?, state = ?, owner = 'a|b|1|1.0', finished_at = started_at", ids[shape], state)
    look_at_unfinished = (lambda: facade.resume(request(work.path)), lambda: run(work.path))
    for verb in (
        *(look_at_unfinished if state != "finished" else ()),
        lambda: facade.prune(request(work.path), older_than_days=0),
        lambda: facade.runs(request(work.path)),
    ):
        with pytest.raises(StoreError, match="not the id of a run"):
            verb()
    assert (precious / "logs" / "kept").exists()
    assert work.path.is_dir()


@pytest.mark.parametrize("column", ["undoes", "undone_by"])
def test_the_id_of_another_run_is_looked_at_too(work: Workspace, column: str) -> None:
    change(work, f"UPDATE runs SET {column} = '/etc'")
    with pytest.raises(StoreError, match="not the id of a run"):
        facade.runs(request(work.path))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_prune_follows_no_link_on_the_way_to_the_logs(work: Workspace, precious: Path, depth: int) -> None:
    (record,) = facade.runs(request(work.path))
    place = work.path / ".git" / "gitalign" / "runs"
    for name in (record.id, "logs")[: depth - 1]:
        place = place / name
    shutil.rmtree(place)
    target = precious
    if depth == 1:
        target = precious.parent / "other"
        (target / record.id).mkdir(parents=True)
        (precious / "logs").rename(target / record.id / "logs")
    place.symlink_to(target / "logs" if depth == 3 else target)
    facade.prune(request(work.path), older_than_days=0)
    kept = target / record.id / "logs" / "kept" if depth == 1 else precious / "logs" / "kept"
    assert kept.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "/etc", "a/b", "../b", "a\0b"])
def test_only_names_are_removed(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvariantBroken):
        remove_folder(tmp_path, name)
    with pytest.raises(InvariantBroken):
        remove_folder(tmp_path, name, "x")
    assert tmp_path.is_dir()


def test_what_is_not_there_needs_no_removing(tmp_path: Path) -> None:
    remove_folder(tmp_path, "gone")
    remove_folder(tmp_path / "gone", "x", "y")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("20261120-233756-195714", True),
        ("20261120-233756-19571", False),
        ("20261120-233756-195714\n", False),
        ("٢٠261120-233756-195714", False),
        ("20261120-233756-195714/..", False),
    ],
)
def test_ids_of_runs(word: str, expected: bool) -> None:
    assert is_run_id(word) is expected
