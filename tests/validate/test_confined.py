"""Commands that hang, fork, fill memory and disk, write without end, ignore signals, run away: each ends, and alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from gitalign.child import Call
from gitalign.core.validation import Bounds, CheckResult, CheckStatus, CommandCheck, ValidationPlan
from gitalign.errors import UserError
from gitalign.process_owner import HeldLock, this_owner
from gitalign.validate import confine
from gitalign.validate.commands import CheckCancelled, Sandbox, coverage_in, readable, run_command
from gitalign.validate.confine import Confinement, confinement_for
from gitalign.validate.observe import observe
from gitalign.validate.place import MARK, Place, visible_environment
from gitalign.validate.watch import end_orphans, new_mark
from tests import needs

MIB = 1024**2
BOUNDS = Bounds()
WAYS = ("bubblewrap", "namespaces", "none")


@pytest.fixture
def room(tmp_path: Path) -> Place:
    root = tmp_path / "slot"
    made = Place(root, root / "tree", root / "home", root / "tmp")
    for folder in (made.tree, made.home, made.scratch):
        folder.mkdir(parents=True)
    return made


@pytest.fixture(params=WAYS)
def confinement(request: pytest.FixtureRequest, tmp_path: Path) -> Confinement:
    if request.param == "none":
        return confinement_for(ValidationPlan(confinement="none"), tmp_path)
    return needs.confinement(request.param, tmp_path)


def check(
    place: Place, confinement: Confinement, *argv: str, timeout_s: float = 20, bounds: Bounds = BOUNDS, **more: object
) -> CheckResult:
    return run_command(
        CommandCheck(name="check", argv=argv, timeout_s=timeout_s, **more),  # type: ignore[arg-type]
        place,
        Sandbox(confinement, bounds, visible_environment(ValidationPlan(), (), source=os.environ)),
        is_cancelled=lambda: False,
    )


def python(place: Place, confinement: Confinement, code: str, **more: object) -> CheckResult:
    return check(place, confinement, sys.executable, "-c", code, **more)  # type: ignore[arg-type]


def sleeping(seconds: str) -> list[int]:
    """Processes that sleep for exactly so long."""
    found: list[int] = []
    for one in psutil.process_iter():
        try:
            words = one.cmdline()
            if words[-1:] == [seconds] and one.name() == "sleep" and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.pid)
        except psutil.Error:
            continue
    return found


def gone(seconds: str) -> bool:
    until = time.monotonic() + 30  # on a busy machine the kernel takes its time to end a namespace
    while sleeping(seconds):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def seconds() -> str:
    """A number of seconds that no other process sleeps for."""
    return f"{4000 + os.getpid() % 1000}.{time.monotonic_ns() % 1_000_000}"


def test_exit_codes(room: Place, confinement: Confinement) -> None:
    assert check(room, confinement, "true").status is CheckStatus.PASSED
    failed = check(room, confinement, "sh", "-c", "echo said; echo complained >&2; exit 3")
    assert (failed.status, failed.exit_code, failed.reason) == (CheckStatus.FAILED, 3, "exit 3")
    assert "said" in failed.output
    assert "complained" in failed.output
    killed = check(room, confinement, "sh", "-c", "kill -9 $$")
    assert killed.status is CheckStatus.FAILED
    assert "signal 9" in killed.reason


def test_a_missing_tool_is_never_a_pass(room: Place, confinement: Confinement) -> None:
    assert check(room, confinement, "no-such-tool-at-all").status is CheckStatus.MISSING_TOOL
    assert check(room, confinement, "./not-there.sh").status is CheckStatus.MISSING_TOOL
    (room.tree / "plain.sh").write_text("#!/bin/sh\n")
    assert check(room, confinement, "./plain.sh").status is CheckStatus.MISSING_TOOL
    inner = check(room, confinement, "sh", "-c", "no-such-tool-at-all")
    assert inner.status is CheckStatus.MISSING_TOOL
    assert inner.refuses


def test_a_confinement_that_cannot_be_set_up_is_no_verdict(room: Place, tmp_path: Path) -> None:
    """Where a folder cannot be covered, say: the command was never run."""
    confinement = needs.bubblewrap(tmp_path)
    broken = Place(room.root, room.tree, room.root / "not there", room.scratch)
    ended = check(broken, confinement, "true")
    assert ended.status is CheckStatus.NOT_POSSIBLE
    assert ended.refuses


def test_a_tool_that_is_a_link_in_a_hidden_folder_is_shown(room: Place, confinement: Confinement) -> None:
    folder = Path("/tmp") / f"tools-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    try:
        (folder / "tool").symlink_to(shutil.which("true") or "/bin/true")
        assert check(room, confinement, str(folder / "tool")).status is CheckStatus.PASSED
    finally:
        shutil.rmtree(folder)


def test_a_hanging_command_ends_at_its_deadline(room: Place, confinement: Confinement, seconds: str) -> None:
    started = time.monotonic()
    seen: list[int] = []
    threading.Timer(0.3, lambda: seen.extend(sleeping(seconds))).start()
    ended = check(room, confinement, "sleep", seconds, timeout_s=1)
    assert seen, "it was there"
    assert ended.status is CheckStatus.TIMED_OUT
    assert time.monotonic() - started < 6
    assert gone(seconds)


def test_a_command_that_ignores_sigterm_ends_all_the_same(room: Place, confinement: Confinement, seconds: str) -> None:
    ended = check(
        room, confinement, "sh", "-c", f"trap '' TERM INT HUP; sleep {seconds} & wait; sleep {seconds}", timeout_s=0.5
    )
    assert ended.status is CheckStatus.TIMED_OUT
    assert gone(seconds)


def test_what_a_command_leaves_in_the_background_ends_with_it(
    room: Place, confinement: Confinement, seconds: str
) -> None:
    """It holds the output open, too: nobody waits for that."""
    started = time.monotonic()
    ended = check(room, confinement, "sh", "-c", f"sleep {seconds} & echo done")
    assert ended.status is CheckStatus.PASSED
    assert time.monotonic() - started < 5
    assert gone(seconds)


def test_a_process_that_runs_away_into_a_session_of_its_own_is_found(
    room: Place, confinement: Confinement, seconds: str
) -> None:
    ended = check(room, confinement, "sh", "-c", f"setsid setsid sleep {seconds} >/dev/null 2>&1 & sleep 0.2")
    assert ended.status is CheckStatus.PASSED
    assert gone(seconds)


def test_a_fork_bomb_is_ended(room: Place, confinement: Confinement, seconds: str) -> None:
    code = (
        "import os, subprocess, time\n"
        f"for _ in range(2000):\n    subprocess.Popen(['sleep', '{seconds}'], start_new_session=True)\n"
        "time.sleep(1000)"
    )
    ended = python(room, confinement, code, bounds=Bounds(processes=40))
    assert ended.status is CheckStatus.OVER_LIMIT
    assert "processes" in ended.reason
    assert gone(seconds)


def test_memory_is_bounded(room: Place, confinement: Confinement) -> None:
    code = "import time\nheld = []\nwhile True:\n    held.append(b'x' * 10_000_000)\n    time.sleep(0.01)"
    ended = python(room, confinement, code, bounds=Bounds(memory_bytes=300 * MIB))
    assert ended.status is CheckStatus.OVER_LIMIT
    assert "memory" in ended.reason


def test_disk_is_bounded(room: Place, confinement: Confinement) -> None:
    code = (
        "import time\nnumber = 0\n"
        "while True:\n"
        "    with open(f'fill-{number}', 'wb') as file: file.write(b'x' * 4_000_000)\n"
        "    number += 1\n    time.sleep(0.01)"
    )
    ended = python(room, confinement, code, bounds=Bounds(disk_bytes=40 * MIB))
    assert ended.status is CheckStatus.OVER_LIMIT
    assert "disk" in ended.reason
    assert sum(file.stat().st_size for file in room.tree.iterdir()) < 1024 * MIB


def test_one_file_is_bounded(room: Place, confinement: Confinement) -> None:
    ended = check(
        room, confinement, "dd", "if=/dev/zero", "of=big", "bs=1M", "count=100", bounds=Bounds(disk_bytes=16 * MIB)
    )
    assert ended.status is not CheckStatus.PASSED
    assert (room.tree / "big").stat().st_size <= 16 * MIB


def test_output_without_end_is_read_and_not_kept(room: Place, confinement: Confinement) -> None:
    """A gigabyte; in a short run a quarter of that, which would be seen as well if it were kept."""
    size = 1_000_000_000 if needs.IS_THOROUGH else 250_000_000
    before = psutil.Process().memory_info().rss
    ended = check(
        room,
        confinement,
        "sh",
        "-c",
        f"echo first; head -c {size} /dev/zero | tr '\\0' x; echo; echo last",
        timeout_s=120,
    )
    assert ended.status is CheckStatus.PASSED
    assert ended.output_bytes > size
    assert len(ended.output) < 100_000
    assert ended.output.startswith("first")
    assert ended.output.rstrip().endswith("last")
    assert "bytes left out" in ended.output
    assert psutil.Process().memory_info().rss - before < 100 * MIB


def test_the_network_is_off_and_loopback_is_on(room: Place, confinement: Confinement) -> None:
    if confinement.network:
        assert "can use the network" in confinement.words
        return
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=3)"
        assert python(room, confinement, code).status is CheckStatus.FAILED
    code = (
        "import socket\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "socket.create_connection(s.getsockname(), timeout=3)"
    )
    assert python(room, confinement, code).status is CheckStatus.PASSED, "a service under test needs loopback"


def test_credentials_and_variables_of_the_operator_are_out_of_sight(
    room: Place, confinement: Confinement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/somewhere")
    seen = check(room, confinement, "env")
    assert "hunter2" not in seen.output
    assert "SSH_AUTH_SOCK" not in seen.output
    assert f"HOME={room.home}" in seen.output


def test_files_outside_the_work_tree_are_safe_under_bubblewrap(
    room: Place, confinement: Confinement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if confinement.name != "bubblewrap":
        assert "every file of the operator" in confinement.words
        return
    monkeypatch.setenv("HOME", os.environ.get("HOME", str(tmp_path)))
    key = Path.home() / ".ssh" / "id_ed25519"
    key.parent.mkdir(exist_ok=True)
    key.write_text("PRIVATE")
    outside = tmp_path / "outside"
    outside.write_text("whole")
    (tmp_path / "config").write_text("https://user:token@host")
    script = f"cat {key} {tmp_path / 'config'}; echo broken > {outside}; rm -f {outside}; echo x > /tmp/made; ls /tmp; touch inside"
    seen = check(room, confinement, "sh", "-c", script)
    assert "PRIVATE" not in seen.output
    assert "token@host" not in seen.output
    assert outside.read_text() == "whole"
    assert (room.tree / "inside").exists()
    assert (room.scratch / "made").exists(), "/tmp is a folder of its own"
    assert not Path("/tmp/made").exists()
    shutil.rmtree(key.parent)


def test_sockets_of_daemons_are_out_of_reach_under_bubblewrap(
    room: Place, confinement: Confinement, tmp_path: Path
) -> None:
    """A network of one's own does not cover sockets in the file system."""
    if confinement.name != "bubblewrap":
        return
    folder = Path("/tmp") / f"daemon-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder / "socket"))
            server.listen()
            code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(folder / 'socket')!r})"
            assert python(room, confinement, code).status is CheckStatus.FAILED
    finally:
        shutil.rmtree(folder)
    assert check(room, confinement, "sh", "-c", "ls -A /run | grep -q sock").status is CheckStatus.FAILED


