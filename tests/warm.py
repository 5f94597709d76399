"""Processes without their start-up: children forked from a server that has imported all of git-align already.

A fresh Python spends a second of processor time on a small verb; a fork of the server spends a tenth of that. It is a process of its own all the same, with its own descriptors, environment, working directory, signals
and exit code, ended by the interpreter itself, so it may be killed, stopped, timed or run beside others.

    done = warm.run("run", "--yes", cwd=repository)                     # the command line; text, like subprocess.run
    done = warm.call("tests.engine.rehearsal:main", repository, "run", 3)   # any function without parameters
    child = warm.start("run", "--yes", cwd=repository)                  # goes on beside the test
    child.send_signal(signal.SIGINT); out, err = child.communicate(timeout=60)

`call` sets `sys.argv[1:]` and calls the function. The return code is minus the signal's number after a kill, as with
`subprocess`. SIGINT and its like have Python's own dispositions, whatever the test runner inherited.

Use a fresh interpreter (`subprocess.run([sys.executable, "-m", "gitalign", ...])`) where its start is what the test is
about: what is imported, the locale, `PYTHON*` variables, signals in the first moments, limits of memory.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import inspect
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 120.0
COMMAND = "gitalign.start:main"
_IMPORTED_LATE = (
    "alembic.command", "sqlalchemy.dialects.sqlite", "sqlite3.dbapi2", "encodings.ascii", "pydantic.type_adapter",
    "rich._emoji_codes", "yaml", "pathspec", "click.decorators", "click._textwrap",
)  # fmt: skip
"""What libraries import when they are first used."""
_NOT_WARM = ("gitalign.service.", "gitalign.client.")
"""Rooms that the command line imports for a few verbs alone, with libraries that are slow to import."""
_COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""Set by coverage where processes are to be measured (`patch = ["subprocess"]`)."""
_OF_A_TEST = ("GITALIGN_", "OTEL_")
"""What the test that needs the first warm process has set for its own; each process is given it, the server is not."""
_HEAD = struct.Struct("!I")
_END = struct.Struct("!id")
RARELY = (20_000, 20, 50)
"""Thresholds of garbage collection for processes that live for seconds (`gc.set_threshold`)."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def run(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Call the command line and wait for its end; see `start` for the keywords, and `timeout` in seconds."""
    return _finished(start, words, **more)


