"""Contexts are values; which is active belongs to a task or thread; operations end in every way out."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from gitalign.compat.context_control import ContextManager
from gitalign.compat.in_context import run_in_context
from gitalign.compat.in_sandbox import sandbox_words
from gitalign.compat.orchestrator import BranchAlignmentOrchestrator
from gitalign.core.execution_context import ExecutionContext, IsolationLevel, PerformanceMode
from gitalign.errors import Interrupted, NoResources, UserError
from gitalign.validate.confine import Confinement
from tests import needs
from tests.git.workspace import Workspace


def run(work: Any) -> Any:
    return asyncio.run(work)


async def made(**configs: dict[str, Any]) -> ContextManager:
    manager = ContextManager()
    await manager.initialize()
    for name, config in configs.items():
        await manager.create_context(name, config)
    return manager


def test_contexts_are_made_activated_and_cleaned_up() -> None:
    async def act() -> None:
        manager = await made(slow={"isolation_level": "process", "performance_mode": "low", "timeout_s": 2.0})
        with pytest.raises(ValueError, match="No active context"):
            await manager.get_active_context()
        await manager.activate_context("slow")
        context = await manager.get_active_context()
        assert (context.isolation, context.performance) == (IsolationLevel.PROCESS, PerformanceMode.LOW)
        with pytest.raises(FrozenInstanceError):
            context.timeout_s = 1.0  # type: ignore[misc]
        with pytest.raises(UserError, match="already"):
            await manager.create_context("slow")
        for _ in range(2):
            await manager.cleanup_context("slow")
        assert context.cancellation.is_cancelled
        assert set(manager.contexts) == {"default"}
        with pytest.raises(ValueError, match="Context slow not found"):
            await manager.activate_context("slow")

    run(act())


def test_a_context_never_changes() -> None:
    environment = {"A": "1"}
    context = ExecutionContext(name="x", environment=environment)
    environment["A"] = "2"
    assert context.environment == {"A": "1"}
    for one in (context, context.for_branch("topic", "main"), ExecutionContext(name="y")):
        with pytest.raises(TypeError):
            one.environment["B"] = "1"  # type: ignore[index]


@pytest.mark.parametrize(
    "config",
    [
        {"timeout_s": "soon"},
        {"timeout_s": 0},
        {"timeout_s": float("nan")},
        {"timeout_s": True},
        {"memory_bytes": "2G"},
        {"memory_bytes": 1.5},
        {"memory_bytes": -1},
        {"environment": {"A": 1}},
        {"environment": ["A=1"]},
        {"work_folder": 7},
        {"access": "docs/"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_when_a_context_is_made(config: dict[str, Any]) -> None:
    (key,) = config
    with pytest.raises(UserError, match=key):
        run(made(x=config))


@pytest.mark.parametrize("config", [{"isolation_level": "jail"}, {"performance_mode": "fast"}, {"colour": "red"}])
def test_what_is_no_context_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="known are"):
        run(made(x=config))


def test_tasks_and_threads_do_not_see_each_others_active_context() -> None:
    seen: dict[str, str] = {}

    async def act() -> None:
        manager = await made(**{name: {} for name in "abcd"})
        gate = asyncio.Barrier(2)

        async def task(name: str) -> None:
            with manager.activated(name):
                await gate.wait()
                seen[name] = (await manager.get_active_context()).name

        def thread(name: str) -> None:
            async def inner() -> None:
                await manager.activate_context(name)
                seen[name] = (await manager.get_active_context()).name

            asyncio.run(inner())

        await asyncio.gather(task("a"), task("b"))
        threads = [threading.Thread(target=thread, args=(name,)) for name in "cd"]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        with pytest.raises(ValueError, match="No active context"):
            await manager.get_active_context()

    run(act())
    assert seen == {name: name for name in "abcd"}


def where(*words: str) -> tuple[int, str, int]:
    return os.getpid(), os.environ.get("OF_THE_CONTEXT", ""), os.nice(0)


async def where_as_coroutine(*words: str) -> int:
    await asyncio.sleep(0)
    return os.getpid()


def folder_of(*words: str) -> str:
    return os.getcwd()


def failing(*words: str) -> None:
    raise ValueError(" ".join(words))


def raising(kind: type[Exception]) -> None:
    raise kind("of the operation")


def hanging(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def killed(*words: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hungry(*words: str) -> int:
    return len(bytearray(4 << 30))


def test_a_process_of_its_own_has_its_environment_and_niceness() -> None:
    context = ExecutionContext(
        name="x",
        isolation=IsolationLevel.PROCESS,
        performance=PerformanceMode.LOW,
        environment={"OF_THE_CONTEXT": "yes"},
    )
    pid, variable, niceness = run(run_in_context(context, where))
    assert (pid != os.getpid(), variable, niceness) == (True, "yes", min(19, os.nice(0) + 10))
    here = ExecutionContext(name="x")
    assert run(run_in_context(here, where)) == (os.getpid(), "", os.nice(0))
    assert run(run_in_context(here, where_as_coroutine)) == os.getpid()
    assert run(run_in_context(context, where_as_coroutine)) != os.getpid()


def test_a_process_of_its_own_works_in_its_folder(tmp_path: Path) -> None:
    context = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS, work_folder=str(tmp_path))
    assert run(run_in_context(context, folder_of)) == os.path.realpath(tmp_path)
    missing = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS, work_folder=str(tmp_path / "nosuch"))
    with pytest.raises(FileNotFoundError):
        run(run_in_context(missing, folder_of))


@pytest.mark.parametrize("isolation", [IsolationLevel.THREAD, IsolationLevel.PROCESS])
def test_an_error_comes_back(isolation: IsolationLevel) -> None:
    with pytest.raises(ValueError, match="a b"):
        run(run_in_context(ExecutionContext(name="x", isolation=isolation), failing, "a", "b"))
    for kind in (EOFError, OSError):  # what the end of a process without an answer looks like, too
        with pytest.raises(kind, match="of the operation"):
            run(run_in_context(ExecutionContext(name="x", isolation=isolation), raising, kind))


class Particular(Exception):
    """An error that can be packed, and not be unpacked."""

    def __init__(self, message: str, *, more: int) -> None:
        super().__init__(message)
        self.more = more


def failing_in_particular() -> None:
    raise Particular("a b", more=1)


def leaving_one_behind(folder: str, wait_s: float) -> int:
    left = subprocess.Popen(["sleep", "60"])
    (Path(folder) / str(left.pid)).touch()
    time.sleep(wait_s)
    return left.pid


@pytest.mark.parametrize("wait_s", [0.0, 60.0])
def test_what_a_process_of_its_own_started_ends_with_it(tmp_path: Path, wait_s: float) -> None:
    # On a busy machine a second and a half may be over before the process has begun.
    for timeout_s in (20.0,) if wait_s == 0 else (1.5, 6.0, 24.0):
        context = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS, timeout_s=timeout_s)
        with suppress(TimeoutError):
            run(run_in_context(context, leaving_one_behind, str(tmp_path), wait_s))
        if any(tmp_path.iterdir()):
            break
    (left,) = (int(place.name) for place in tmp_path.iterdir())
    deadline = time.monotonic() + 10
    while is_running(left):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_an_error_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(RuntimeError, match="Particular: a b"):
        run(run_in_context(ExecutionContext(name="x", isolation=IsolationLevel.PROCESS), failing_in_particular))


def test_a_process_that_hangs_or_dies_is_ended_and_said(tmp_path: Path) -> None:
    context = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS, timeout_s=20.0)

    async def cancelled() -> None:
        task = asyncio.ensure_future(run_in_context(context, hanging, str(tmp_path)))
        while not list(tmp_path.iterdir()):
            await asyncio.sleep(0.02)
        context.cancellation.cancel()
        await task

    with pytest.raises(Interrupted, match="was cancelled"):
        run(cancelled())
    (pid,) = (int(place.name) for place in tmp_path.iterdir())
    assert not psutil.pid_exists(pid)
    fresh = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS)
    with pytest.raises(NoResources, match="-9"):
        run(run_in_context(fresh, killed))
    bounded = ExecutionContext(name="x", isolation=IsolationLevel.PROCESS, memory_bytes=2 << 30)
    with pytest.raises(MemoryError):
        run(run_in_context(bounded, hungry))


def test_a_deadline_holds_for_coroutines() -> None:
    async def forever() -> None:
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError, match="no end after"):
        run(run_in_context(ExecutionContext(name="x", timeout_s=0.1), forever))


def looking_around(home: str, own: str) -> dict[str, Any]:
    """What code in a sandbox can see, write and reach."""
    found: dict[str, Any] = {"home": os.path.exists(home), "here": os.listdir(), "niceness": os.nice(0)}
    found["readable"] = Path(own, "file").read_text()
    found["repository"] = os.listdir(Path(own, ".git"))
    found["variables"] = sorted(set(os.environ) & {"OF_THE_CONTEXT", "SECRET_OF_THE_OPERATOR"})
    for name, place in (("work folder", Path(own, "new")), ("system", Path("/usr/new")), ("own", Path("new"))):
        try:
            place.write_text("x")
            found[name] = True
        except OSError:
            found[name] = False
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=0.5).close()
        found["network"] = True
    except OSError as error:
        found["network"] = error.errno != errno.ENETUNREACH
    return found


def answering_by_hand(*words: str) -> None:
    """Confined code that puts something else where its answer is expected."""
    place = Path(os.environ["TMPDIR"], "answer.json")
    os.mkfifo(place) if words[0] == "fifo" else place.symlink_to("/etc/hostname")
    os._exit(0)


def test_a_sandbox_shows_the_system_and_the_work_folder_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.bubblewrap(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("[remote]")
    (tmp_path / "file").write_text("text")
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "x")
    context = ExecutionContext(
        name="x",
        isolation=IsolationLevel.SANDBOX,
        performance=PerformanceMode.LOW,
        environment={"OF_THE_CONTEXT": "yes"},
        work_folder=str(tmp_path),
        timeout_s=60.0,
    )
    found = run(run_in_context(context, looking_around, str(Path.home()), str(tmp_path)))
    assert found == {
        "home": False,
        "here": [],
        "niceness": min(19, os.nice(0) + 10),
        "readable": "text",
        "repository": [],
        "variables": ["OF_THE_CONTEXT"],
        "work folder": False,
        "system": False,
        "own": True,
        "network": False,
    }
    assert sorted(os.listdir(tmp_path)) == [".git", "file"]
    assert "bubblewrap" in sandbox_words(context)
    with pytest.raises(ValueError, match="a b"):
        run(run_in_context(context, failing, "a", "b"))
    for trick in ("fifo", "link"):
        with pytest.raises(NoResources, match="without an answer"):
            run(run_in_context(context, answering_by_hand, trick))
    with pytest.raises(NoResources, match="more than 16 MB"):
        run(run_in_context(context, repeated, 17 << 20))
    with pytest.raises(UserError, match="cannot be imported by name"):
        run(run_in_context(context, lambda: None))


def test_a_sandbox_ends_at_its_deadline_when_cancelled_and_when_it_takes_too_much(tmp_path: Path) -> None:
    needs.bubblewrap(tmp_path)
    context = ExecutionContext(name="x", isolation=IsolationLevel.SANDBOX, timeout_s=1.0, memory_bytes=256 << 20)
    with pytest.raises(TimeoutError):
        run(run_in_context(context, time.sleep, 60))
    with pytest.raises((NoResources, MemoryError)):
        run(run_in_context(replace(context, timeout_s=60.0), filled, 1 << 30))
    context.cancellation.cancel()
    with pytest.raises(Interrupted):
        run(run_in_context(replace(context, timeout_s=60.0), time.sleep, 60))


def repeated(size: int) -> str:
    return "x" * size


def filled(size: int) -> int:
    return len(b"x" * size)


def test_a_sandbox_that_this_machine_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weaker = Confinement("namespaces", False, "namespaces: network off; every file can be read", True, Path("/"))
    monkeypatch.setattr("gitalign.compat.in_sandbox.confinement_for", lambda *_: weaker)
    with pytest.raises(UserError, match="needs bubblewrap; this machine offers namespaces"):
        run(run_in_context(ExecutionContext(name="x", isolation=IsolationLevel.SANDBOX), where))


def test_what_a_performance_mode_means() -> None:
    workers = {mode: ExecutionContext(name="x", performance=mode).workers(4) for mode in PerformanceMode}
    assert workers == {PerformanceMode.LOW: 1, PerformanceMode.BALANCED: 4, PerformanceMode.OPTIMIZED: 8}


def named(branch: str, target: str) -> tuple[str, str, int]:
    return branch, target, os.getpid()


def test_the_orchestrator_has_a_context_for_each_target(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("start", {"file": b"1\n"})
    for branch in ("scientific", "topic"):
        work.git("branch", branch)
    orchestrator = BranchAlignmentOrchestrator(repo_path=work.path)

    async def act() -> None:
        branch, target, pid = await orchestrator.execute_with_context("topic", "main", named)
        assert (branch, target, pid == os.getpid()) == ("topic", "main", False)
        manager = orchestrator.context_manager
        assert manager is not None
        assert set(manager.contexts) == {"default", "target_main", "target_scientific"}
        with pytest.raises(ValueError, match="x y"):
            await orchestrator.execute_with_context("x", "main", failing_for)
        with pytest.raises(ValueError, match="No active context"):
            await manager.get_active_context()
        with pytest.raises(ValueError, match="target_nosuch not found"):
            await orchestrator.execute_with_context("topic", "nosuch", named)

    run(act())


def failing_for(branch: str, target: str) -> None:
    raise ValueError(f"{branch} y")
