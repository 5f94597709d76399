"""One command on one work tree: is its tool there, how did it end, what does that mean."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.child import Call
from gitalign.core.names import Oid
from gitalign.core.validation import Bounds, CheckKind, CheckResult, CheckStatus, CommandCheck
from gitalign.validate.confine import Confinement
from gitalign.validate.observe import CANCELLED, DEADLINE, Observed, observe
from gitalign.validate.place import Place, environment_in
from gitalign.validate.watch import Watch, new_mark

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LONGEST_LINE = 2000
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_FILE_TOO_LARGE = (-signal.SIGXFSZ, 128 + signal.SIGXFSZ)  # by itself, and as a shell says it
_LAST_SIGNAL = 64


class CheckCancelled(Exception):
    """The operator stopped the run; the command was ended and says nothing."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a command may use and see.

    Attributes:
        confinement: how it is confined.
        bounds: how much it may use.
        visible: its environment, but for what depends on the place.
    """

    confinement: Confinement
    bounds: Bounds
    visible: Mapping[str, str]


def run_command(
    check: CommandCheck,
    place: Place,
    sandbox: Sandbox,
    *,
    is_cancelled: Callable[[], bool],
    kind: CheckKind = CheckKind.COMMAND,
    tee: Callable[[bytes], object] | None = None,
) -> CheckResult:
    """Run a command in a work tree that holds what it is to look at.

    Args:
        check: the command.
        place: of the work tree.
        sandbox: what it may use and see.
        is_cancelled: asked now and then.
        kind: of the result.
        tee: given all output as it comes.

    Raises:
        CheckCancelled
    """
    result = CheckResult(
        name=check.name, kind=kind, status=CheckStatus.PASSED, required=check.required, command=check.argv
    )
    tool = find_tool(check.argv[0], place.tree, sandbox.visible)
    if tool is None:
        reason = f"{check.argv[0]} is not there, or cannot be executed"
        return _ended(result, CheckStatus.MISSING_TOOL, reason, attempts=0)
    mark = new_mark(place.root)
    watch = Watch(sandbox.bounds, place, mark)
    try:
        seen = observe(
            Call(
                sandbox.confinement.argv([tool, *check.argv[1:]], place, sandbox.bounds),
                environment_in(place, sandbox.visible, mark=mark),
                place.tree,
            ),
            timeout_s=check.timeout_s,
            watch=watch,
            is_cancelled=is_cancelled,
            tee=tee,
        )
    except OSError as error:
        return _ended(result, CheckStatus.NOT_POSSIBLE, f"it cannot be started: {error.strerror}", attempts=0)
    finally:
        if not sandbox.confinement.own_processes:
            watch.sweep()
    if seen.ended_because == CANCELLED:
        raise CheckCancelled(check.name)
    return _judged(check, result, seen, sandbox)


def _judged(check: CommandCheck, result: CheckResult, seen: Observed, sandbox: Sandbox) -> CheckResult:
    """What the end of a command means."""
    written = readable(seen.output)
    result = replace(
        result, exit_code=seen.returncode, duration_s=seen.duration_s, output=written, output_bytes=seen.output_bytes
    )
    if seen.ended_because == DEADLINE:
        return _ended(result, CheckStatus.TIMED_OUT, f"no end after {check.timeout_s:g} s")
    if seen.ended_because is not None:
        return _ended(result, CheckStatus.OVER_LIMIT, f"ended: {seen.ended_because}")
    if sandbox.confinement.has_failed(seen.returncode, written):
        return _ended(result, CheckStatus.NOT_POSSIBLE, f"it cannot be confined: {written.strip()[:300]}")
    if missing := _missing_tool(check, seen.returncode, written):
        return _ended(result, CheckStatus.MISSING_TOOL, missing)
    if seen.returncode in _FILE_TOO_LARGE:
        return _ended(
            result, CheckStatus.OVER_LIMIT, f"ended: a file of more than {sandbox.bounds.disk_bytes // 1024**2} MiB"
        )
    if seen.returncode != 0:
        return _ended(result, CheckStatus.FAILED, _exit_words(seen.returncode or 0))
    return _with_coverage(result, check)


def _missing_tool(check: CommandCheck, code: int | None, written: str) -> str | None:
    """Why a command could not be executed, when that is what its end says."""
    if code == _NOT_EXECUTABLE:
        return "exit 126: a command cannot be executed"
    if code == _NOT_FOUND:
        return "exit 127: a command is not there"
    last = written.rstrip().rpartition("\n")[2]
    if (
        code == 1
        and "-m" in check.argv[:-1]
        and last.endswith(f"No module named {check.argv[check.argv.index('-m') + 1]}")
    ):
        return last
    return None


def _with_coverage(result: CheckResult, check: CommandCheck) -> CheckResult:
    if check.coverage_pattern is None:
        return result
    percent = coverage_in(result.output, check.coverage_pattern)
    least = check.min_coverage_percent
    result = replace(result, coverage_percent=percent)
    if least is None:
        return result
    if percent is None:
        return _ended(result, CheckStatus.FAILED, "its output tells no coverage, and a least one is asked for")
    if percent < least:
        return _ended(result, CheckStatus.FAILED, f"coverage is {percent:g} %, at least {least:g} % is asked for")
    return result


def coverage_in(output: str, pattern: str) -> float | None:
    """The last percentage that a pattern finds in lines of an output; None when there is none."""
    wanted = re.compile(pattern)
    for line in reversed(output.splitlines()):
        found = wanted.search(line[:_LONGEST_LINE])
        if found and wanted.groups:
            try:
                percent = float(found.group(1))
            except (TypeError, ValueError):
                continue
            if 0 <= percent <= 100:
                return percent
    return None


def find_tool(word: str, tree: Path, visible: Mapping[str, str]) -> str | None:
    """What a command's first word starts: a path in the work tree, or a name looked up in PATH; None when nothing."""
    if "/" in word and not os.path.isabs(word):
        inside = tree / word
        return word if inside.is_file() and os.access(inside, os.X_OK) else None
    return shutil.which(word, path=visible.get("PATH", os.defpath))


