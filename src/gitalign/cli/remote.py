"""Verbs that a service carries out: which service, the job to its end, its document shown as the same verb shows it here."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from gitalign.cli.advice import Typed
from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.working_set import Exclude, Only, Targets
from gitalign.core.jobs import ALREADY_UNDONE
from gitalign.core.names import shell_word
from gitalign.errors import GitAlignError, PluginError, UserError
from gitalign.input_file import Unreadable, read_bounded

if TYPE_CHECKING:
    from gitalign.client import Client
    from gitalign.core.plan import Plan
    from gitalign.core.report import Report
    from gitalign.documents.models.reports import ReportDocument
    from gitalign.documents.models.service import JobDocument

T = TypeVar("T")
WITHOUT = ("repo", "config")
_EXIT_CODES = {"ok": 0, ALREADY_UNDONE: 0, "attention": 1, "interrupted": 130}
_LONGEST_TOKEN = 4_096
_NO_LONGER_FOLLOWED = {
    "code": "interrupted",
    "hint": "git align remote jobs   shows what became of it",
    "exit_code": 130,
}
_OF_THE_API = ("POST ", "GET ")
"""How hints begin that name a request; in their place a command is shown."""

_LOOK = {
    "unknown_plan": "plan",
    "batch_not_running": "batch-list",
    "unknown_batch": "batch-list",
    "unknown_repository": "repositories",
}
"""The verb that shows what there is, by the code of a problem."""

_STOPPED = {"code": "interrupted", "hint": "type it again", "exit_code": 130}


@dataclass(frozen=True, kw_only=True)
class Server:
    """Which service, with whose token."""

    server: Annotated[
        str | None,
        option("--server", help="Address of the service.", shown_default="$GITALIGN_SERVER", metavar="URL"),
    ] = None
    token_file: Annotated[
        Path | None,
        option(
            "--token-file",
            help="File with the token; it is never an argument.",
            shown_default="$GITALIGN_TOKEN_FILE, else $GITALIGN_TOKEN",
            metavar="FILE",
        ),
    ] = None

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """A client of the service, while inside.

        Raises:
            UserError: no service or no token is named, or the token would be sent in the clear.
            PluginError: httpx is not installed.
        """
        try:
            from gitalign.client import Client, Problem
        except ImportError as error:
            raise PluginError(
                f"remote verbs need {error.name}, which is not installed", hint="pip install 'git-align[client]'"
            ) from error
        with Client(self._address(), self._token()) as client:
            try:
                yield client
            except Problem as problem:
                if problem.hint.startswith(_OF_THE_API):
                    problem.hint = Typed(service=self.words()).command(_LOOK.get(problem.code, "jobs"))
                raise
            except RemoteFailure as failure:
                failure.hint = _typed_there(failure.hint, Typed(service=self.words()))
                raise

    def words(self) -> tuple[str, ...]:
        """The options that name the service, as they are typed."""
        return _words(("--server", self.server), ("--token-file", self.token_file))

    def _address(self) -> str:
        address = self.server or os.environ.get("GITALIGN_SERVER")
        if not address:
            raise UserError("no service is named", hint="add --server URL, or set GITALIGN_SERVER", code="no_server")
        return address

    def _token(self) -> str:
        place = self.token_file or os.environ.get("GITALIGN_TOKEN_FILE")
        if not place:
            token = os.environ.get("GITALIGN_TOKEN", "")
        else:
            try:
                token = read_bounded(Path(place), most_bytes=_LONGEST_TOKEN).decode("ascii", "replace")
            except Unreadable as error:
                raise UserError(error.message, hint="name a readable file with --token-file") from error
        if not token.strip():
            raise UserError(
                "no token is given", hint="--token-file FILE, GITALIGN_TOKEN_FILE or GITALIGN_TOKEN", code="no_token"
            )
        return token.strip()


@dataclass(frozen=True, kw_only=True)
class Remote(Server):
    """Which repository of which service."""

    repository: Annotated[
        str | None,
        option(
            "--repository",
            help="Name of the repository there.",
            shown_default="$GITALIGN_REPOSITORY, else the only one",
            metavar="NAME",
        ),
    ] = None

    def typed(self, repository: str, which: Choice | None = None) -> Typed:
        """What commands to type next have to repeat."""
        words = (*Server.words(self), *_words(("--repository", repository)))
        return Typed(service=words, which=() if which is None else which.words())

    def words(self) -> tuple[str, ...]:
        """The options that name service and repository, as they are typed."""
        return (*super().words(), *_words(("--repository", self.repository)))

    def name(self, client: Client) -> str:
        """The repository.

        Raises:
            UserError: none is named, and there is not exactly one.
        """
        named = self.repository or os.environ.get("GITALIGN_REPOSITORY")
        if named:
            return named
        known = [one["name"] for one in client.repositories()]
        if len(known) != 1:
            raise UserError(
                f"the service has {len(known)} repositories" + (f": {', '.join(known[:10])}" if known else ""),
                hint="add --repository NAME",
                code="no_repository",
            )
        return str(known[0])


def _words(*given: tuple[str, object]) -> tuple[str, ...]:
    return tuple(word for name, value in given if value is not None for word in (name, shell_word(str(value))))


def _typed_there(hint: str, typed: Typed) -> str:
    """A hint of a worker as it is typed here: a command of `remote`, where that has the verb."""
    from gitalign.cli.commands.remote import VERBS

    verb, _, rest = hint.removeprefix("git align ").partition(" ")
    if verb == "batch":
        step, _, rest = rest.partition(" ")
        verb = f"batch-{step}"
    verb = "jobs" if verb == "runs" else verb
    if not hint.startswith("git align ") or verb not in VERBS:
        return hint
    return typed.command(verb, *([rest] if rest else []))


def run_named(client: Client, repository: str, run_id: str) -> str:
    """The id of a run; `last` is the newest that the service made.

    Raises:
        UserError: there is none.
    """
    return client.newest_run(repository) if run_id == "last" else run_id


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which branches, and how."""

    only: Only = ()
    exclude: Exclude = ()
    target: Targets = ()

    def words(self) -> tuple[str, ...]:
        """As they are typed."""
        given = (("--only", self.only), ("--exclude", self.exclude), ("--target", self.target))
        return tuple(word for name, values in given for value in values for word in (name, shell_word(str(value))))

    def body(self, **more: Any) -> dict[str, Any]:
        """As the service takes it; of `more` what is given."""
        given = {"only": list(self.only), "exclude": list(self.exclude), "targets": list(self.target), **more}
        return {name: value for name, value in given.items() if value}


