"""What resolvers have in common that ask a program of the operator's."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod

import pathspec

from gitalign.core.policy import AutoResolver
from gitalign.core.programs import Program
from gitalign.ports import ConflictedFile, ProgramRunner, Proposal, Sides, UnresolvedFile
from gitalign.resolve.answers import Answers, content_key


class AskedResolver(ABC):
    """Settles conflicts by what a program says, asked once for each content. Implements `ports.ConflictResolver`; thread-safe.

    Args:
        rung: its name in the configuration.
        program: of the operator's.
        runner: runs it.
        object_format: `sha1` or `sha256`.
    """

    def __init__(self, resolver: AutoResolver, program: Program, *, runner: ProgramRunner, object_format: str) -> None:
        self._rung = resolver
        self._program = program
        self._runner = runner
        self._format = object_format
        self._paths = pathspec.GitIgnoreSpec.from_lines(program.paths) if program.paths else None
        self._answers = Answers()
        # What a program would say tomorrow is not known: no verdict is taken from an earlier run.
        self._once = secrets.token_hex(8)

    @property
    def key(self) -> str:
        """Another one in every run."""
        return f"{self._rung} {self._program.digest()} {self._once}"

    def knows(self, file: ConflictedFile) -> str | None:
        """Nothing is on record here."""
        return None

    def could(self, file: ConflictedFile) -> bool:
        """See `ports.ConflictResolver.could`."""
        return file.is_plain and b"\0" not in file.marked and (self._paths is None or self._paths.match_file(file.path))

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        """See `ports.ConflictResolver.propose`."""
        if not self.could(file) or file.sides is None:
            return None
        sides = file.sides
        return self._answers.of(content_key(file), lambda: self._asked(file, sides))

    @abstractmethod
    def _asked(self, file: ConflictedFile, sides: Sides) -> Proposal | UnresolvedFile:
        """What the program makes of a file."""