def pass_key(
    check: CommandCheck,
    tree: Oid,
    *,
    visible: Mapping[str, str],
    confinement: Confinement,
    bounds: Bounds,
    hidden: tuple[str, ...] = (),
) -> str:
    """Key under which a pass is remembered: tree, command, environment, confinement, and which files the command names.

    Of every word that is a program or a file of this machine, its place, size and time count, and the time of the packages
    beside an interpreter. What a program loads beyond that is not known.
    """
    content = {
        "of": "check",
        "tree": tree,
        "argv": check.argv,
        "environment": sorted(visible.items()),
        "coverage": (check.coverage_pattern, check.min_coverage_percent),
        "confinement": (confinement.name, confinement.network),
        "bounds": (bounds.memory_bytes, bounds.disk_bytes, bounds.processes),
        **({"hidden": hidden} if hidden else {}),
        "files": [known for word in check.argv for known in _known_files(word, visible)],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _known_files(word: str, visible: Mapping[str, str]) -> Iterator[str]:
    if "\0" in word or len(word) > os.pathconf("/", "PC_PATH_MAX"):
        return
    place = (
        word
        if os.path.isabs(word)
        else shutil.which(word, path=visible.get("PATH", os.defpath))
        if "/" not in word
        else None
    )
    if place is None:
        return
    real = Path(os.path.realpath(place))
    for one in (
        real,
        *real.parent.parent.glob("lib/python*/site-packages"),
        *Path(place).parent.parent.glob("lib/python*/site-packages"),
    ):
        try:
            found = one.stat()
        except OSError:
            continue
        yield f"{one} {found.st_size} {found.st_mtime_ns}"


def readable(output: bytes) -> str:
    """Output as text for people: no escape sequences, no control characters but line ends and tabs."""
    plain = _ESCAPE.sub("", output.decode("utf-8", "replace")).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in plain if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs"))


def _exit_words(code: int) -> str:
    if code < 0:
        return f"ended by signal {-code}"
    if 128 < code <= 128 + _LAST_SIGNAL:
        return f"exit {code} (as after signal {code - 128})"
    return f"exit {code}"


def _ended(result: CheckResult, status: CheckStatus, reason: str, *, attempts: int = 1) -> CheckResult:
    return replace(result, status=status, reason=reason, attempts=attempts)
