"""What is pushed, what goes along, and what a remote said of it."""

from __future__ import annotations

from dataclasses import dataclass

from gitalign.core.names import Oid
from gitalign.core.publication import PushState


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOrder:
    """One branch to push: what the remote is to hold, and what it must hold now.

    Attributes:
        ref: full ref on the remote.
        after: all-zero to delete the branch.
        lease: all-zero where no such branch may be there.
    """

    ref: str
    after: Oid
    lease: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class PushVerdict:
    """What the remote said of one branch, its hooks' own words included."""

    ref: str
    state: PushState
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushExtras:
    """What a push runs and sends beside the branches. Nothing, unless the operator asked for it.

    Attributes:
        hooks_path: folder of the hooks; None when none may run.
        recurse: value of `--recurse-submodules`.
        signed: value of `--signed`.
        options: push options for the server.
    """

    hooks_path: str | None = None
    recurse: str = "no"
    signed: str = "no"
    options: tuple[str, ...] = ()
    pins: tuple[tuple[str, str], ...] = ()
    """Configuration of the push itself."""

    def words(self) -> tuple[str, ...]:
        """Arguments of `git push`. Tags never go along, whatever `push.followTags` says."""
        return (
            "--verify" if self.hooks_path is not None else "--no-verify",
            f"--signed={self.signed}" if self.signed != "no" else "--no-signed",
            f"--recurse-submodules={self.recurse}",
            "--no-follow-tags",
            *(f"--push-option={option}" for option in self.options),
        )


NO_EXTRAS = PushExtras()
