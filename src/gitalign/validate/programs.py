"""Programs that settle conflicts, run as checks are: confined, watched, in a folder of their own with nothing of the repository in it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign.core.programs import Program
from gitalign.core.validation import CheckStatus, CommandCheck, ValidationPlan
from gitalign.errors import Interrupted
from gitalign.git.scratch import scratch_folder
from gitalign.ports import ProgramCall, ProgramEnd
from gitalign.validate.commands import CheckCancelled, Sandbox, find_tool, run_command
from gitalign.validate.confine import Confinement, confinement_for
from gitalign.validate.place import Place, visible_environment

_REDIRECTED = 'given=$1; made=$2; shift 2; exec "$@" <"$given" >"$made"'
_SAID = 300
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_STOPPED = "the run was stopped while a program settled a conflict of this branch"


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ProgramHost:
    """Where programs of the operator are run.

    Attributes:
        plan: how checks are confined and what they may use; which variables are seen and whether the network is, the program says.
        repository: git directory that is hidden where files can be.
        source: the operator's environment.
        is_cancelled: asked now and then.
        hidden: patterns of files that are in no work tree in which a program runs.
    """

    plan: ValidationPlan
    repository: Path
    source: Mapping[str, str]
    is_cancelled: Callable[[], bool] = _never
    hidden: tuple[str, ...] = ()


class ConfinedPrograms:
    """Runs programs under the rules of the operator's checks. Implements `ports.ProgramRunner`; thread-safe.

    Args:
        host: where they run.
    """

    def __init__(self, host: ProgramHost) -> None:
        self._host = host

    def prepare(self, program: Program) -> str:
        """Find out how a program can be confined, before anything is begun; what is wrong with it, empty when nothing is.

        Raises:
            UserError: a confinement is required that this machine does not offer.
        """
        return prepared(program, self._host)

    def run(self, call: ProgramCall) -> ProgramEnd:
        """See `ports.ProgramRunner.run`.

        Raises:
            UserError: a confinement is required that this machine does not offer.
            Interrupted: the run was stopped at once; the program says nothing.
        """
        plan = replace(self._host.plan, network=call.program.network, pass_environment=call.program.pass_environment)
        confinement = confinement_for(plan, self._host.repository, environ=self._host.source)
        try:
            with scratch_folder("program") as root, ExitStack() as until_then:
                return self._ended(call, plan, confinement, root, until_then)
        except OSError as error:
            return ProgramEnd(answer=None, fault=f"it cannot be run: {error.strerror}")

    def _ended(
        self, call: ProgramCall, plan: ValidationPlan, confinement: Confinement, root: Path, until_then: ExitStack
    ) -> ProgramEnd:
        visible = visible_environment(plan, (), source=self._host.source)
        place = Place(root, root / "tree", root / "home", root / "tmp")
        for folder in (place.tree, place.home, place.scratch):
            folder.mkdir()
        # Whatever the program puts in their place, the answer is read from these.
        tree = opened_folder(place.tree, until_then)
        scratch = opened_folder(place.scratch, until_then)
        for name, content in call.files.items():
            (place.tree / name).write_bytes(content)
        tool = find_tool(call.command[0], place.tree, visible)
        if tool is None:
            return ProgramEnd(answer=None, fault=f"{call.command[0]} is not there, or cannot be executed")
        given, made = (place.scratch / f"{name}-{secrets.token_hex(8)}" for name in ("given", "made"))
        given.write_bytes(call.stdin)
        words = ("/bin/sh", "-c", _REDIRECTED, "program", str(given), str(made), tool, *call.command[1:])
        check = CommandCheck(name=call.program.name, argv=words, timeout_s=call.program.timeout_s)
        if fault := fault_of_end(check, place, plan, confinement, self._host):
            return ProgramEnd(answer=None, fault=fault)
        where, name = (scratch, made.name) if call.answer is None else (tree, call.answer)
        answer = read_inside(where, name, most_bytes=call.most_bytes)
        if answer is None:
            return ProgramEnd(answer=None, fault="it left no answer, or one that is too long")
        return ProgramEnd(answer=answer)


def prepared(program: Program, host: ProgramHost) -> str:
    """What is wrong with a program, in words, as far as that can be known before it is run; empty when nothing is.

    Raises:
        UserError: a confinement is required that this machine does not offer.
    """
    plan = replace(host.plan, network=program.network, pass_environment=program.pass_environment)
    confinement_for(plan, host.repository, environ=host.source)
    word = program.command[0]
    is_in_tree = "/" in word and not os.path.isabs(word)
    if is_in_tree or find_tool(word, host.repository, visible_environment(plan, (), source=host.source)) is not None:
        return ""
    return f"{program.name} settles nothing: {word} is not there, or cannot be executed"


def fault_of_end(
    check: CommandCheck,
    place: Place,
    plan: ValidationPlan,
    confinement: Confinement,
    host: ProgramHost,
) -> str:
    """Run a program and say what is wrong with how it ended; empty when nothing is.

    Raises:
        Interrupted: the run was stopped meanwhile.
    """
    try:
        visible = visible_environment(plan, (), source=host.source)
        ended = run_command(check, place, Sandbox(confinement, plan.bounds, visible), is_cancelled=host.is_cancelled)
    except CheckCancelled as error:
        raise Interrupted(_STOPPED) from error
    if host.is_cancelled():
        # Every child was ended with the run: how this one ended says nothing.
        raise Interrupted(_STOPPED)
    if ended.status is CheckStatus.PASSED:
        return ""
    said = " ".join(ended.output.split())[:_SAID]
    return ended.reason + (f" ({said})" if said else "")


def opened_folder(place: Path, until_then: ExitStack) -> int:
    """A handle of a folder, closed with the stack.

    Raises:
        OSError
    """
    handle = os.open(place, _FOLDER)
    until_then.callback(os.close, handle)
    return handle


def read_inside(folder: int, path: str, *, most_bytes: int) -> bytes | None:
    """Content of a file below a folder that was opened before; None when it is no regular file, is longer, or a link is on the way."""
    *folders, name = parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return None
    with ExitStack() as until_then:
        try:
            for part in folders:
                folder = os.open(part, _FOLDER, dir_fd=folder)
                until_then.callback(os.close, folder)
            # The program may have put a pipe there, which would never end.
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
                return None
            content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None
