"""What is stored of a session: its gate is that of its beginning, and its folder is checked before anything is done there."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.manual_resolution import Stand
from gitalign.core.outcome import Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.engine.run.frozen_settings import OtherSettings
from gitalign.errors import UserError
from tests.git.workspace import Workspace
from tests.runs import branch, request

NEVER = [{"name": "never", "command": ["grep", "-q", "main", "f"]}]


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"base\n"})
    work.switch("topic", "main")
    work.commit("first", {"f": b"topic\n"})
    work.switch("main")
    work.commit("on", {"f": b"main\n"})
    return work


def set_folder(work: Workspace, folder: Path) -> None:
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        ((body,),) = database.execute("SELECT body FROM sessions").fetchall()
        database.execute("UPDATE sessions SET body = ?", (json.dumps({**json.loads(body), "folder": str(folder)}),))
        database.commit()


def test_a_session_is_published_under_the_gate_it_was_begun_with(work: Workspace) -> None:
    """Edge case 65: the checks of a `--config` at the beginning are not forgotten at the end."""
    before = work.git("rev-parse", "topic")
    look = facade.resolve(request(work.path, validation__checks=NEVER), "topic")
    (Path(look.session.folder) / "f").write_bytes(b"both\n")
    facade.resolve_stage(request(work.path), "topic")
    facade.resolve_continue(request(work.path), "topic")
    with pytest.raises(OtherSettings, match=r"validation\.enabled"):
        facade.resolve_finish(request(work.path, validation__enabled=False), "topic", permit=Permit(plan_id="*"))
    report = facade.resolve_finish(request(work.path), "topic", permit=Permit(plan_id="*"))
    assert branch(report, "topic").verdict is Verdict.FAILED
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert "never" in outcome.reason
    assert work.git("rev-parse", "topic") == before


@pytest.mark.parametrize("kind", ["folder", "work tree of this repository", "another repository", "link"])
def test_a_folder_that_is_not_the_sessions_own_is_neither_used_nor_removed(
    work: Workspace, tmp_path: Path, kind: str
) -> None:
    """Edge case 67."""
    look = facade.resolve(request(work.path), "topic")
    precious = tmp_path / "precious"
    match kind:
        case "folder":
            precious.mkdir()
        case "work tree of this repository":
            work.git("worktree", "add", "-q", "--detach", str(precious))
        case "another repository":
            Workspace(precious).commit("x", {"x": b"x\n"})
        case _:
            work.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
            precious.symlink_to(tmp_path / "tree")
    (precious / "kept").write_text("x")
    set_folder(work, precious)
    assert facade.resolve(request(work.path), "topic").stand is Stand.GONE
    assert facade.resolve_stage(request(work.path), "topic").stand is Stand.GONE
    with pytest.raises(UserError):
        facade.resolve_skip(request(work.path), "topic")
    facade.resolve_abort(request(work.path), "topic")
    assert (precious / "kept").exists()
    assert Path(look.session.folder).exists()


def test_a_session_of_an_earlier_release_is_ended_as_before(work: Workspace) -> None:
    look = facade.resolve(request(work.path), "topic")
    (mark,) = (work.path / ".git" / "worktrees").glob("*/gitalign-session")
    mark.unlink()
    facade.resolve_abort(request(work.path), "topic")
    assert not Path(look.session.folder).exists()


def test_a_session_whose_work_tree_moved_is_gone(work: Workspace, tmp_path: Path) -> None:
    look = facade.resolve(request(work.path), "topic")
    shutil.move(look.session.folder, tmp_path / "moved")
    assert facade.resolve(request(work.path), "topic").stand is Stand.GONE
    facade.resolve_abort(request(work.path), "topic")
    assert (tmp_path / "moved" / "f").exists()
