"""One attempt of one task in its tree: set-up, command, verification. What its ends mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gitalign.batches.planning.tasks import Setup, Task
from gitalign.batches.running.port_block import PORTS
from gitalign.batches.running.task_log import TaskLog
from gitalign.batches.running.task_tree import TaskTree
from gitalign.core.names import display
from gitalign.core.validation import Bounds, CheckResult, CheckStatus, CommandCheck
from gitalign.validate.commands import CheckCancelled, Sandbox, run_command
from gitalign.validate.confine import Confinement
from gitalign.validate.place import Place

_ALWAYS = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "LD_LIBRARY_PATH")
TRY_AGAIN = 75
"""Exit code by which a command says that it failed for a reason that passes (`man 3 sysexits`, EX_TEMPFAIL)."""


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TRANSIENT = "transient"
    """For a reason that passes; another attempt can help."""
    INFRASTRUCTURE = "infrastructure"
    """The machine could not run it: a work tree, a confinement, a process could not be made."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        reason: why it did not succeed, in words; empty when it did.
        exit_code: of the command that decided; None when it did not end by itself.
    """

    end: AttemptEnd
    reason: str = ""
    exit_code: int | None = None
    duration_s: float = 0.0
    output_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlace:
    """Where a task runs and as whom.

    Attributes:
        batch_id: of the batch run.
        slot: number of its work tree.
        first_port: of its block of ports.
        ident: name and address for its commits.
        confinement, bounds: what it may use.
        source: the operator's environment, from which the task's list takes names.
        secrets: variables by which the command and the verification find the task's secrets; the set-up has none of them.
    """

    batch_id: str
    slot: int
    first_port: int
    ident: tuple[str, str]
    confinement: Confinement
    bounds: Bounds = Bounds()
    source: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def task_environment(task: Task, place: TaskPlace) -> dict[str, str]:
    """What a task sees of the environment, but for its folders. `HOME` is a folder of the tree unless the task names it."""
    name, address = place.ident
    inherited = {key: place.source[key] for key in (*_ALWAYS, *task.environment) if key in place.source}
    return {
        "CI": "true",
        "GITALIGN": "1",
        "GITALIGN_BATCH": place.batch_id,
        "GITALIGN_TASK": task.id,
        "GITALIGN_TITLE": task.title,
        "GITALIGN_PORT": str(place.first_port),
        "GITALIGN_PORTS": str(PORTS),
        "PORT": str(place.first_port),
        "COMPOSE_PROJECT_NAME": f"gitalign-{place.first_port}",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "false",
        "GIT_SEQUENCE_EDITOR": "false",
        "GIT_PAGER": "cat",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "EDITOR": "false",
        "VISUAL": "false",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        **inherited,
        **task.variables,
    }


def run_setup(
    setup: Setup, task: Task, tree: TaskTree, place: TaskPlace, log: TaskLog, is_cancelled: Callable[[], bool]
) -> Attempt:
    """Prepare a tree."""
    return _run("set-up", setup.argv, (task, tree, replace(place, secrets={}), log), is_cancelled)


def run_attempt(
    task: Task, tree: TaskTree, place: TaskPlace, log: TaskLog, is_cancelled: Callable[[], bool]
) -> Attempt:
    """Run a task's command, then its verification. The deadline is that of each of them."""
    assert task.argv is not None
    done = _run("task", task.argv, (task, tree, place, log), is_cancelled)
    if done.end is AttemptEnd.SUCCEEDED and task.verify is not None:
        verified = _run("verification", task.verify, (task, tree, place, log), is_cancelled)
        if verified.end is not AttemptEnd.SUCCEEDED:
            return verified
    return done


def _run(
    what: str,
    argv: tuple[str, ...],
    where: tuple[Task, TaskTree, TaskPlace, TaskLog],
    is_cancelled: Callable[[], bool],
) -> Attempt:
    task, tree, place, log = where
    log.note(f"{what}: {json.dumps([display(word) for word in argv], ensure_ascii=False)}")
    try:
        result = run_command(
            CommandCheck(name=what, argv=argv, timeout_s=task.timeout_s),
            Place(
                tree.root,
                tree.tree,
                tree.home,
                tree.scratch,
                None if tree.is_hiding else tree.objects,
                None if tree.is_hiding else tree.cache,
                tree.secrets if place.secrets and tree.secrets.exists() else None,
            ),
            Sandbox(place.confinement, place.bounds, {**task_environment(task, place), **place.secrets}),
            is_cancelled=is_cancelled,
            tee=log.write,
        )
    except CheckCancelled:
        log.note(f"{what}: cancelled")
        return Attempt(end=AttemptEnd.CANCELLED, reason="cancelled")
    finally:
        log.end_of_output()
    attempt = _judged(what, result)
    attempt = replace(attempt, reason=log.masked(attempt.reason))
    log.note(f"{what}: {attempt.reason or 'succeeded'}")
    return attempt


def _judged(what: str, result: CheckResult) -> Attempt:
    ends = {CheckStatus.PASSED: AttemptEnd.SUCCEEDED, CheckStatus.NOT_POSSIBLE: AttemptEnd.INFRASTRUCTURE}
    end = ends.get(result.status, AttemptEnd.FAILED)
    if result.status is CheckStatus.FAILED and result.exit_code == TRY_AGAIN:
        end = AttemptEnd.TRANSIENT
    return Attempt(
        end=end,
        reason="" if end is AttemptEnd.SUCCEEDED else f"{what}: {result.reason or result.status.value}",
        exit_code=result.exit_code,
        duration_s=result.duration_s,
        output_bytes=result.output_bytes,
    )
