"""JSON of the values: round trips, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.events import Event, EventKind
from gitalign.core.findings import Finding, Severity
from gitalign.core.names import Oid
from gitalign.core.outcome import Cancelled, Conflicted, Failed, Refused, Skipped, StepResult, Unchanged
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.documents import wire
from gitalign.documents.wire import (
    Malformed,
    dump,
    dumps,
    load,
    load_outcome,
    load_plan,
    load_publication,
    load_report_extras,
    load_result,
    loads,
)
from gitalign.errors import PlanRefused
from tests.git.workspace import Workspace
from tests.runs import run

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


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.kind)
def test_results_survive_a_round_trip(outcome: object) -> None:
    result = StepResult(step_id=1, branch="caf\udce9", outcome=outcome, phases=(("integrate", 0.5),))  # type: ignore[arg-type]
    text = dumps(result)
    assert text.isascii()
    assert load_result(text) == result
    assert load_outcome(dumps(outcome)) == outcome


def test_publications_and_events_survive() -> None:
    one = Publication(update=RefUpdate(ref="refs/heads/caf\udce9", before=A, after=B), stack=0, state=MoveState.MOVED)
    assert load_publication(dumps(one)) == one
    event = Event(
        run_id="r", seq=1, at=datetime(2026, 1, 1, tzinfo=UTC), kind=EventKind.NOTICE, data={"text": "x", "n": [1]}
    )
    assert loads(Event, dumps(event)) == event
    assert '"2026-01-01T00:00:00Z"' in dumps(event)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (5, "not an object"),
        ({"ref": "x", "before": "a"}, "missing key 'after'"),
        ({"ref": "x", "before": "a", "after": "b", "more": 1}, "unknown key 'more'"),
        ({"ref": 1, "before": "a", "after": "b"}, "str expected"),
    ],
)
def test_what_does_not_fit_is_named(data: object, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        load(RefUpdate, data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "gone"}, "no MoveState"),
        ({"stack": True}, "int expected"),
        ({"stack": "1"}, "int expected"),
        ({"update": []}, "not an object"),
        ({"backup_ref": 3}, "str expected"),
    ],
)
def test_fields_are_checked(change: dict[str, object], words: str) -> None:
    one = dump(Publication(update=RefUpdate(ref="r", before=A, after=B), stack=0, state=MoveState.MOVED))
    with pytest.raises(Malformed, match=words):
        load(Publication, {**one, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at": "yesterday"}, "no time"),
        ({"at": 3}, "no time"),
        ({"data": []}, "not an object"),
        ({"kind": 3}, "no EventKind"),
    ],
)
def test_events_are_checked(change: dict[str, object], words: str) -> None:
    event = dump(Event(run_id="r", seq=1, at=datetime(2026, 1, 1, tzinfo=UTC), kind=EventKind.NOTICE))
    with pytest.raises(Malformed, match=words):
        load(Event, {**event, **change})


def test_outcomes_are_told_apart_by_kind() -> None:
    with pytest.raises(Malformed, match="no outcome"):
        load_outcome('{"kind": "splendid"}')
    with pytest.raises(Malformed, match="not JSON"):
        loads(RefUpdate, "{")
    with pytest.raises(Malformed, match="2 items expected"):
        load(StepResult, {"step_id": 1, "branch": "x", "outcome": dump(OUTCOMES[0]), "phases": [["one"]]})
    with pytest.raises(Malformed, match="none of"):
        load(Finding, {"code": "c", "severity": "info", "message": "m", "introduced_by": "nobody"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "id": 3}', "[" * 100_000])
def test_what_is_no_plan_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(PlanRefused) as caught:
        load_plan(text)
    assert "--save" in caught.value.hint


def test_a_missing_or_broken_report_has_no_extras(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    assert load_report_extras(place).phases == ()
    for text in ("{", "[]", json.dumps({"phases": 3})):
        place.write_text(text)
        assert load_report_extras(place).notices == ()
    place.write_text(json.dumps({"phases": {"a": 1}, "peak_memory_bytes": 5, "notices": ["n"]}))
    assert load_report_extras(place).phases == (("a", 1.0),)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_report_in_pieces_is_the_report(tmp_path: Path, indent: int | None) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name in ("x", 'quote"s\u00e9'):
        work.switch(name, "main")
        work.commit("own", {f"{name}": b"1\n"})
    work.switch("main")
    work.commit("more", {"g": b"1\n"})
    report = run(work.path)
    for one in (report, replace(report, plan=replace(report.plan, steps=()), results=(), publications=())):
        pieces = list(wire.report_text(one, indent=indent))
        assert "".join(pieces) == json.dumps(wire.report_document(one), indent=indent)


def test_the_text_of_very_many_values_is_that_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Conflicted(
        commit=None,
        position=1,
        total=1,
        onto=Oid("1" * 40),
        conflicts=tuple(Conflict(kind="CONFLICT (contents)", paths=(f"{n}",), message="m") for n in range(5)),
        entries=(),
    )
    whole = dumps(one)
    monkeypatch.setattr(wire, "_LONG", 2)
    assert dumps(one) == whole == json.dumps(dump(one), separators=(",", ":"))