def test_the_operator_can_stop_a_command(room: Place, seconds: str) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(CheckCancelled):
        run_command(
            CommandCheck(name="long", argv=("sleep", seconds)),
            room,
            Sandbox(
                confinement_for(ValidationPlan(confinement="none"), room.root), Bounds(), {"PATH": os.environ["PATH"]}
            ),
            is_cancelled=stop.is_set,
        )
    assert gone(seconds)


def test_a_command_is_an_orphan_only_when_the_lock_of_its_run_is_free(seconds: str, tmp_path: Path) -> None:
    """Edge case 68: whatever clocks and PID namespaces say; and a lock that cannot be seen from here says nothing."""
    (tmp_path / "lock").touch()
    mark = new_mark(tmp_path / "0")
    assert str(tmp_path / "lock") in mark
    command = subprocess.Popen(["sleep", seconds], env={"PATH": os.environ["PATH"], MARK: mark})
    try:
        with HeldLock.take(tmp_path / "lock") or pytest.fail("not taken"):
            end_orphans()
            assert command.poll() is None
        end_orphans()
        assert command.poll() is None, "its run ended well, or its lock lies where we cannot see it"
        (tmp_path / "lock").touch()
        end_orphans()
        assert command.wait(5) == -9
    finally:
        command.kill()
        command.wait()


