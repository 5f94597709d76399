"""Every other verb of the command line: what it finds out or changes is asked for by POST, the newest answer is looked at by GET."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints, field_validator, model_validator

from gitalign.core.accounts import Actor, Role
from gitalign.core.jobs import JobKind
from gitalign.documents.formats import stamped
from gitalign.errors import NotFound
from gitalign.service.access import Needs
from gitalign.service.api.requests import (
    Body,
    Choice,
    Nothing,
    RunName,
    Word,
    Words,
    answer,
    posted,
    said,
)
from gitalign.service.api.runs import document_of
from gitalign.service.repeats import IdempotencyKey
from gitalign.service.state import service_of

router = APIRouter(prefix="/api/v1/repositories/{repository}", tags=["verbs"])
Viewer = Annotated[Actor, Depends(Needs(Role.VIEWER))]
Base64 = Annotated[str, StringConstraints(max_length=64 * 1024 * 1024)]
Patterns = Annotated[list[Word], Field(min_length=1, max_length=1_000)]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])$")]
ResolutionName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4,64}(\.[0-9]{1,6})?$")]


def _checked(value: str | None) -> str | None:
    """Refuse what is not base64, before a job is written."""
    if value is not None:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError("it is not base64") from error
    return value


class Categorizing(Choice):
    """Where each branch belongs; `as_of` is the day that ages are counted to."""

    format: Literal["simple", "detailed", "clustered"] = "detailed"
    clusters: bool = True
    as_of: Day | None = None


class Protecting(Body):
    """Branches whose protection is looked at; targets when none is named."""

    branches: Words = Field(default=[])


class Touching(Choice):
    """Patterns of paths, as in a `.gitignore`."""

    patterns: Patterns


class Claiming(Body):
    """Paths that are claimed for a while; the holder is the token's when none is named."""

    patterns: Patterns
    holder: Word | None = None
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 120
    note: Annotated[str, StringConstraints(max_length=500)] = ""


class Telling(Body):
    """A branch and a run that had it."""

    run_id: RunName
    branch: Word


class Releasing(Body):
    """A claim that is given back; all of the holder when none is named."""

    holder: Word | None = None
    claim_id: Word | None = None


class Naming(Body):
    """A recorded resolution."""

    name: ResolutionName


class Learning(Body):
    """Whether history is looked at that was looked at before."""

    again: bool = False


class Importing(Body):
    """Resolutions of others: an archive as the export gives it, in base64, or a ref that was fetched."""

    archive: Base64 | None = None
    ref: Word | None = None
    again: bool = False
    _is_base64 = field_validator("archive")(_checked)

    @model_validator(mode="after")
    def _has_one_source(self) -> Importing:
        if (self.archive is None) == (self.ref is None):
            raise ValueError("give either archive or ref")
        return self


class Resolving(Body):
    """One step of resolving a branch.

    `look` begins, or shows how far it is. `take` resolves `path`: by `side`, or by `content` in base64. `finish` moves the branch.
    """

    branch: Word
    action: Literal["look", "take", "continue", "skip", "abort", "finish"] = "look"
    path: Annotated[str, StringConstraints(min_length=1, max_length=4_096, pattern=r"^[^\x00]+$")] | None = None
    side: Literal["ours", "theirs", "as-is"] | None = None
    content: Base64 | None = None
    _is_base64 = field_validator("content")(_checked)

    @model_validator(mode="after")
    def _says_what_to_take(self) -> Resolving:
        given = self.path is not None and (self.side is None) != (self.content is None)
        if self.action == "take" and not given:
            raise ValueError("take needs path, and either side or content")
        if self.action != "take" and (self.path or self.side or self.content) is not None:
            raise ValueError("path, side and content belong to take")
        return self


class Pruning(Body):
    """What old runs left is removed; they cannot be undone afterwards."""

    older_than_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    backups: bool = False
    dry_run: bool = False


class PruningMerged(Choice):
    """Branches of which everything is in their target are deleted; with `squashed` also squashed and rebased ones."""

    squashed: bool = False
    dry_run: bool = False


class Restoring(Body):
    """One branch, back to where it was before a run moved it."""

    branch: Word
    run_id: RunName | None = None
    push: bool = False
    dry_run: bool = False


class Pushing(Body):
    """What runs moved is pushed; what one run moved when it is named."""

    run_id: RunName | None = None
    dry_run: bool = False


def _asks(path: str, kind: JobKind, body_type: type[Body], words: str) -> None:
    """Add a route that writes a job of a kind, for those with the role that the kind needs."""

    def ask(
        request: Request, repository: str, body: Any, actor: Any, idempotency_key: IdempotencyKey = None
    ) -> Response:
        about, text, rest = _about(body, actor)
        return posted(service_of(request), actor, request, (kind, rest, about), idempotency_key, text=text)

    ask.__annotations__ |= {"body": body_type, "actor": Annotated[Actor, Depends(Needs(kind.role))]}
    ask.__name__ = f"ask_{kind.name.lower()}"
    ask.__doc__ = words
    router.add_api_route(path, ask, methods=["POST"], status_code=202, responses=said("job", status=202))


