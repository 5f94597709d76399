"""Gates: one protocol, one place where a verdict becomes an outcome, and one implementation of detection."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import pytest

from gitalign import facade
from gitalign.core.conflict import AppliedResolution
from gitalign.core.findings import Finding, FindingRule, Severity
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Cancelled, Conflicted, Failed, StepResult, Unchanged
from gitalign.core.validation import Validation, ValidationStatus
from gitalign.engine.gates.detection import Detection, Looked, outside_a_run
from gitalign.engine.gates.gate import PASS, Gate, GateContext, Verdict, held_to, through_gates
from gitalign.git.repository import open_repository
from gitalign.ports import ActivePlugins, DetectionRequest
from tests.git.workspace import Workspace
from tests.runs import request

ALIGNED = Aligned(
    how=AlignedKind.REPLAYED, before=Oid("1" * 40), after=Oid("2" * 40), onto=Oid("3" * 40), tree=Oid("4" * 40)
)
NOTE = Finding(code="odd", severity=Severity.INFO, message="odd")
REFUSED = Failed(code="validation_failed", reason="it fails", stage="validate")
NO_CONTEXT = cast(GateContext, None)


def results(*outcomes: object) -> list[StepResult]:
    return [StepResult(step_id=number, branch=f"b{number}", outcome=one) for number, one in enumerate(outcomes)]  # type: ignore[arg-type]


@dataclass
class Answers:
    """A gate that gives the verdicts it is told to, and notes what it was shown."""

    verdicts: Sequence[Verdict]
    phase: str = "test"
    shown: list[str] = field(default_factory=list)

    def judge(self, results: Sequence[StepResult], context: GateContext) -> Iterable[Verdict]:
        self.shown += [result.branch for result in results]
        return self.verdicts


def test_a_gate_sees_what_passed_the_gates_before_it_and_nothing_else() -> None:
    first, second = Answers([PASS, Verdict(refusal=REFUSED)], "first"), Answers([PASS], "second")
    third = Answers([Verdict(refusal=Cancelled(reason="stopped"))], "third")
    fourth = Answers([], "fourth")
    phases: list[str] = []
    gates: list[Gate] = [first, second, third, fourth]
    after = through_gates(
        results(ALIGNED, Unchanged(code="up_to_date", reason=""), ALIGNED), gates, NO_CONTEXT, passed=phases.append
    )
    assert (first.shown, second.shown, third.shown, fourth.shown) == (["b0", "b2"], ["b0"], ["b0"], [])
    assert phases == ["first", "second", "third", "fourth"]
    assert [one.outcome.kind for one in after] == ["cancelled", "unchanged", "failed"]


@pytest.mark.parametrize("verdicts", [[], [PASS, PASS]])
def test_a_gate_that_gives_no_verdict_about_a_result_passes_nothing(verdicts: list[Verdict]) -> None:
    with pytest.raises(ValueError, match="zip"):
        through_gates(results(ALIGNED), [Answers(verdicts)], NO_CONTEXT, passed=lambda _: None)


def test_a_pass_keeps_the_result_and_adds_what_was_found() -> None:
    (result,) = results(replace(ALIGNED, findings=(NOTE,)))
    assert held_to(result, PASS) == result
    validation = Validation(status=ValidationStatus.PASSED)
    after = held_to(result, Verdict(findings=(NOTE,), validation=validation, duration_s=2.0), phase="validate")
    assert after.outcome == replace(ALIGNED, findings=(NOTE, NOTE))
    assert (after.validation, after.duration_s, after.phases) == (validation, 2.0, (("validate", 2.0),))


def test_a_refusal_tells_what_was_resolved_without_a_person() -> None:
    applied = AppliedResolution(path="f", conflict="c" * 40, resolver="union", commit=None)
    (result,) = results(replace(ALIGNED, resolved=(applied,)))
    outcome = held_to(result, Verdict(refusal=REFUSED)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.resolved == (applied,)
    assert outcome.reason.startswith("it fails (1 conflict in it was")


@pytest.mark.parametrize(("stage", "kind"), [("validate", "conflicted"), ("conserve", "failed"), ("detect", "failed")])
def test_a_branch_that_went_part_of_the_way_conflicts_again_where_checks_or_rules_refuse_it(
    stage: Literal["validate", "conserve", "detect"], kind: str
) -> None:
    stopped = Conflicted(conflicts=(), entries=(), commit=None, onto=Oid("3" * 40), position=0, total=1)
    (result,) = results(replace(ALIGNED, stopped_by=stopped))
    outcome = held_to(result, Verdict(refusal=replace(REFUSED, stage=stage))).outcome
    assert outcome.kind == kind
    if isinstance(outcome, Conflicted):
        assert outcome == replace(stopped, not_moved_reason="its result there may not be published: it fails")


class Raises:
    name = "raises"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        raise RuntimeError("boom")


class Waits:
    name = "waits"

    def __init__(self) -> None:
        self.end = threading.Event()

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        self.end.wait(60)
        return []


class Finds:
    name = "finds"

    def detect(self, request: DetectionRequest) -> Sequence[Finding]:
        return [replace(NOTE, path=path, detector="finds") for path in request.changed_paths]


@pytest.fixture
def asked(tmp_path: Path) -> Iterable[DetectionRequest]:
    work = Workspace(tmp_path / "repo")
    base = Oid(work.commit("base", {"f": b"1\n"}))
    tip = Oid(work.commit("tip", {"g": b"1\n"}))
    looked = Looked(branch="topic", target="main", before=tip, onto=base, after=tip)
    with outside_a_run(open_repository(work.path), looked, timeout_s=60) as request:
        yield request


def test_detection_gives_a_verdict_whatever_a_detector_does(asked: DetectionRequest) -> None:
    def verdict(detector: object, rule: FindingRule = FindingRule()) -> Verdict:  # noqa: B008
        return Detection(detectors=[detector], rule=rule, timeout_s=60).judge(asked)  # type: ignore[list-item]

    found = (replace(NOTE, path="g", detector="finds"),)
    assert Detection(detectors=(), rule=FindingRule(), timeout_s=1).judge(asked) == PASS
    assert verdict(Finds()) == Verdict(findings=found, detection="found")
    refused = verdict(Finds(), FindingRule(always=("finds",)))
    assert (refused.detection, refused.findings) == ("refused", found)
    assert isinstance(refused.refusal, Failed)
    assert refused.refusal.reason == "1 finding forbids it, first odd in g: odd"
    raised = verdict(Raises())
    assert isinstance(raised.refusal, Failed)
    assert (raised.refusal.code, raised.detection) == ("detector_failed", "failed")


def test_what_a_late_detector_reads_from_is_given_up(asked: DetectionRequest) -> None:
    waits, given_up = Waits(), threading.Event()
    late = Detection(detectors=[waits], rule=FindingRule(), timeout_s=0.01).judge(asked, left_behind=given_up.set)
    waits.end.set()
    assert given_up.is_set()
    assert isinstance(late.refusal, Failed)
    assert late.refusal.code == "detector_timed_out"


def test_a_detector_that_raises_refuses_what_a_person_resolved_as_it_does_in_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.resolving.test_sessions import finish, resolved

    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    before = work.commit("topic", {"f": b"2\n"})
    work.switch("main")
    work.commit("main", {"f": b"3\n"})
    resolved(work, "topic", {"f": b"4\n"})
    monkeypatch.setattr(
        "gitalign.engine.resolution.result.configured_plugins", lambda _: ActivePlugins(detectors=(Raises(),))
    )
    report = finish(work, "topic")
    (result,) = report.results
    assert isinstance(result.outcome, Failed)
    assert (result.outcome.code, result.detection) == ("detector_failed", "failed")
    assert work.git("rev-parse", "topic") == before
    assert facade.resolve(request(work.path), "topic").head is not None, "the work of the person is still there"
