"""The verb `remote resolve`: a conflict, resolved step by step in a work tree on the machine of a worker."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from gitalign.cli.asking import asked
from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.remote import WITHOUT, Remote, carried_out, report_said, said
from gitalign.cli.rendering.console import console
from gitalign.cli.rendering.manual_resolution import show_session, show_sessions
from gitalign.cli.resolving import finish_question
from gitalign.cli.verb import verb
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.names import command_on, shell_word
from gitalign.documents.models.listings import ClosedResolutionDocument, ResolutionsUnderWayDocument
from gitalign.documents.models.reports import ReportDocument
from gitalign.documents.models.status import LookDocument
from gitalign.documents.status import load_look
from gitalign.errors import UserError
from gitalign.input_file import read_bounded

if TYPE_CHECKING:
    from gitalign.cli.advice import Typed
    from gitalign.client import Client
    from gitalign.documents.models.service import JobDocument

Branch = Annotated[str | None, argument(help="The branch; all that are under way without it.")]
_LARGEST_BYTES = 48 * 1024 * 1024
_MOST_PATHS = 10


@dataclass(frozen=True, kw_only=True)
class Resolving:
    """Options of this verb alone."""

    take: Annotated[
        str | None, option("--take", help="Resolve this path: with --side, or with --from.", metavar="PATH")
    ] = None
    side: Annotated[
        Literal["ours", "theirs", "as-is"] | None,
        option("--side", help="With --take: which side, or the file as it is there.", metavar="ours|theirs|as-is"),
    ] = None
    content: Annotated[
        Path | None, option("--from", help="With --take: a file here that holds the result.", metavar="FILE")
    ] = None
    go_on: Annotated[bool, option("--continue", help="Everything is resolved: go on.")] = False
    skip: Annotated[bool, option("--skip", help="Leave out the commit that stopped.")] = False
    abort: Annotated[bool, option("--abort", help="Give up; the branch stays as it was.")] = False

    def require_one(self) -> None:
        """Refuse what cannot be combined.

        Raises:
            UserError
        """
        if sum((self.take is not None, self.go_on, self.skip, self.abort)) > 1:
            raise UserError("--take, --continue, --skip and --abort exclude one another", hint="give one of them")
        has_one = (self.side is None) != (self.content is None)
        if (self.take is not None) != has_one or (self.side is not None and self.content is not None):
            raise UserError("--take needs either --side or --from", hint="--take PATH --side theirs")


@verb(acts=True, without=WITHOUT)
def resolve(*, branch: Branch = None, own: Resolving, remote: Remote, options: Options) -> int:
    """Resolve a conflict in a work tree of its own, where the repository is.

    Days may pass. The branch moves when the result is proved and checked.
    """
    own.require_one()
    with remote.connected() as client:
        name = remote.name(client)
        typed = remote.typed(name)
        if branch is None:
            listed = carried_out(options, client, client.resolving(name), ResolutionsUnderWayDocument).document
            looks = [load_look(one) for one in listed["resolutions"]]
            said(options, listed, lambda: show_sessions(console(), looks, typed=typed))
            return 0
        if own.abort:
            job = client.resolve(name, branch, action="abort")
            closed = carried_out(options, client, job, ClosedResolutionDocument).document
            said(options, closed, lambda: console().print(f"given up; {branch} is where it was", markup=False))
            return 0
        if own.go_on:
            look = _look(options, client, client.resolve(name, branch))
            # What git alone settled counts as seen from now on: it was shown.
            if look.stand is Stand.DONE and not look.differing:
                return _finished(options, client, remote, look)
        document = _stepped(options, client, name, branch, own)
    look = load_look(document)
    said(options, document, lambda: show_session(console(), look, tuple(_commands(look, typed))))
    return 1


def _look(options: Options, client: Client, job: JobDocument) -> Look:
    return load_look(carried_out(options, client, job, LookDocument).document)


def _stepped(options: Options, client: Client, name: str, branch: str, own: Resolving) -> LookDocument:
    """One step, and how far the resolution is then."""
    if own.take is None:
        action: Literal["look", "continue", "skip"] = "continue" if own.go_on else "skip" if own.skip else "look"
        job = client.resolve(name, branch, action=action)
    elif own.side is not None:
        job = client.resolve(name, branch, action="take", path=own.take, side=own.side)
    else:
        assert own.content is not None
        content = base64.b64encode(read_bounded(own.content, most_bytes=_LARGEST_BYTES)).decode("ascii")
        job = client.resolve(name, branch, action="take", path=own.take, content=content)
    return carried_out(options, client, job, LookDocument).document


def _finished(options: Options, client: Client, remote: Remote, look: Look) -> int:
    if not asked(options, finish_question(look), would="move the branch", look=""):
        return 1
    job = client.resolve(remote.name(client), look.session.branch, action="finish")
    document = carried_out(options, client, job, ReportDocument).document
    return report_said(options, client, remote, document)


def _commands(look: Look, typed: Typed) -> Iterator[tuple[str, str]]:
    """What to type next, and what for; as `Look.commands`, without the work tree."""
    branch = look.session.branch

    def step(*words: str) -> str:
        return command_on(typed.command("resolve", *words), branch)

    if look.stand is Stand.STOPPED:
        for path in look.paths[:_MOST_PATHS]:
            quoted = shell_word(path)
            yield step("--take", quoted, "--side", "theirs"), f"takes the third side of {path} whole"
            yield step("--take", quoted, "--from", "FILE"), "takes a file of yours"
    if look.stand is Stand.DONE:
        yield step("--continue"), "check the result and move the branch"
    elif look.stand in (Stand.STOPPED, Stand.READY):
        yield step("--continue"), "go on"
        if not look.session.is_merge:
            yield step("--skip"), "leave this commit out"
    yield step("--abort"), "give up; the branch stays as it was"