class RemoteFailure(GitAlignError):
    """A job of the service ended by an error, with the code, hint and exit code that the verb has here."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error["message"]), hint=str(error.get("hint", "")), code=str(error["code"]))
        self._exit_code = int(error.get("exit_code", 3))

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """As the verb has it here."""
        return self._exit_code


@dataclass(frozen=True, kw_only=True)
class Ended(Generic[T]):
    """What a job came to."""

    job: JobDocument
    document: T

    @property
    def exit_code(self) -> int:
        """As the verb has it here."""
        return _EXIT_CODES.get(str(self.job["outcome"]), 3)


def carried_out(
    options: Options, client: Client, job: JobDocument, kind: type[T], *, plan: Plan | None = None
) -> Ended[T]:
    """Follow a job to its end, with progress. Ctrl-C asks the service to stop it; a second one no longer waits for that.

    Args:
        options: of the command line.
        client: of the service.
        job: that was asked for.
        kind: of the document that it comes to; `str` for a text.
        plan: of a run, for the progress.

    Raises:
        RemoteFailure: it ended by an error, was stopped before it had a document, or is no longer followed.
    """
    from gitalign.cli.rendering.progress import followed
    from gitalign.documents.events import load

    job_id = str(job["id"])
    with followed(options, plan) as (listeners, stop):

        def asked_to_stop() -> None:
            if stop.cancel_requested:
                raise RemoteFailure(_NO_LONGER_FOLLOWED | {"message": f"no longer following job {job_id}"})
            threading.Thread(target=client.stop, args=(job_id,), daemon=True).start()

        stop.on_change(asked_to_stop)
        for event in client.events_of_job(job):
            if event.kind == "run":
                happened = load(event.document)
                for listener in listeners:
                    listener(happened)
    ended = client.job(job, patiently=True)
    if ended["error"] is not None:
        raise RemoteFailure(ended["error"])
    if ended["state"] != "done" and ended["outcome"] != "interrupted":
        raise RemoteFailure(_STOPPED | {"message": f"job {job_id} was stopped before it came to anything"})
    if issubclass(kind, str):
        return Ended(job=ended, document=kind(client.text(job, patiently=True)))
    return Ended(job=ended, document=client.document(job, kind, patiently=True))


def said(options: Options, document: Any, show: Callable[[], None] | None = None) -> None:
    """Print a document of the service: as the verb shows it here, or as it is.

    Args:
        options: of the command line.
        document: stamped with its format.
        show: shows it to people; None where only the document can be shown.
    """
    if options.quiet and not options.json:
        return
    if options.json or show is None:
        from gitalign.documents.formats import pieces

        sys.stdout.writelines(pieces(document, indent=2))
        sys.stdout.write("\n")
        sys.stdout.flush()
        return
    show()


def report_said(
    options: Options, client: Client, remote: Remote, document: ReportDocument, *, is_new: bool = True
) -> int:
    """Print the report of a run; the exit code."""
    repository = remote.name(client)
    report = None if options.json else _report(client, repository, document)

    def show() -> None:
        from gitalign.cli.rendering.console import console
        from gitalign.cli.rendering.report import show_report

        assert report is not None
        show_report(console(), report, everything=options.verbose, typed=remote.typed(repository), is_new=is_new)

    said(options, document, None if report is None else show)
    return document["exit_code"]


def _report(client: Client, repository: str, document: ReportDocument) -> Report | None:
    """The report with its plan; None where the service does not know the plan, as of runs of its command line."""
    from gitalign.client import Problem
    from gitalign.documents import plans
    from gitalign.documents.report_reading import load_report

    try:
        plan = plans.load(client.plan_of(repository, document["run"]["plan_id"]))
    except Problem as problem:
        if problem.status != 404:
            raise
        return None
    return load_report(document, plan)
