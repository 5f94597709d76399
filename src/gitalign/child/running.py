"""Commands that are run to their end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from gitalign.child.processes import (
    KILL_GRACE_S,
    Call,
    ChildRegister,
    ChildTimedOut,
    Completed,
    Process,
    end_group,
    forget,
    kill_group,
    note,
)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: bytes = b"",
    timeout_s: float,
    register: ChildRegister | None = None,
) -> Completed:
    """Run a command to its end.

    Args:
        argv: the command; never a shell.
        env: the whole environment.
        cwd: working directory.
        stdin: bytes given on standard input, then closed.
        timeout_s: deadline in seconds.
        register: knows it while it lives, so that it can be ended with the others of a run.

    Raises:
        FileNotFoundError: when the executable is missing.
        ChildTimedOut: when the deadline passed.
    """
    child = subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    note(child, register)
    try:
        try:
            out, err = child.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            end_group(child)
            child.communicate()
            raise ChildTimedOut(f"{' '.join(argv[:4])}: no end after {timeout_s:g} s") from late
        except BaseException:
            end_group(child)
            raise
        return Completed(tuple(argv), child.returncode, out, err)
    finally:
        # Left-overs of the group (a credential helper, say) must not outlive the command.
        kill_group(child)
        forget(child, register)


def attended(argv: Sequence[str], *, cwd: str | Path) -> int:
    """Run a program that a person sits at (an editor, a merge tool) on our own terminal, to its end; its exit code.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    # In our process group, so that the terminal is its own; it leaves Ctrl-C to the program as shells do.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(list(argv), cwd=cwd, restore_signals=True, preexec_fn=_heed_interrupts)
    finally:
        signal.signal(signal.SIGINT, before)


def shown_by(argv: Sequence[str], text: bytes, *, env: Mapping[str, str]) -> int:
    """Give a pager its input on our own terminal, and wait for its end; its exit code.

    A pager that ends before it has read all is no fault.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pager = subprocess.Popen(
            list(argv), env=dict(env), stdin=subprocess.PIPE, restore_signals=True, preexec_fn=_heed_interrupts
        )
        pager.communicate(text)
        return pager.returncode
    finally:
        signal.signal(signal.SIGINT, before)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_unattended(call: Call) -> Process:
    """Start a command without input, its output and errors in one pipe. The caller must end, reap and discard it.

    Raises:
        OSError: the executable is missing or cannot be run.
    """
    child = subprocess.Popen(
        list(call.argv),
        env=dict(call.env),
        cwd=call.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        bufsize=0,
    )
    note(child, call.register)
    return child


def pipe(first: Call, second: Call, *, stdin: bytes, timeout_s: float) -> tuple[Completed, Completed]:
    """Run two commands, the output of the first being the input of the second, without keeping any of it.

    Args:
        stdin: bytes given to the first one.
        timeout_s: deadline of both together in seconds.

    Raises:
        FileNotFoundError: when an executable is missing.
        ChildTimedOut: when the deadline passed.
    """
    source = _start(first, stdin=subprocess.PIPE)
    try:
        sink = _start(second, stdin=source.stdout)
    except BaseException:
        end_group(source)
        forget(source, first.register)
        raise
    assert source.stdin is not None
    assert source.stdout is not None
    assert source.stderr is not None
    source.stdout.close()  # the second command alone holds it now, so the first sees when it goes away
    kept: list[bytes] = []
    feeder = threading.Thread(target=_feed, args=(source.stdin, stdin), daemon=True)
    listener = threading.Thread(target=lambda stream: kept.append(stream.read()), args=(source.stderr,), daemon=True)
    feeder.start()
    listener.start()
    try:
        out, err = sink.communicate(timeout=timeout_s)
        source.wait(KILL_GRACE_S)
    except subprocess.TimeoutExpired as late:
        raise ChildTimedOut(f"{' '.join(first.argv[:4])}: no end after {timeout_s:g} s") from late
    finally:
        for one, register in ((source, first.register), (sink, second.register)):
            if one.poll() is None:
                end_group(one)
            kill_group(one)
            forget(one, register)
        feeder.join(KILL_GRACE_S)
        listener.join(KILL_GRACE_S)
    return (
        Completed(tuple(first.argv), source.returncode, b"", b"".join(kept)),
        Completed(tuple(second.argv), sink.returncode, out, err),
    )


def _start(call: Call, *, stdin: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        list(call.argv),
        env=dict(call.env),
        cwd=call.cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    note(child, call.register)
    return child


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:
        stream.write(data)
