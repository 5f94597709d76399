"""Every document by name, with the version in which this release writes it and the model that its schema is made from.

A document names itself: `"format": "git-align/<name>", "version": "<major>.<minor>"`. A minor version adds keys, and values of
enumerations; a major version changes what is there. Version 1 is what release 0.1.0 wrote: it says `"format": 1`, or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from gitalign.documents.reading import Malformed, members

_PREFIX = "git-align/"
_FIRST = 1
"""The major version of documents that do not say one."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document.

    Attributes:
        name: without `git-align/`.
        model: module in `documents.models` and name of the class there, or a schema in `gitalign/schemas` that others gave.
        version: that this release writes.
        oldest: the oldest major version that this release reads.
        has_release: documents name the release that wrote them, because other installations read them.
    """

    name: str
    model: str
    version: tuple[int, int] = (2, 0)
    oldest: int = _FIRST
    has_release: bool = False

    @property
    def stamp(self) -> dict[str, str]:
        """The members with which a document says what it is."""
        said = {"format": f"{_PREFIX}{self.name}", "version": ".".join(map(str, self.version))}
        return {**said, "release": _release()} if self.has_release else said


class OtherVersion(Malformed):
    """The document has a major version that this release does not read."""


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        # What is read back: by later runs, and by other installations.
        Format("plan", "plans:PlanDocument", has_release=True),
        Format("execution-plan", "execution_plans:ExecutionPlanDocument", has_release=True),
        Format("certificate", "certificates:CertificateDocument"),
        Format("resolution-origin", "resolution_origins:OriginDocument"),
        Format("result", "results:StepResultDocument"),
        Format("move", "moves:MoveDocument"),
        Format("event", "events:EventDocument", version=(2, 1)),
        Format("session", "sessions:SessionDocument"),
        # Files of a run's folder, and what `--output` writes.
        Format("settings", "run_files:SettingsDocument", has_release=True),
        Format("audit-event", "run_files:AuditEventDocument", version=(2, 1)),
        Format("change-summary", "run_files:ChangeSummaryDocument"),
        Format("resolution-course", "run_files:ResolutionCourseDocument"),
        Format("results", "results.schema.json"),
        Format("validation-report", "run_files:ValidationReportDocument"),
        Format("gate", "gate.schema.json"),
        Format("batch-plan", "batch-plan.schema.json", version=(1, 1)),
        Format("batch-run", "batches:BatchRunDocument", version=(1, 2)),
        Format("batch-certificate", "batches:BatchCertificateDocument", version=(1, 0)),
        Format("batch-slot", "batches:BatchSlotDocument", version=(1, 0)),
        Format("framework-manifest", "framework:FrameworkManifestDocument", version=(1, 0), has_release=True),
        Format("framework-step", "framework:FrameworkStepDocument", version=(1, 0)),
        # What the journal caches.
        Format("outcome", "outcomes:OutcomeDocument"),
        Format("alignable-point", "conflicts:AlignablePointDocument"),
        Format("merge-culprit", "conflict_pieces:MergeCulpritDocument"),
        Format("conflict-stop", "conflict_pieces:StopDocument"),
        Format("conflict-piece", "conflict_pieces:PieceDocument"),
        Format("stop-hunks", "conflict_pieces:StopHunksDocument"),
        Format("branch-preview", "caches:BranchPreviewDocument"),
        Format("pair", "caches:PairDocument"),
        Format("landing-stops", "caches:LandingStopsDocument"),
        Format("file-fact", "caches:FileFactDocument", version=(1, 0)),
        # What verbs say with `--json`.
        Format("report", "reports:ReportDocument", has_release=True),
        Format("branch-report", "reports:BranchReportDocument"),
        Format("reports", "reports:ReportsDocument"),
        Format("demo", "reports:DemoDocument"),
        Format("status", "status:StatusDocument"),
        Format("forecast", "forecasts:ForecastDocument"),
        Format("conflicts", "conflict_groups:ConflictsDocument"),
        Format("branch-list", "categories:BranchListDocument"),
        Format("categories", "categories:CategoriesDocument", version=(2, 1)),
        Format("clusters", "categories:ClustersDocument"),
        Format("runs", "listings:RunsDocument"),
        Format("batch-runs", "batches:BatchRunsDocument", version=(1, 2)),
        Format("batch-events", "batches:BatchEventsDocument", version=(1, 1)),
        Format("batch-log", "batches:BatchLogDocument", version=(1, 0)),
        Format("batch-report", "batches:BatchReportDocument", version=(1, 0)),
        Format("batch-landings", "batches:BatchLandingsDocument", version=(1, 1)),
        Format("batch-trees", "batches:BatchTreesDocument", version=(1, 1)),
        Format("branch-story", "run_files:BranchStoryDocument", version=(1, 0)),
        Format("path-claims", "paths:PathClaimsDocument", version=(1, 0)),
        Format("path-touches", "paths:TouchesDocument", version=(1, 0)),
        Format("framework", "framework:FrameworkDocument", version=(1, 0)),
        Format("framework-additions", "framework:FrameworkAdditionsDocument", version=(1, 1)),
        Format("moves", "listings:MovesDocument"),
        Format("proofs", "listings:ProofsDocument"),
        Format("house-rules", "house_rules:HouseRulesDocument"),
        Format("rule-packs", "listings:RulePacksDocument"),
        Format("checks", "listings:ChecksDocument"),
        Format("pruned", "status:PruneReportDocument", version=(2, 2)),
        Format("merged-branches", "listings:MergedBranchesDocument"),
        Format("resolution", "status:LookDocument"),
        Format("closed-resolution", "listings:ClosedResolutionDocument"),
        Format("resolutions-under-way", "listings:ResolutionsUnderWayDocument"),
        Format("known-resolutions", "listings:KnownResolutionsDocument"),
        Format("learned-resolutions", "listings:LearnedResolutionsDocument", version=(2, 1)),
        Format("imported-resolutions", "listings:ImportedResolutionsDocument"),
        Format("exported-resolutions", "listings:ExportedResolutionsDocument"),
        Format("forgotten-resolutions", "listings:ForgottenResolutionsDocument"),
        Format("job", "service:JobDocument", version=(1, 2)),
        Format("jobs", "service:JobsDocument", version=(1, 2)),
        Format("protections", "service:ProtectionsDocument", version=(1, 0)),
        Format("repository-settings", "service:RepositorySettingsDocument", version=(1, 0)),
        Format("clash-map", "service:ClashMapDocument", version=(1, 0)),
        Format("webhooks", "service:WebhooksDocument", version=(1, 0)),
        Format("webhook-deliveries", "service:WebhookDeliveriesDocument", version=(1, 1)),
        Format("task-log", "service:TaskLogDocument", version=(1, 0)),
        Format("repositories", "service:RepositoriesDocument", version=(1, 0)),
        Format("schedules", "service:SchedulesDocument", version=(1, 1)),
        Format("tokens", "service:TokensDocument", version=(1, 1)),
        Format("users", "service:UsersDocument", version=(1, 0)),
        Format("account", "service:AccountDocument", version=(1, 0)),
        Format("audit-trail", "service:AuditTrailDocument", version=(1, 1)),
        Format("audit-check", "service:AuditCheckDocument", version=(1, 0)),
        Format("service-database", "service:ServiceDatabaseDocument", version=(1, 0)),
        Format("service-backup", "service:ServiceBackupDocument", version=(1, 0)),
        Format("branches", "service:BranchesDocument", version=(1, 0)),
        Format("initial", "listings:InitialDocument"),
        Format("error", "listings:ErrorDocument"),
    )
}


def _release() -> str:
    from gitalign.release import VERSION  # slow to find out, and seldom needed

    return VERSION


@cache
def _stamp(name: str) -> Mapping[str, str]:
    return FORMATS[name].stamp


def stamped(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """A document: its content after its name and version."""
    return {**_stamp(name), **content}


def opened(value: Any, name: str) -> Mapping[str, Any]:
    """The members of a document, after a look at its name and version.

    Raises:
        OtherVersion: of a major version that this release does not read; the message names the release that is needed.
        Malformed: not an object, or another document.
    """
    data = members(value)
    said = data.get("format")
    if said is None or (isinstance(said, int) and said == _FIRST):
        return data
    stamp = _stamp(name)
    if said != stamp["format"]:
        raise Malformed(f"format {stamp['format']!r} expected, {said!r} found")
    if (version := data.get("version")) != stamp["version"]:
        _require_readable(FORMATS[name], version, data.get("release"))
    return data


def _require_readable(form: Format, version: Any, release: Any) -> None:
    major, dot, minor = version.partition(".") if isinstance(version, str) else ("", "", "")
    if not (dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit()):
        raise Malformed(f"version {version!r} is not of the form major.minor")
    if form.oldest <= int(major) <= form.version[0]:
        return
    if int(major) < form.oldest:
        needed = f"an older release than {_release()}"
    else:
        needed = f"git-align {release}, which wrote it, or newer" if isinstance(release, str) else "a newer release"
    reads = f"{form.oldest} to {form.version[0]}" if form.oldest < form.version[0] else str(form.oldest)
    raise OtherVersion(
        f"{_PREFIX}{form.name} version {version}; git-align {_release()} reads major version {reads}: use {needed}"
    )


def is_newer_minor(data: Mapping[str, Any], name: str) -> bool:
    """True when a newer release of the same major version wrote the document: it may hold more than is read here."""
    major, _, minor = str(data.get("version", "")).partition(".")
    mine = FORMATS[name].version
    return major == str(mine[0]) and minor.isdigit() and int(minor) > mine[1]


def parsed(text: str) -> Any:
    """JSON text as objects.

    Raises:
        Malformed
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Malformed("nested too deeply") from error
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from error