def call(function: str, *words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Call `module:function` with these words as `sys.argv[1:]` and wait for its end; keywords as for `run`."""
    return _finished(begin, (function, *words), **more)


def start(*words: object, **more: Any) -> Child:
    """Start the command line; keywords as for `begin`."""
    return begin(COMMAND, *words, **more)


def get_ready() -> None:
    """Start the server now: before `PATH` names a git that goes wrong, which it would work with."""
    _server(os.getpid())


def begin(
    function: str,
    *words: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: str = "",
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    terminal: bool = False,
) -> Child:
    """Start `module:function` in a fork of the server.

    Args:
        function: takes no parameters; `sys.argv[1:]` holds the words.
        words: anything with a `str`.
        cwd: the working directory; this process's own without it.
        env: variables beside this process's own ones.
        input: what standard input holds; nothing by default.
        stdin: a descriptor to read from instead.
        stdout: a descriptor to write to; kept for `communicate` without it.
        stderr: likewise.
        terminal: makes standard input, a pseudo-terminal, the controlling terminal of a session of its own.
    """
    child = Child([function, *map(str, words)])
    measured = _is_measured(child.args)
    if stdin is None:
        child.keep("stdin").write(input.encode())
        child.files["stdin"].seek(0)
    job = {
        "function": function,
        "argv": child.args[1:],
        "cwd": str(cwd or Path.cwd()),
        "env": {**os.environ, **(env or {})},
        "terminal": terminal,
        "measured": measured,
    }
    out = stdout if stdout is not None else child.keep("stdout").fileno()
    err = stderr if stderr is not None else child.keep("stderr").fileno()
    child.attach(_server(os.getpid()), job, [child.files["stdin"].fileno() if stdin is None else stdin, out, err])
    return child


_MEASURED: set[tuple[str, ...]] = set()


def _is_measured(args: list[str]) -> bool:
    """Whether coverage is measured in a process: once for each command in a test, whatever its parameters.

    Measuring costs a process ten times what it takes to start.
    """
    if _COVERAGE not in os.environ:
        return False
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("[")[0].partition(" (")[0]
    key = (
        test,
        *(word for word in args if word.startswith("--") or word.replace(":", "").replace(".", "").isidentifier()),
    )
    is_new = key not in _MEASURED
    _MEASURED.add(key)
    return is_new


@dataclass
class Spent:
    """Processor time of all warm processes that were waited for, with their children; in seconds."""

    seconds: float = 0.0


SPENT = Spent()


@dataclass
class Child:
    """A process that was forked from the server; a small part of `subprocess.Popen`.

    Attributes:
        args: the function and its words.
        pid: of the process.
        returncode: None as long as it was not waited for.
    """

    args: list[str]
    pid: int = 0
    returncode: int | None = None
    files: dict[str, IO[bytes]] = field(default_factory=dict)
    _ended: socket.socket | None = None

    def keep(self, name: str) -> IO[bytes]:
        """A temporary file in place of a pipe: it never fills up."""
        self.files[name] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by communicate)
        return self.files[name]

    def attach(self, server: socket.socket, job: dict[str, object], descriptors: list[int]) -> None:
        """Have the server fork."""
        ours, theirs = socket.socketpair()
        with theirs:
            body = json.dumps(job).encode()
            socket.send_fds(server, [_HEAD.pack(len(body))], [*descriptors, theirs.fileno()])
            server.sendall(body)
        self._ended = ours
        self.pid = _number(ours)

    def poll(self) -> int | None:
        """The return code of a process that ended."""
        if self.returncode is None and self._ended and select.select([self._ended], [], [], 0)[0]:
            self.returncode = self._end()
        return self.returncode

    def wait(self, timeout: float = DEADLINE_S) -> int:
        """Wait for the end; kills the process and raises `TimeoutExpired` when it does not come."""
        if self.returncode is None:
            assert self._ended is not None
            if not select.select([self._ended], [], [], timeout)[0]:
                os.killpg(self.pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = self._end()
            self._ended.close()
        return self.returncode

    def _end(self) -> int:
        """How it ended. Whoever forked it is gone when that is not to be had."""
        assert self._ended is not None
        answer = self._ended.recv(_END.size, socket.MSG_WAITALL)
        if len(answer) < _END.size:
            raise AssertionError("the server of warm processes died")
        code, spent_s = _END.unpack(answer)
        SPENT.seconds += spent_s
        return int(code)

    def communicate(self, timeout: float = DEADLINE_S) -> tuple[str, str]:
        """Wait, and give what was written to standard output and standard error where those were not redirected."""
        self.wait(timeout)
        said = [self._said("stdout"), self._said("stderr")]
        for file in self.files.values():
            file.close()
        return said[0], said[1]

    def _said(self, name: str) -> str:
        if name not in self.files:
            return ""
        self.files[name].seek(0)
        return self.files[name].read().decode("utf-8", "surrogateescape")

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _finished(
    begun: Callable[..., Child], words: tuple[object, ...], timeout: float = DEADLINE_S, **more: Any
) -> subprocess.CompletedProcess[str]:
    child = begun(*words, **more)
    out, err = child.communicate(timeout)
    assert child.returncode is not None
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


@cache
def _server(_of: int) -> socket.socket:
    """The server of this process, started once; it ends when this process does."""
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno()), str(int(_COVERAGE in os.environ))],
            cwd=ROOT,
            # It measures by itself: what coverage starts in every interpreter would be copied into every fork.
            env={
                name: value
                for name, value in os.environ.items()
                if name != _COVERAGE and not name.startswith(_OF_A_TEST)
            },
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(_end, ours, child)
    return ours


def _end(server: socket.socket, child: subprocess.Popen[bytes]) -> None:
    server.close()
    child.wait()


def _number(ended: socket.socket) -> int:
    """The next number on a socket. Whoever forked it is gone when there is none."""
    told = ended.recv(_HEAD.size, socket.MSG_WAITALL)
    if len(told) < _HEAD.size:
        raise AssertionError("the server of warm processes died")
    return int(struct.unpack("!i", told)[0])


# ---- the server -----------------------------------------------------------------------------------------------------


def _import_all() -> None:
    import gitalign

    for module in pkgutil.walk_packages(gitalign.__path__, "gitalign."):
        if not (module.name.endswith("__main__") or ".migrations" in module.name or module.name.startswith(_NOT_WARM)):
            importlib.import_module(module.name)
    for name in (*_IMPORTED_LATE, "tests.engine.rehearsal"):
        with suppress(ImportError):  # names of other releases
            importlib.import_module(name)
    from gitalign.configuration.load import SECTIONS

    for section in SECTIONS.values():
        section.model_rebuild()


def _work_once() -> None:
    """Align a branch: what a process asks of git once, compiles once and looks up once is the same in every fork.

    Another git, such as one that a test makes fail, is asked again.
    """
    from gitalign import facade
    from gitalign.core.plan import Permit

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
        subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input=_HISTORY, check=True)
        for key in ("user.name", "user.email"):
            subprocess.run(["git", "-C", folder, "config", key, "warm@example.org"], check=True)
        request = facade.Request(repo=folder)
        facade.run(request, plan=facade.plan(request), permit=Permit(plan_id="*"))
    assert threading.active_count() == 1  # a fork takes no other thread along, nor what it holds


_WHO = b"committer A <a@example.org> 1700000000 +0000\ndata 0\n"
_HISTORY = (
    b"commit refs/heads/main\nmark :1\n%bM 644 inline f\ndata 2\n1\n\n"
    b"commit refs/heads/x\n%bfrom :1\nM 644 inline g\ndata 2\n1\n\n"
    b"commit refs/heads/main\n%bfrom :1\nM 644 inline f\ndata 2\n2\n\n" % (_WHO, _WHO, _WHO)
)


def _measure() -> Callable[[], None]:
    """Begin to measure coverage; what is returned ends it and stores what was measured beside that of the tests."""
    import coverage

    place = importlib.util.find_spec("gitalign")
    assert place is not None
    measured = coverage.Coverage(
        data_file=os.environ.get("COVERAGE_FILE", str(ROOT / ".coverage")),
        data_suffix=True,
        branch=True,
        include=[f"{folder}/*" for folder in place.submodule_search_locations or ()],
        config_file=False,
    )
    measured.set_option("run:disable_warnings", ["no-data-collected"])  # a command may need no code of ours
    measured.start()

    def end() -> None:
        measured.stop()
        measured.save()

    return end


def _serve(control: socket.socket, *, is_measured: bool) -> dict[str, Any] | None:
    """Fork for every job. Returns the job in the child, None in the server once its client is gone."""
    end = _measure() if is_measured else None
    _import_all()
    if end:
        end()
        inspect.stack()  # coverage asks for it in every fork, where it took 0.2 s to look up the file of every module
    _work_once()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, ours], [], [])
        if ours in ready:
            ours.recv(4096)
            _reap(running)
        if control in ready:
            head, descriptors, _, _ = socket.recv_fds(control, _HEAD.size, 4)
            if not head:
                return None
            job: dict[str, Any] = json.loads(_whole(control, _HEAD.unpack(head)[0]))
            ended = socket.socket(fileno=descriptors.pop())
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for other in (control, ours, theirs, ended, *running.values()):
                    other.close()
                _become(job, descriptors)
                return job
            for descriptor in descriptors:
                os.close(descriptor)
            ended.send(struct.pack("!i", pid))
            running[pid] = ended


def _whole(control: socket.socket, size: int) -> bytes:
    """So many bytes: a signal, such as that of a process that ends, makes `recv` return with fewer."""
    received = b""
    while len(received) < size:
        part = control.recv(size - len(received), socket.MSG_WAITALL)
        if not part:
            raise EOFError("the client of warm processes died")
        received += part
    return received


def _reap(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as ended:
            try:
                ended.send(_END.pack(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime))
            except OSError:
                pass  # not waited for


def _become(job: dict[str, Any], descriptors: list[int]) -> None:
    """Put on the descriptors, signals, environment and folder of the job, as a fresh interpreter would have them."""
    os.setsid() if job["terminal"] else os.setpgid(0, 0)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if job["terminal"]:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for one in (*_SIGNALS, signal.SIGCHLD):
        signal.signal(one, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = ["git-align", *job["argv"]]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace", buffering=1)  # noqa: SIM115


def _do(function: str, *, is_measured: bool) -> None:
    """Call it. A plain end skips the taking apart of every module, which costs as much as a small run does."""
    if is_measured:
        atexit.register(_measure())
    module, _, name = function.partition(":")
    code = 0
    try:
        getattr(importlib.import_module(module), name)()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _job = _serve(socket.socket(fileno=int(sys.argv[1])), is_measured=sys.argv[2] == "1")
    if _job is not None:
        _do(_job["function"], is_measured=_job["measured"])
