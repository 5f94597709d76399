"""What a session keeps in the git directory of its work tree, beside what git keeps there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.names import Oid
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import Malformed, as_oid, each, field, mapping, maybe
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.documents.models.run_files import ResolutionCourseDocument

_FILE = "git-align-course"
_STAND_INS = mapping(as_oid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far a session is, as far as the work tree does not say it.

    Attributes:
        picks: commits of the branch to be put onto the target, oldest first.
        stand_ins: commits in git's list of what to pick -> the commit of the branch that each stands for.
        seen: commits of the branch that the engine carried, or that a person was asked about.
        rest: commits still to be carried while git is in the middle of nothing; None while git has the list.
        tip: the result so far, while there is a rest.
    """

    picks: tuple[Oid, ...]
    stand_ins: dict[str, Oid]
    seen: tuple[Oid, ...] = ()
    rest: tuple[Oid, ...] | None = None
    tip: Oid | None = None

    @staticmethod
    def read(git_dir: str) -> Course | None:
        """What was kept; None for a session of an older git-align, in which git itself carries the commits.

        Raises:
            UserError: it cannot be read, or a newer release wrote it.
        """
        try:
            text = Path(git_dir, _FILE).read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        try:
            data = opened(parsed(text), "resolution-course")
            return Course(
                picks=each(data, "picks", as_oid),
                stand_ins=dict(field(data, "stand_ins", _STAND_INS)),
                seen=each(data, "seen", as_oid),
                rest=None if data.get("rest") is None else each(data, "rest", as_oid),
                tip=maybe(data, "tip", as_oid),
            )
        except Malformed as error:
            raise UserError(
                f"{Path(git_dir, _FILE)} cannot be read: {error}", hint="give it up: git align resolve BRANCH --abort"
            ) from error

    def keep(self, git_dir: str) -> None:
        """Keep it, whole or not at all."""
        content: ResolutionCourseDocument = {
            "picks": list(self.picks),
            "stand_ins": dict(self.stand_ins),
            "seen": list(self.seen),
            "rest": None if self.rest is None else list(self.rest),
            "tip": self.tip,
        }
        fresh = Path(git_dir, f"{_FILE}.new")
        fresh.write_text(json_text(stamped("resolution-course", content)), encoding="ascii")
        os.replace(fresh, Path(git_dir, _FILE))

    def known(self, oid: Oid) -> Oid:
        """The commit of the branch that a commit in git's list stands for."""
        return self.stand_ins.get(oid, oid)
