"""What a session keeps in the git directory of its work tree, beside what git keeps there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.names import Oid

_FILE = "git-align-course"


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
        """What was kept; None for a session of an older git-align, in which git itself carries the commits."""
        try:
            data = json.loads(Path(git_dir, _FILE).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        return Course(
            picks=tuple(data["picks"]),
            stand_ins=data["stand_ins"],
            seen=tuple(data["seen"]),
            rest=None if data["rest"] is None else tuple(data["rest"]),
            tip=data["tip"],
        )

    def keep(self, git_dir: str) -> None:
        """Keep it, whole or not at all."""
        data = {
            "picks": self.picks,
            "stand_ins": self.stand_ins,
            "seen": self.seen,
            "rest": self.rest,
            "tip": self.tip,
        }
        fresh = Path(git_dir, f"{_FILE}.new")
        fresh.write_text(json.dumps(data), encoding="ascii")
        os.replace(fresh, Path(git_dir, _FILE))

    def known(self, oid: Oid) -> Oid:
        """The commit of the branch that a commit in git's list stands for."""
        return self.stand_ins.get(oid, oid)
