"""A merge driver of the operator's, such as one that knows the syntax of files, run on the three contents as git runs one."""

from __future__ import annotations

import re
import secrets
from pathlib import PurePosixPath

import pathspec

from gitalign.core.outcome import AppliedResolution
from gitalign.core.policy import Rung
from gitalign.core.programs import Program
from gitalign.core.proposals import MadeBy, fault_of
from gitalign.ports import ConflictedFile, ProgramCall, ProgramRunner, Proposal, Sides, Undecided
from gitalign.resolve.answers import Answers, content_key
from gitalign.resolve.ladder import conflict_id

_LARGEST_BYTES = 4 * 1024 * 1024
_PLACEHOLDER = re.compile(r"%([OABLPSXY%])")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")


class DriverResolver:
    """Settles conflicts by a merge driver. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        program: its command has the placeholders of `git help gitattributes` (defining a custom merge driver).
        runner: runs it.
        object_format: `sha1` or `sha256`.
    """

    def __init__(self, program: Program, *, runner: ProgramRunner, object_format: str) -> None:
        self._program = program
        self._runner = runner
        self._format = object_format
        self._paths = pathspec.GitIgnoreSpec.from_lines(program.paths) if program.paths else None
        self._answers = Answers()
        # What another program would say tomorrow is not known: no verdict is taken from an earlier run.
        self._once = secrets.token_hex(8)

    @property
    def key(self) -> str:
        """Another one in every run."""
        return f"driver {self._program.digest()} {self._once}"

    def knows(self, file: ConflictedFile) -> str | None:
        """Nothing is on record here."""
        return None

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`. A path that looks like an option is handed to nobody."""
        is_meant = self._paths is None or self._paths.match_file(file.path)
        return file.is_plain and b"\0" not in file.marked and is_meant and not file.path.startswith("-")

    def propose(self, file: ConflictedFile) -> Proposal | Undecided | None:
        """See `ports.ConflictResolver.propose`."""
        if not self.could(file) or file.sides is None:
            return None
        sides = file.sides
        return self._answers.of(content_key(file), lambda: self._asked(file, sides))

    def _asked(self, file: ConflictedFile, sides: Sides) -> Proposal | Undecided:
        ending = PurePosixPath(file.path).suffix
        ending = ending if _ENDING.fullmatch(ending) else ""
        names = {"O": f"base{ending}", "A": f"ours{ending}", "B": f"theirs{ending}"}
        values = {
            **names,
            "L": str(file.marker_size),
            "P": file.path,
            "S": "base",
            "X": "ours",
            "Y": "theirs",
            "%": "%",
        }
        command = tuple(_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in self._program.command)
        ended = self._runner.run(
            ProgramCall(
                program=self._program,
                command=command,
                files={names["O"]: sides.base, names["A"]: sides.ours, names["B"]: sides.theirs},
                answer=names["A"],
                most_bytes=_LARGEST_BYTES,
            )
        )
        if ended.answer is None:
            return Undecided(reason=f"{self._program.name}: {ended.fault}")
        fault = fault_of(
            ended.answer,
            base=sides.base,
            ours=sides.ours,
            theirs=sides.theirs,
            marker_size=file.marker_size,
            by=MadeBy.DRIVER,
        )
        if fault:
            return Undecided(reason=f"{self._program.name}: {fault}")
        return Proposal(
            content=ended.answer,
            told=AppliedResolution(
                commit=None,
                path="",
                conflict=conflict_id(file, object_format=self._format),
                source=f"by the merge driver {self._program.name}",
                resolver=Rung.DRIVER.value,
            ),
        )
