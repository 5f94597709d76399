"""Documents of values: round trips, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.categorize.document_reading import load_detailed
from gitalign.categorize.documents import detailed_document
from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.events import Event, EventKind
from gitalign.core.findings import Finding, Severity
from gitalign.core.names import Oid
from gitalign.core.outcome import Cancelled, Conflicted, Failed, Refused, Skipped, StepResult, Unchanged
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.documents import events, moves, outcomes, plans, reports, results
from gitalign.documents.conflict_groups import dump_conflicts, load_conflicts
from gitalign.documents.findings import load_finding
from gitalign.documents.forecasts import dump_branch_forecast, dump_forecast, load_branch_forecast, load_forecast
from gitalign.documents.formats import OtherVersion, json_text, opened, parsed
from gitalign.documents.moves import load_ref_update
from gitalign.documents.proofs import dump_proof, load_proof
from gitalign.documents.reading import Malformed
from gitalign.documents.reports import read_extras
from gitalign.errors import PlanRefused
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(12))
A, B = Oid("a" * 40), Oid("b" * 40)
OUTCOMES = [
    Unchanged(code="up_to_date", reason="r"),
    Conflicted(
        commit=A,
        position=1,
        total=3,
        onto=B,
        conflicts=(Conflict(kind="CONFLICT (contents)", paths=("caf\udce9",), message="m"),),
        entries=(StageEntry(stage=1, mode="100644", oid=A, path="x"),),
    ),
    Refused(code="c", reason="r", hint="h"),
    Failed(
        code="c", reason="r", findings=(Finding(code="f", severity=Severity.INFO, message="m", introduced_by="branch"),)
    ),
    Skipped(code="c", reason="r"),
    Cancelled(reason="r"),
]
MOVE = moves.dump(Publication(update=RefUpdate(ref="r", before=A, after=B), stack=0, state=MoveState.MOVED))
EVENT = events.dump(Event(run_id="r", seq=1, at=datetime(2026, 1, 1, tzinfo=UTC), kind=EventKind.NOTICE))


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.kind)
def test_results_survive_a_round_trip(outcome: Any) -> None:
    result = StepResult(step_id=1, branch="caf\udce9", outcome=outcome, phases=(("integrate", 0.5),))
    said = json_text(results.dump(result))
    assert said.isascii()
    assert results.load(parsed(said)) == result
    assert outcomes.load(parsed(json_text(outcomes.dump(outcome)))) == outcome


def test_publications_and_events_survive() -> None:
    one = Publication(update=RefUpdate(ref="refs/heads/caf\udce9", before=A, after=B), stack=0, state=MoveState.MOVED)
    assert moves.load(parsed(json_text(moves.dump(one)))) == one
    event = Event(
        run_id="r", seq=1, at=datetime(2026, 1, 1, tzinfo=UTC), kind=EventKind.NOTICE, data={"text": "x", "n": [1]}
    )
    assert events.load(parsed(json_text(events.dump(event)))) == event
    assert events.dump(event)["at"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("load", "data", "words"),
    [
        (load_ref_update, 5, "not an object"),
        (load_ref_update, {"ref": "x", "before": "a"}, "missing key 'after'"),
        (load_ref_update, {"ref": 1, "before": "a", "after": "b"}, "ref: str expected"),
        (moves.load, {**MOVE, "state": "gone"}, "state: 'gone' is not one of intended, moved"),
        (moves.load, {**MOVE, "stack": True}, "stack: int expected"),
        (moves.load, {**MOVE, "stack": "1"}, "stack: int expected"),
        (moves.load, {**MOVE, "update": []}, "update: not an object"),
        (moves.load, {**MOVE, "update": {"ref": 1}}, "update.ref: str expected"),
        (moves.load, {**MOVE, "backup_ref": 3}, "backup_ref: str expected"),
        (moves.load, {**MOVE, "section": [["a", "b"], ["c"]]}, r"section\[1\]: 2 items expected"),
        (events.load, {**EVENT, "at": "yesterday"}, "at: 'yesterday' is not a time"),
        (events.load, {**EVENT, "at": 3}, "is not a time"),
        (events.load, {**EVENT, "data": []}, "data: not an object"),
        (events.load, {**EVENT, "kind": 3}, "kind: 3 is not one of run_started"),
        (outcomes.load, {"kind": "splendid"}, "not a kind of outcome"),
        (load_finding, {"code": "c", "severity": "info", "message": "m", "introduced_by": "nobody"}, "not one of"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(load: Callable[[Any], Any], data: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        load(data)


def test_a_newer_minor_version_is_read_and_another_major_version_is_not() -> None:
    newer = {**MOVE, "version": "2.7", "added": 1, "update": {**MOVE["update"], "added": {}}}
    assert moves.load(newer) == moves.load(MOVE)
    for version in ("3.0", "0.9"):
        with pytest.raises(OtherVersion, match=f"git-align/move version {version}; .*reads major version 1 to 2: use"):
            moves.load({**MOVE, "version": version})
    with pytest.raises(OtherVersion, match=r"use git-align 9\.1, which wrote it, or newer"):
        opened({"format": "git-align/plan", "version": "3.0", "release": "9.1"}, "plan")
    for odd in ("2", "two.0", None, 2.0):
        with pytest.raises(Malformed, match=r"major\.minor"):
            moves.load({**MOVE, "version": odd})
    with pytest.raises(Malformed, match="'git-align/event' expected, 'git-align/move' found"):
        events.load(MOVE)


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "id": 3}', "[" * 100_000])
def test_what_is_no_plan_is_refused_with_a_way_out(said: str) -> None:
    with pytest.raises(PlanRefused) as caught:
        plans.read(said)
    assert "--save" in caught.value.hint


def test_a_missing_or_broken_report_has_no_extras(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    assert read_extras(place).phases == ()
    for said in ("{", "[]", json.dumps({"phases": 3})):
        place.write_text(said)
        assert read_extras(place).notices == ()
    place.write_text(json.dumps({"phases": {"a": 1}, "peak_memory_bytes": 5, "notices": ["n"]}))
    assert read_extras(place).phases == (("a", 1.0),)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in ("x", 'quote"s\u00e9'):
        work.switch(name, "main")
        work.commit("own", {f"{name}": b"1\n"})
    work.switch("main")
    work.commit("more", {"g": b"1\n"})
    return work


@pytest.mark.parametrize("indent", [None, 2])
def test_a_report_in_pieces_is_the_report(work: Workspace, indent: int | None) -> None:
    report = run(work.path)
    for one in (report, replace(report, plan=replace(report.plan, steps=()), results=(), publications=())):
        separators = (",", ":" if indent is None else ": ")
        pieces = list(reports.text_pieces(one, indent=indent))
        assert "".join(pieces) == json.dumps(reports.dump(one), indent=indent, separators=separators)
        assert plans.text_of(one.plan, indent=2) == json.dumps(plans.dump(one.plan), indent=2)


def test_a_plan_that_holds_more_than_is_known_here_is_refused(work: Workspace) -> None:
    document = plans.dump(facade.plan(request(work.path)))
    newer = {**document, "version": "2.9", "release": "7.1", "notes_of_the_future": []}
    assert plans.read(json.dumps(newer)).id == document["id"]  # nothing that decides what a run does
    with pytest.raises(PlanRefused, match="does not know") as caught:
        plans.read(json.dumps({**newer, "id": "0" * 64}))
    assert "git-align 7.1" in caught.value.hint
    with pytest.raises(PlanRefused, match=r"version 3\.0.*use git-align 7\.1, which wrote it, or newer"):
        plans.read(json.dumps({**newer, "version": "3.0"}))


def test_documents_load_no_library_of_models() -> None:
    """They are loaded by the smallest verbs."""
    code = "import sys, gitalign.documents.listings, gitalign.documents.plans; print('pydantic' in sys.modules, 'typing_extensions' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_what_is_found_out_is_read_back(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES, "other": b"1\n"})
    for name, line in (("one", b"one\n"), ("two", b"two\n")):
        work.switch(name, "main")
        work.commit(name, {"list": LINES.replace(b"line 5\n", line), "same": line})
    work.switch("clean", "main")
    work.commit("clean", {"new": b"1\n"})
    work.switch("main")
    work.commit("main", {"list": LINES.replace(b"line 5\n", b"ours\n")})
    forecast = facade.forecast(request(work.path), pairs=True)
    assert forecast.contests
    assert load_forecast(parsed(json_text(dump_forecast(forecast)))) == forecast
    conflicts = facade.conflicts(request(work.path), branch="one")
    assert conflicts.detail is not None
    assert load_conflicts(parsed(json_text(dump_conflicts(conflicts)))) == conflicts
    unlike = replace(forecast.branches[0], branch="caf\udce9")
    assert load_branch_forecast(parsed(json_text(dump_branch_forecast(unlike)))) == unlike
    found = facade.categorize(request(work.path))
    shown = load_detailed(parsed(json_text(detailed_document(found))))
    assert (shown.targets, shown.excluded, shown.as_of) == (found.targets, found.excluded, found.as_of)
    assert [one.branch for one in shown.categories] == [one.branch for one in found.categories]
    assert [(one.reason, one.flags) for one in shown.categories] == [
        (one.reason, one.flags) for one in found.categories
    ]
    run(work.path)
    (proof, *_) = facade.verify(request(work.path), "last")
    assert load_proof(parsed(json_text(dump_proof(proof)))).checks == proof.checks
