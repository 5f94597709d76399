"""The verbs about remotes, as a person types them."""

from __future__ import annotations

import json

from tests import warm
from tests.remotes.conftest import Shared


def align(shared: Shared, *words: str) -> tuple[int, str]:
    """Exit code and output of a verb."""
    done = warm.run(*words, cwd=shared.work.path)
    return done.returncode, done.stdout + done.stderr


def test_the_whole_way(shared: Shared) -> None:
    before = shared.there("x")
    code, said = align(shared, "plan", "--push")
    assert code == 0
    assert "is pushed to origin/x" in said
    assert align(shared, "run", "--yes")[0] == 0
    code, said = align(shared, "push", "--dry-run")
    assert code == 0
    assert "origin/x" in said
    assert "would be pushed" in said
    assert shared.there("x") == before
    code, _ = align(shared, "push", "--only", "x")
    assert code == 2  # nobody can be asked
    assert shared.there("x") == before
    code, said = align(shared, "push", "--yes")
    assert code == 0
    assert "git align undo --push" in said
    assert shared.there("x") == shared.here("x")
    assert align(shared, "push", "--yes") == (0, "nothing to do\n")
    code, said = align(shared, "show", "last")
    assert code == 0
    assert "origin/x" in said
    code, said = align(shared, "undo", "last", "--yes")
    assert code == 0
    assert "puts back on the remote, too" in said
    code, said = align(shared, "runs")
    assert code == 0
    assert "push" in said
    assert "undone by" in said
    code, said = align(shared, "show", "last", "x")
    assert code == 0
    assert "put_back" in said
    assert "cancelled" not in said


def test_run_push_asks_for_what_earlier_runs_moved(shared: Shared) -> None:
    assert align(shared, "run", "--yes")[0] == 0
    before = shared.there("x")
    code, _ = align(shared, "run", "--push")
    assert code == 2
    assert shared.there("x") == before
    done = warm.run("run", "--push", "--yes", "--json", cwd=shared.work.path)
    assert done.returncode == 0
    told = {one["branch"]: one for one in json.loads(done.stdout)["branches"]}
    assert told["x"]["publication"]["remote"] == "origin"
    assert told["x"]["publication"]["push"] == "pushed"
    assert "pushed to origin/x" in told["x"]["detail"]


def test_a_guard_is_named_and_can_be_let_run(shared: Shared) -> None:
    hook = shared.work.path / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho seen > ran\n")
    hook.chmod(0o755)
    code, said = align(shared, "run", "--push", "--yes")
    assert code == 1
    assert "--push-hooks" in said
    assert not (shared.work.path / "ran").exists()
    code, said = align(shared, "push", "--yes", "--push-hooks")
    assert code == 0, said
    assert (shared.work.path / "ran").exists()
    assert shared.there("x") == shared.here("x")


def test_nothing_to_undo_is_a_usage_error(shared: Shared) -> None:
    assert align(shared, "run", "--yes", "--only", "nosuch*")[0] == 2
    code, said = align(shared, "undo", "last", "--yes")
    assert code == 2
    assert "no run" in said


def test_a_name_that_matches_no_branch_is_a_usage_error(shared: Shared) -> None:
    assert align(shared, "run", "--yes")[0] == 0
    for words in (("push", "--yes", "--only", "nosuch"), ("push", "--dry-run", "--only", "nosuch*")):
        code, said = align(shared, *words)
        assert code == 2, words
        assert "no branch matches" in said
