"""Programs that settle conflicts, run as checks are: confined, watched, in a folder of their own with nothing of the repository in it."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gitalign.core.programs import Program
from gitalign.core.validation import CheckStatus, CommandCheck, ValidationPlan
from gitalign.ports import ProgramCall, ProgramEnd
from gitalign.validate.commands import CheckCancelled, find_tool, run_command
from gitalign.validate.confine import confinement_for
from gitalign.validate.place import Place, visible_environment

_REDIRECTED = 'given=$1; made=$2; shift 2; exec "$@" <"$given" >"$made"'
_SAID = 300


class ConfinedPrograms:
    """Runs programs under the rules of the operator's checks. Implements `ports.ProgramRunner`; thread-safe.

    Args:
        plan: how checks are confined and what they may use; which variables are seen and whether the network is, the program says.
        repository: git directory that is hidden where files can be.
        source: the operator's environment.
        is_cancelled: asked now and then.
    """

    def __init__(
        self, plan: ValidationPlan, *, repository: Path, source: Mapping[str, str], is_cancelled: Callable[[], bool]
    ) -> None:
        self._plan = plan
        self._repository = repository
        self._source = source
        self._is_cancelled = is_cancelled

    def prepare(self, program: Program) -> str:
        """Find out how a program can be confined, before anything is begun; what is wrong with it, empty when nothing is.

        Raises:
            UserError: a confinement is required that this machine does not offer.
        """
        return prepared(program, self._plan, self._repository, self._source)

    def run(self, call: ProgramCall) -> ProgramEnd:
        """See `ports.ProgramRunner.run`.

        Raises:
            UserError: a confinement is required that this machine does not offer.
        """
        plan = replace(self._plan, network=call.program.network, pass_environment=call.program.pass_environment)
        confinement = confinement_for(plan, self._repository)
        visible = visible_environment(plan, (), source=self._source)
        try:
            root = Path(tempfile.mkdtemp(prefix="git-align-program-"))
        except OSError as error:
            return ProgramEnd(answer=None, fault=f"no folder can be made for it: {error.strerror}")
        try:
            place = Place(root, root / "tree", root / "home", root / "tmp")
            for folder in (place.tree, place.home, place.scratch):
                folder.mkdir()
            for name, content in call.files.items():
                (place.tree / name).write_bytes(content)
            tool = find_tool(call.command[0], place.tree, visible)
            if tool is None:
                return ProgramEnd(answer=None, fault=f"{call.command[0]} is not there, or cannot be executed")
            given, made = (place.scratch / f"{name}-{secrets.token_hex(8)}" for name in ("given", "made"))
            given.write_bytes(call.stdin)
            words = ("/bin/sh", "-c", _REDIRECTED, "program", str(given), str(made), tool, *call.command[1:])
            try:
                ended = run_command(
                    CommandCheck(name=call.program.name, argv=words, timeout_s=call.program.timeout_s),
                    place,
                    confinement=confinement,
                    bounds=plan.bounds,
                    visible=visible,
                    is_cancelled=self._is_cancelled,
                )
            except CheckCancelled:
                return ProgramEnd(answer=None, fault="the run was stopped")
            if ended.status is not CheckStatus.PASSED:
                said = " ".join(ended.output.split())[:_SAID]
                return ProgramEnd(answer=None, fault=ended.reason + (f" ({said})" if said else ""))
            place_of_answer = made if call.answer is None else place.tree / call.answer
            answer = read_regular(place_of_answer, most_bytes=call.most_bytes)
            if answer is None:
                return ProgramEnd(answer=None, fault="it left no answer, or one that is too long")
            return ProgramEnd(answer=answer)
        except OSError as error:
            return ProgramEnd(answer=None, fault=f"it cannot be run: {error.strerror}")
        finally:
            _removed(root)


def prepared(program: Program, plan: ValidationPlan, repository: Path, source: Mapping[str, str]) -> str:
    """What is wrong with a program, in words, as far as that can be known before it is run; empty when nothing is.

    Raises:
        UserError: a confinement is required that this machine does not offer.
    """
    plan = replace(plan, network=program.network, pass_environment=program.pass_environment)
    confinement_for(plan, repository)
    word = program.command[0]
    is_in_tree = "/" in word and not os.path.isabs(word)
    if is_in_tree or find_tool(word, repository, visible_environment(plan, (), source=source)) is not None:
        return ""
    return f"{program.name} settles nothing: {word} is not there, or cannot be executed"


def read_regular(place: Path, *, most_bytes: int) -> bytes | None:
    """A file's content; None when it is no regular file, is a link, or is longer."""
    try:
        # Whoever wrote it may have put a pipe there, which would never end.
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            return None
        content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def _removed(root: Path) -> None:
    def open_up(function: Callable[..., object], path: str, error: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            os.chmod(path, stat.S_IRWXU)
            function(path)

    shutil.rmtree(root, onerror=open_up)