def test_commands_of_dead_runs_are_ended_and_those_of_living_ones_are_not(seconds: str) -> None:
    host, boot, _, started = this_owner().split("|")
    dead = f"{host}|{boot}|{2**22 + 1}|{started}|abc"
    orphan = subprocess.Popen(["sleep", seconds], env={"PATH": os.environ["PATH"], MARK: dead})
    mine = subprocess.Popen(["sleep", seconds], env={"PATH": os.environ["PATH"], MARK: f"{this_owner()}|abc"})
    other = subprocess.Popen(["sleep", seconds], env={"PATH": os.environ["PATH"], MARK: "nonsense"})
    try:
        end_orphans()
        assert orphan.wait(5) == -9
        assert mine.poll() is None
        assert other.poll() is None
    finally:
        for one in (orphan, mine, other):
            one.kill()
            one.wait()


def test_coverage_is_read_from_the_output(room: Place, confinement: Confinement) -> None:
    ask: dict[str, Any] = {"coverage_pattern": r"TOTAL.*?(\d+(?:\.\d+)?)%", "min_coverage_percent": 80.0}
    enough = check(room, confinement, "echo", "TOTAL  100  9  91%", **ask)
    assert (enough.status, enough.coverage_percent) == (CheckStatus.PASSED, 91.0)
    little = check(room, confinement, "echo", "TOTAL  100  35  65%", **ask)
    assert (little.status, little.coverage_percent) == (CheckStatus.FAILED, 65.0)
    assert "65 %" in little.reason
    silent = check(room, confinement, "true", **ask)
    assert silent.status is CheckStatus.FAILED


def test_the_last_figure_counts() -> None:
    assert coverage_in("a 10%\nb 20%\n", r"(\d+)%") == 20.0
    assert coverage_in("nothing", r"(\d+)%") is None


def test_output_is_made_safe_to_show() -> None:
    assert readable(b"\x1b[31mred\x1b[0m \x1b]0;title\x07a\r\nb\rc\x00\x07\xff \xe2\x80\xae") == "red a\nb\nc\ufffd "


def test_a_required_confinement_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(confine, "_known", {})
    with pytest.raises(UserError, match="must be confined"):
        confinement_for(ValidationPlan(confinement="require"), tmp_path)
    preferred = confinement_for(ValidationPlan(), tmp_path)
    assert preferred.name == "none"
    assert "can use the network" in preferred.words


def test_observing_reports_how_much_was_written(tmp_path: Path) -> None:
    seen = observe(Call(["sh", "-c", "yes | head -c 300000"], {"PATH": os.environ["PATH"]}, tmp_path), timeout_s=20)
    assert seen.returncode == 0
    assert seen.output_bytes == 300_000
    assert len(seen.output) < 70_000