_quoted = json.encoder.encode_basestring_ascii
_compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def json_text(document: Mapping[str, Any]) -> str:
    """A document as compact JSON text in ASCII; names whose bytes are not UTF-8 stay as lone surrogates."""
    return _compact(document)


@lru_cache(maxsize=4096, typed=True)
def _name(key: object) -> str:
    return _compact(key) if isinstance(key, str) else _compact({key: 0})[1:-3]


def _indented(value: Any, *, indent: int, level: int = 1) -> str:
    """As `json.dumps` with an indent writes it: that runs a generator for each value, and takes ten times as long."""
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if not value or not isinstance(value, dict | list | tuple):
        return _compact(value)
    inner, ends = "\n" + " " * indent * level, "\n" + " " * indent * (level - 1)
    if isinstance(value, dict):
        texts = [f"{_name(key)}: {_indented(one, indent=indent, level=level + 1)}" for key, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(texts)}{ends}}}"
    texts = [_indented(one, indent=indent, level=level + 1) for one in value]
    return f"[{inner}{f',{inner}'.join(texts)}{ends}]"


def pieces(document: Mapping[str, Any], *, indent: int | None = None) -> Iterator[str]:
    """The text of a document, member by member; members that are iterators are lists of which no two items are held at once.

    Args:
        document: its members in order.
        indent: as for `json.dumps`; None for the most compact text.
    """
    outer, inner = ("", "") if indent is None else ("\n" + " " * indent, "\n" + " " * 2 * indent)
    colon = ":" if indent is None else ": "
    encode = _compact if indent is None else partial(_indented, indent=indent)
    yield "{"
    for number, (key, value) in enumerate(document.items()):
        yield f"{',' if number else ''}{outer}{_name(key)}{colon}"
        if not isinstance(value, Iterator):
            yield encode(value).replace("\n", outer)
            continue
        is_empty = True
        for member in value:
            yield f"{'[' if is_empty else ','}{inner}{encode(member).replace(chr(10), inner)}"
            is_empty = False
        yield "[]" if is_empty else f"{outer}]"
    yield "}" if indent is None else "\n}"


def whole(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document whose iterators are lists."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in document.items()}
