"""The use cases of batches: from a file to a landed run, and what is asked of it afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.batches.planning.plan_document import to_dict
from gitalign.batches.planning.tasks import Task
from gitalign.batches.reading import PlanSource
from gitalign.batches.running.secrets import SecretBook
from gitalign.batches.running.state import BatchRun, MergeStatus, Request, Status
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.surroundings import of_process
from gitalign.errors import NotARepository, NotPermitted, UnknownBatch, UserError
from gitalign.facade.batch_retrying import to_be_gone_on_with
from gitalign.facade.batch_running import _as_started
from tests.batches.runs import killed_at
from tests.batches.trees import World, world
from tests.histories import git

__all__ = ["world"]

TASKS = """
target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: a, shell: echo a > a}
  - {id: b, shell: echo b > b, needs: [a]}
"""


@pytest.fixture
def user(world: World, tmp_path: Path) -> User:
    return User(world, tmp_path)


class User:
    """Somebody with a repository and task lists beside it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        environ = {**of_process().environ, "XDG_STATE_HOME": str(folder / "state")}
        self.request = facade.Request(repo=world.path, surroundings=replace(of_process(), environ=environ))
        self.options = facade.BatchOptions(confinement="none")

    def file(self, text: str, name: str = "tasks.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def plan(self, text: str = TASKS, name: str = "tasks.yaml", **more: Any) -> Any:
        return facade.plan_batches(self.request, PlanSource(file=self.file(text, name), **more))

    def start(self, text: str = TASKS, **more: Any) -> BatchRun:
        plan = self.plan(text)
        permit = Permit(plan_id=facade.plan_digest(plan), given_by="test")
        options = replace(self.options, **more.pop("options", {}))
        return facade.start_batches(self.request, plan, permit=permit, options=options, **more)

    def retry(self, batch_id: str, *task_ids: str) -> BatchRun:
        going_on = facade.GoingOn(retry=True, task_ids=task_ids)
        return facade.resume_batches(self.request, batch_id, options=self.options, going_on=going_on)


def outcome(run: BatchRun, number: int = 0) -> Any:
    return run.batches[number].outcome


def test_from_a_file_to_a_landed_run_and_nothing_twice(user: User) -> None:
    run = user.start()
    assert run.status is Status.COMPLETED
    assert user.world.git("show", "main:b") == "b"
    view = facade.batch_status(user.request)
    assert (view.run, view.is_alive, view.status) == (run, False, "completed")
    tip = user.world.tip
    assert user.start() == run
    assert user.world.tip == tip
    assert [view.run.id for view in facade.batch_list(user.request)] == [run.id]
    again = user.start(options={"again": True})
    assert again.id != run.id
    assert outcome(again).merge_status is MergeStatus.SKIPPED
    assert "a > a" in facade.batch_log(user.request, run.id, "a")
    with pytest.raises(UserError, match="has no task zzz"):
        facade.batch_log(user.request, run.id, "zzz")
    with pytest.raises(UnknownBatch):
        facade.batch_status(user.request, "19700101")


def test_what_completes_while_secrets_are_read_is_not_executed_again(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password manager asks a person; in another terminal the same file is run, from its beginning to its end."""
    ran, secret = tmp_path / "ran", tmp_path / "secret"
    secret.write_text("a-secret-of-some-length")
    text = f"target: main\ntasks: [{{id: a, shell: 'echo a >> {ran}', secrets: {{TOK: {{file: {secret}}}}}}}]\n"
    read = SecretBook.read
    others: list[str] = []

    def slowly(book: SecretBook, tasks: Sequence[Task]) -> None:
        if not others:
            others.append("begun")
            others.append(user.start(text).id)
        read(book, tasks)

    monkeypatch.setattr(SecretBook, "read", slowly)
    assert user.start(text).id == others[1]
    assert ran.read_text() == "a\n"
    assert user.start(text, options={"again": True}).id != others[1]
    assert ran.read_text() == "a\na\n"


def test_what_landed_before_a_failure_is_not_executed_again_unless_that_is_asked_for(user: User) -> None:
    text = TASKS.replace("echo a > a", "echo a >> a").replace(
        "echo b > b", f"test -e {user.folder}/passes && echo b > b"
    )
    run = user.start(text)
    assert [one.status for one in run.batches] == [Status.COMPLETED, Status.FAILED]
    with pytest.raises(UserError, match="results of 1 of its 2 batches landed") as caught:
        user.start(text)
    assert f"git align batch retry {run.id}" in caught.value.hint
    assert user.world.git("show", "main:a") == "a"
    (user.folder / "passes").touch()
    assert user.retry(run.id).status is Status.COMPLETED
    assert user.world.git("show", "main:a", "main:b") == "a\nb"
    assert user.start(text).id == run.id

    other = text.replace("id: b", "id: c")
    (user.folder / "passes").unlink()
    failed = user.start(other)
    assert user.world.git("show", "main:a") == "a\na"
    facade.undo_batches(user.request, failed.id, permit=Permit(plan_id="*", given_by="test"))
    again = user.start(other)
    assert (again.id != failed.id, user.world.git("show", "main:a")) == (True, "a\na")
    assert user.start(other, options={"again": True}).status is Status.FAILED
    assert user.world.git("show", "main:a") == "a\na\na"


def test_nothing_runs_without_permission_for_this_very_plan(user: User) -> None:
    plan = user.plan()
    other = user.plan(TASKS.replace("echo a", "rm -rf /"))
    assert facade.plan_digest(plan) != facade.plan_digest(other)
    for permit in (None, Permit(plan_id=""), Permit(plan_id=facade.plan_digest(other))):
        with pytest.raises(NotPermitted):
            facade.start_batches(user.request, plan, permit=permit)
    assert facade.batch_list(user.request) == ()


def test_a_file_whose_repository_git_cannot_say_is_not_taken_for_nobodys(
    user: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error is no permission to run what a file says."""
    linked = tmp_path / "linked"
    user.world.git("worktree", "add", "-q", "--detach", str(linked))
    (linked / "tasks.yaml").write_text(TASKS)
    git(linked, "add", "tasks.yaml")
    source = PlanSource(file=linked / "tasks.yaml")
    with monkeypatch.context() as named:
        named.setenv("GIT_DIR", str(user.world.path / ".git"))
        with pytest.raises(UserError, match="tracked by git"):
            facade.plan_batches(user.request, source)
    link = (linked / ".git").read_text()
    (linked / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(NotARepository):
        facade.plan_batches(user.request, source)
    (linked / ".git").write_text(link)
    with pytest.raises(UserError, match="tracked by git"):
        facade.plan_batches(user.request, source)


def test_commands_are_not_taken_from_a_file_that_a_branch_could_change(user: User) -> None:
    inside = user.world.path / "tasks.yaml"
    inside.write_text(TASKS)
    source = PlanSource(file=inside)
    assert facade.plan_batches(user.request, source).total_tasks == 2
    user.world.git("add", "tasks.yaml")
    with pytest.raises(UserError, match="tracked by git, so a branch could change it"):
        facade.plan_batches(user.request, source)
    link = user.folder / "link.yaml"
    link.symlink_to(inside)
    with pytest.raises(UserError, match="tracked by git"):
        facade.plan_batches(user.request, PlanSource(file=link))
    checklist = user.world.path / "tasks.md"
    checklist.write_text("- [ ] T001 Do it\n")
    user.world.git("add", "tasks.md")
    plan = facade.plan_batches(user.request, PlanSource(file=checklist, command=["agent", "{title}"], target="main"))
    assert plan.task_list is not None
    assert plan.task_list.tasks[0].argv == ("agent", "Do it")


def test_a_plan_of_another_tool_with_a_task_list_beside_it(user: User) -> None:
    seed = {
        "project_id": "6f1b7a0e-0000-4000-8000-000000000001",
        "created_at": "2026-01-05T10:00:00",
        "batches": [{"batch_id": 0, "task_ids": [1, 2], "can_parallel": True, "depends_on": []}],
        "worktree_assignments": {},
        "predicted_conflicts": [],
        "metadata": {},
    }
    with pytest.raises(UserError, match="does not say how its tasks are run"):
        user.plan(json.dumps(seed), "plan.json")
    tasks = user.file(
        "target: main\ndefaults: {commit_leftovers: true}\ntasks: [{id: 1, shell: 'echo 1 > 1'}, {id: 2, shell: 'echo 2 > 2'}]",
        "t.yaml",
    )
    plan = user.plan(json.dumps(seed), "plan.json", tasks=tasks)
    assert plan.mode.reason == "1 of 1 batches can run in parallel, up to 2 tasks side by side"
    permit = Permit(plan_id=facade.plan_digest(plan))
    run = facade.start_batches(user.request, plan, permit=permit, options=user.options)
    assert user.world.git("show", "main:1", "main:2") == "1\n2"
    assert to_dict(run.plan)["batches"][0]["task_ids"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("- [ ] T001 Do it\n", "tasks.md", "1 tasks have no command, first T001"),
        ("tasks: [{id: a}]", "x.yaml", "1 tasks have no command, first a"),
    ],
)
def test_tasks_without_a_command_are_refused(user: User, text: str, name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        user.plan(text, name)


def test_a_target_is_needed_and_tasks_start_from_what_its_upstream_has(user: User) -> None:
    with pytest.raises(UserError, match="does not say where results go"):
        user.start("tasks: [{id: a, shell: x}]")
    with pytest.raises(UserError, match="there is no branch nowhere"):
        user.start("target: nowhere\ntasks: [{id: a, shell: x}]")
    git(user.folder, "clone", "-q", "--bare", str(user.world.path), "origin.git")
    user.world.git("remote", "add", "origin", str(user.folder / "origin.git"))
    user.world.git("commit", "-q", "--allow-empty", "-m", "upstream")
    user.world.git("push", "-q", "-u", "origin", "main")
    user.world.git("reset", "-q", "--hard", "HEAD~1")
    run = user.start()
    assert run.status is Status.COMPLETED
    assert run.batches[0].base == user.world.git("rev-parse", "origin/main")
    user.world.git("merge-base", "--is-ancestor", "origin/main", "main")


def test_landing_can_be_left_for_later(user: User) -> None:
    run = user.start(options={"lands": False})
    assert (run.status, outcome(run).merge_status) == (Status.PENDING, MergeStatus.WAITING)
    before = user.world.tip
    with pytest.raises(UserError, match="is not finished"):
        user.start()
    run = facade.resume_batches(user.request, run.id, options=user.options)
    assert run.status is Status.COMPLETED
    assert user.world.tip != before
    assert run.tasks["a"].attempts == 1


def test_what_failed_is_retried_and_the_rest_stays(user: User) -> None:
    flag = user.folder / "flag"
    text = f"""
target: main
defaults: {{commit_leftovers: true}}
tasks:
  - {{id: good, shell: echo good > good}}
  - {{id: bad, shell: test -e {flag} && echo bad > bad}}
  - {{id: later, shell: cat good bad > later, needs: [bad]}}
"""
    run = user.start(text)
    assert run.status is Status.FAILED
    with pytest.raises(UserError, match="task zzz is not part of it"):
        user.retry(run.id, "zzz")
    flag.touch()
    assert to_be_gone_on_with(run).status is Status.PENDING
    run = user.retry(run.id)
    assert run.status is Status.COMPLETED
    assert {one: task.attempts for one, task in run.tasks.items()} == {"good": 1, "bad": 2, "later": 1}
    assert user.world.git("show", "main:later") == "good\nbad"
    with pytest.raises(UserError, match="nothing of batch run"):
        user.retry(run.id)
    with pytest.raises(UserError, match="task good has landed"):
        user.retry(run.id, "good")


def test_a_run_is_asked_from_elsewhere_to_stop(user: User) -> None:
    asked: list[facade.BatchView] = []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_started" and not asked:
            (running,) = facade.batch_list(user.request)
            assert (running.status, running.is_alive) == ("running", True)
            asked.append(facade.ask_batch(user.request, running.run.id, Request.STOP))

    text = (
        "target: main\ndefaults: {commit_leftovers: true}\ntasks: [{id: a, shell: sleep 0.5}, {id: b, shell: 'true'}]"
    )
    run = user.start(text, listeners=(listen,), options={"max_concurrency": 1})
    assert run.status is Status.STOPPED
    assert run.tasks["b"].status is Status.PENDING
    with pytest.raises(UserError, match="no process runs batch run"):
        facade.ask_batch(user.request, run.id, Request.STOP)


def test_a_signal_stops_a_run(user: User) -> None:
    caller = Caller()

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_started":
            threading.Timer(0.2, caller.stop.request_cancel).start()

    run = user.start(
        "target: main\ndefaults: {commit_leftovers: true}\ntasks: [{id: a, shell: 'echo w > w; sleep 60'}]",
        caller=caller,
        listeners=(listen,),
    )
    assert run.status is Status.CANCELLED
    assert user.world.git("show", f"refs/gitalign/wip/{run.id}/a:w") == "w"
    run = facade.resume_batches(
        user.request,
        run.id,
        options=user.options,
        caller=Caller(),
        listeners=(
            lambda kind, data: (
                facade.ask_batch(user.request, run.id, Request.CANCEL) if kind == "task_started" else None
            ),
        ),
    )
    assert run.status is Status.CANCELLED
    assert user.world.git("show", f"refs/gitalign/wip/{run.id}/a@1:w") == "w"


def test_what_confines_tasks_is_said(user: User) -> None:
    assert "not confined" in facade.confinement_words(user.request, user.options)
    words = facade.confinement_words(user.request, facade.BatchOptions(confinement="prefer", network=False))
    assert words


def test_trees_are_removed_when_nothing_of_value_is_in_them(user: User) -> None:
    """What a killed run left is pinned first; what no commit can hold stays, and so does what is in use."""
    text = """
target: main
defaults: {commit_leftovers: true}
tasks:
  - {id: plain, shell: echo a > a}
  - {id: nested, shell: git init -q inner && echo b > b}
"""
    user.start(text, options={"max_concurrency": 1})
    before = facade.prune_batch_trees(user.request, dry_run=True)
    assert before.bytes_before == before.bytes_after > 0
    killed = TASKS.replace("echo a > a", "echo w > w; exit 1")

    def carry_out(checkpoint: Any) -> None:
        caller = Caller(checkpoint=checkpoint)
        plan = user.plan(killed)
        permit = Permit(plan_id=facade.plan_digest(plan))
        facade.start_batches(user.request, plan, permit=permit, options=user.options, caller=caller)

    assert killed_at("settle", carry_out)
    view = facade.batch_status(user.request)
    assert view.status == "interrupted"
    trees = facade.prune_batch_trees(user.request)
    kept = [tree for tree in trees.trees if tree.kept_because]
    assert [(tree.task_id, "inner" in tree.kept_because) for tree in kept] == [("nested", True)]
    assert user.world.git("show", f"refs/gitalign/wip/{view.run.id}/a:w") == "w"
    assert facade.batch_status(user.request).run.tasks["a"].status is Status.PENDING
    assert trees.bytes_after < trees.bytes_before
    assert [tree.task_id for tree in facade.prune_batch_trees(user.request).trees] == ["nested"]


def test_what_confines_tasks_holds_until_the_run_ends(user: User) -> None:
    text = "target: main\ntasks: [{id: a, shell: 'true'}]"
    run = user.start(text, options={"lands": False, "confinement": "none", "readable": ("/opt",), "squash": True})
    assert (run.options["confinement"], run.options["readable"], run.options["squash"]) == ("none", ["/opt"], True)
    weaker = facade.BatchOptions(confinement="prefer", network=False, max_concurrency=9)
    again = facade.resume_batches(user.request, run.id, options=weaker)
    assert again.options == run.options
    assert _as_started(run, weaker) == replace(
        weaker, confinement="none", network=True, readable=("/opt",), squash=True, max_concurrency=3
    )