def _about(body: Body, actor: Actor) -> tuple[dict[str, str], str | None, Body]:
    """What a job is given beside its body: long texts are kept apart, and a holder is the token's where none is named."""
    if isinstance(body, Claiming | Releasing):
        return {"holder": body.holder or actor.name}, None, body
    long = {"archive": body.archive} if isinstance(body, Importing) else {}
    long |= {"content": body.content} if isinstance(body, Resolving) else {}
    given = {name: value for name, value in long.items() if value is not None}
    if not given:
        return {}, None, body
    text = json.dumps(given)
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return {"sha256": digest}, text, body.model_copy(update=dict.fromkeys(given))


def _shows(path: str, kind: JobKind, document: str, words: str) -> None:
    """Add a route that shows the newest document of a kind."""

    def show(request: Request, repository: str, actor: Any) -> Response:
        service = service_of(request)
        service.repositories.get(repository)
        return document_of(service, service.jobs.newest(repository, [kind]), what=f"the {kind}")

    show.__annotations__ |= {"actor": Viewer}
    show.__name__ = f"show_{kind.name.lower()}"
    show.__doc__ = words
    router.add_api_route(path, show, methods=["GET"], responses=said(document))


_asks("/doctor", JobKind.DOCTOR, Nothing, "Check everything that a run depends on.")
_shows("/doctor", JobKind.DOCTOR, "checks", "The newest checks of everything that a run depends on.")
_asks("/categories", JobKind.CATEGORIES, Categorizing, "Find out where each branch belongs, and why.")
_shows(
    "/categories", JobKind.CATEGORIES, "categories", "Where each branch belongs, in the form that was asked for last."
)
_asks("/order", JobKind.ORDER, Choice, "Find out what can land together, and what first.")
_shows("/order", JobKind.ORDER, "execution-plan", "What can land together, and what first.")
_asks("/protections", JobKind.PROTECTIONS, Protecting, "Ask the hosting service how branches are protected.")
_shows("/protections", JobKind.PROTECTIONS, "protections", "How branches are protected.")
_asks("/settings", JobKind.SETTINGS, Nothing, "Read the settings of the repository.")
_shows(
    "/settings", JobKind.SETTINGS, "repository-settings", "The settings of the repository; they are changed in files."
)
_asks("/stories", JobKind.STORY, Telling, "Find out what a run did to a branch, commit by commit.")
_asks("/paths/touches", JobKind.TOUCHES, Touching, "Find out which branches change paths.")
_shows("/paths/touches", JobKind.TOUCHES, "path-touches", "The newest answer to which branches change paths.")
_asks("/paths/claims", JobKind.CLAIM, Claiming, "Claim paths for a while. It forbids nothing.")
_shows("/paths/claims", JobKind.CLAIMS, "path-claims", "Claims, as they were when they were last looked at.")
_asks("/paths/claims/refresh", JobKind.CLAIMS, Nothing, "Look at the claims that hold.")
_asks("/paths/claims/release", JobKind.RELEASE, Releasing, "Give claims back.")
_asks("/resolutions", JobKind.RESOLUTIONS, Nothing, "List every recorded resolution.")
_shows("/resolutions", JobKind.RESOLUTIONS, "known-resolutions", "Recorded resolutions, when they were last listed.")
_asks("/resolutions/show", JobKind.RESOLUTION, Naming, "Read a conflict and its recorded resolution.")
_asks("/resolutions/forget", JobKind.RESOLUTIONS_FORGET, Naming, "Forget a resolution.")
_asks("/resolutions/learn", JobKind.RESOLUTIONS_LEARN, Learning, "Learn from merges how people resolved.")
_asks("/resolutions/export", JobKind.RESOLUTIONS_EXPORT, Nothing, "Every usable resolution as an archive.")
_asks("/resolutions/import", JobKind.RESOLUTIONS_IMPORT, Importing, "Import resolutions of others.")
_asks("/resolve", JobKind.RESOLVE, Resolving, "Resolve a conflict of a branch, step by step.")
_asks("/resolving", JobKind.RESOLVING, Nothing, "Find out which branches are being resolved.")
_shows("/resolving", JobKind.RESOLVING, "resolutions-under-way", "Branches that are being resolved.")
_asks("/prune", JobKind.PRUNE, Pruning, "Remove what old runs left.")
_asks("/prune-merged", JobKind.PRUNE_MERGED, PruningMerged, "Delete merged branches.")
_asks("/restore", JobKind.RESTORE, Restoring, "Put one branch back to where it was before a run.")
_asks("/pushes", JobKind.PUSH, Pushing, "Push what runs moved, each branch under its lease.")


@router.get("/clash-map", responses=said("clash-map"))
def show_clash_map(request: Request, repository: str, actor: Viewer) -> Response:
    """Which branches conflict with one another, from the newest forecast with `pairs`."""
    service = service_of(request)
    service.repositories.get(repository)
    job = service.jobs.newest(repository, [JobKind.FORECAST])
    document = None if job is None else service.jobs.document(job.id)
    if job is None or document is None or not job.params.get("pairs"):
        raise NotFound(
            "nothing is known of pairs of branches yet", hint='POST …/forecasts {"pairs": true}', code="not_known_yet"
        )
    forecast = json.loads(document.body)
    members = ("pairs", "clashes", "contests", "unmerged", "is_complete")
    content = {"job": job.id, **{name: forecast[name] for name in members}}
    return answer(stamped("clash-map", content))
