"""A merge driver of the operator's, such as one that knows the syntax of files, run on the three contents as git runs one."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from gitalign.core.conflict import AppliedResolution
from gitalign.core.policy import AutoResolver
from gitalign.core.programs import Program
from gitalign.core.proposals import MadeBy, fault_of
from gitalign.ports import ConflictedFile, ProgramCall, ProgramRunner, Proposal, Sides, UnresolvedFile
from gitalign.resolve.asked import AskedResolver
from gitalign.resolve.resolver_chain import conflict_id

_LARGEST_BYTES = 4 * 1024 * 1024
_PLACEHOLDER = re.compile(r"%([OABLPSXY%])")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")


class DriverResolver(AskedResolver):
    """Settles conflicts by a merge driver. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        program: its command has the placeholders of `git help gitattributes` (defining a custom merge driver).
        runner: runs it.
        object_format: `sha1` or `sha256`.
    """

    def __init__(self, program: Program, *, runner: ProgramRunner, object_format: str) -> None:
        super().__init__(AutoResolver.DRIVER, program, runner=runner, object_format=object_format)

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`. A path that looks like an option is handed to no one."""
        return super().could(file) and not file.path.startswith("-")

    def _asked(self, file: ConflictedFile, sides: Sides) -> Proposal | UnresolvedFile:
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
            return UnresolvedFile(reason=f"{self._program.name}: {ended.fault}")
        fault = fault_of(
            ended.answer,
            sides,
            marker_size=file.marker_size,
            by=MadeBy.DRIVER,
        )
        if fault:
            return UnresolvedFile(reason=f"{self._program.name}: {fault}")
        return Proposal(
            content=ended.answer,
            resolution=AppliedResolution(
                commit=None,
                path="",
                conflict=conflict_id(file, object_format=self._format),
                source=f"by the merge driver {self._program.name}",
                resolver=AutoResolver.DRIVER.value,
            ),
        )
