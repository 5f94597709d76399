"""House rules in a run: what misses a MUST is not published, and the report says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.events import Event, EventKind
from gitalign.core.outcome import Aligned, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.core.rules import Band
from gitalign.documents import reports
from gitalign.engine.gates.certify import FILE, read
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import RulePackError
from tests.git.workspace import Workspace
from tests.rules.house import pack_of, write_pack
from tests.runs import branch, request, run

EVAL = b"x = eval(input())\n"
MENDED = b"'m'\nx = 1\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"old.py": EVAL})
    for name, content in (("good", b"'''m'''\nx = 1\n"), ("bad", EVAL), ("broken", b"def f(:\n")):
        work.switch(name, "main")
        work.commit(f"feat: {name}", {f"{name}.py": content})
    work.switch("main")
    work.commit("main", {"main-only": b"1\n"})
    return work


def test_a_branch_that_misses_a_must_is_not_published(work: Workspace) -> None:
    tips = {name: work.tip(name) for name in ("good", "bad", "broken")}
    report = run(work.path, rules__packs=["python"], detection__detectors=[])
    assert report.exit_code() == 1
    assert "rules" in dict(report.phases)
    good, bad, broken = (branch(report, name) for name in tips)
    assert (good.verdict, bad.verdict, broken.verdict) == (Verdict.ALIGNED, Verdict.FAILED, Verdict.FAILED)
    assert isinstance(bad.result.outcome, Failed)
    assert (bad.result.outcome.code, bad.result.outcome.stage) == ("house_rules", "validate")
    assert "no-dangerous-calls failed: 0 of 1 Python file in order" in bad.detail
    assert "unknown" in broken.detail
    assert (work.tip("bad"), work.tip("broken")) == (tips["bad"], tips["broken"])
    assert work.tip("good") != tips["good"]
    assert good.result.compliance is not None
    assert (good.result.compliance.band, good.result.compliance.score) == (Band.EXCELLENT, 1.0)
    assert good.result.compliance.tip == work.tip("good")
    (written,) = (work.path / ".git" / "gitalign" / "runs").glob(f"*/{FILE}")
    assert [one.ref for one in read(written)] == ["refs/heads/good"]


def test_where_nothing_is_refused_the_report_tells_all_the_same(work: Workspace) -> None:
    report = run(work.path, rules__packs=["python"], rules__refuse="never", detection__detectors=[])
    assert [branch(report, name).verdict for name in ("good", "bad", "broken")] == [Verdict.ALIGNED] * 3
    found = branch(report, "bad").result.compliance
    assert found is not None
    assert [one.id for one in found.critical] == ["no-dangerous-calls"]


def test_without_rules_nothing_is_judged(work: Workspace) -> None:
    report = run(work.path, detection__detectors=[])
    assert branch(report, "bad").verdict is Verdict.ALIGNED
    assert branch(report, "bad").result.compliance is None
    assert "rules" not in dict(report.phases)


def test_what_is_judged_is_the_result(work: Workspace) -> None:
    """The target has the file by now; as the branch stands it is missing."""
    pack = pack_of({"required_files": {"files": ["main-only"]}})
    place = write_pack(work.path / ".git" / "house.yaml", pack)
    as_it_stands = facade.check_rules(request(work.path, only=("good",)), packs=(str(place),))
    assert [one.band for one in as_it_stands] == [Band.NON_COMPLIANT]
    report = run(work.path, only=("good",), rules__packs=[str(place)])
    assert branch(report, "good").verdict is Verdict.ALIGNED


def test_the_journal_keeps_what_was_judged(work: Workspace) -> None:
    made = run(work.path, rules__packs=["python"])
    stored = facade.show(request(work.path))
    assert stored.results == made.results
    document = json.loads("".join(reports.text_pieces(stored)))
    entry = next(one for one in document["branches"] if one["branch"] == "bad")
    assert entry["house_rules"]["critical_issues"] == ["no-dangerous-calls"]
    assert entry["house_rules"]["band"] == "partially_compliant"


def test_undo_and_a_second_run_are_not_in_its_way(work: Workspace) -> None:
    before = work.tip("good")
    first = run(work.path, rules__packs=["python"])
    report = facade.undo(request(work.path), first.run.id, permit=Permit(plan_id="*"))
    assert report.exit_code() == 0
    assert work.tip("good") == before
    again = run(work.path, rules__packs=["python"])
    assert branch(again, "good").verdict is Verdict.ALIGNED
    assert facade.resume(request(work.path)) == ()
    assert run(work.path).exit_code() == 0


def test_what_is_merely_moved_to_its_target_is_not_judged(work: Workspace) -> None:
    work.git("branch", "done", "main~1")
    report = run(work.path, only=("done",), rules__packs=["python"], already_merged="fast-forward")
    assert branch(report, "done").result.compliance is None
    assert isinstance(branch(report, "done").result.outcome, Aligned)


def test_dropped_commits_are_not_judged(work: Workspace) -> None:
    work.git("cherry-pick", "good")
    work.switch("good")
    work.commit("second", {"more.py": b"'''m'''\n"})
    work.switch("main")
    place = write_pack(work.path / ".git" / "house.yaml", pack_of({"commit_message": {"subject": "^second"}}))
    report = run(work.path, only=("good",), rules__packs=[str(place)])
    assert branch(report, "good").verdict is Verdict.ALIGNED


def test_a_bad_pack_is_refused_before_a_run_begins(work: Workspace) -> None:
    with pytest.raises(RulePackError, match="did you mean python"):
        run(work.path, rules__packs=["pythn"])
    assert facade.runs(request(work.path)) == ()


def test_a_pack_in_a_work_tree_is_refused_in_the_configuration(work: Workspace, tmp_path: Path) -> None:
    write_pack(work.path / "pack.yaml", pack_of({"path": {"forbidden": ["x"]}}))
    with pytest.raises(RulePackError, match="lies in a work tree"):
        run(work.path, rules__packs=[str(work.path / "pack.yaml")])
    (tmp_path / "elsewhere.yaml").symlink_to(work.path / "pack.yaml")
    with pytest.raises(RulePackError, match="lies in a work tree"):
        run(work.path, rules__packs=[str(tmp_path / "elsewhere.yaml")])


def test_packs_of_a_configuration_file_lie_beside_it(work: Workspace) -> None:
    folder = work.path / ".git" / "gitalign"
    folder.mkdir(exist_ok=True)
    write_pack(folder / "house.yaml", pack_of({"path": {"forbidden": ["bad.py"]}}))
    (folder / "config.yaml").write_text("rules:\n  packs: [house.yaml]\n")
    report = run(work.path, detection__detectors=[])
    assert [branch(report, name).verdict for name in ("good", "bad")] == [Verdict.ALIGNED, Verdict.FAILED]


def test_a_run_that_is_stopped_before_it_judges_publishes_nothing_and_resumes(work: Workspace) -> None:
    tips = {name: work.tip(name) for name in ("good", "bad")}
    stop = StopSignal()

    def press(event: Event) -> None:
        if event.kind is EventKind.INTEGRATION_FINISHED:
            stop.request_stop()

    asked = request(work.path, rules__packs=["python"], detection__detectors=[])
    report = facade.run(asked, permit=Permit(plan_id="*"), listeners=[press], stop=stop)
    assert report.run.outcome == "interrupted"
    assert all(one.result.compliance is None for one in report.branches())
    assert {name: work.tip(name) for name in tips} == tips
    (resumed,) = facade.resume(asked)
    assert branch(resumed, "good").verdict is Verdict.ALIGNED
    assert branch(resumed, "bad").verdict is Verdict.FAILED
    assert work.tip("bad") == tips["bad"]


def test_a_stack_is_judged_member_by_member_and_held_together(work: Workspace) -> None:
    work.switch("upper", "bad")
    work.commit("feat: mend", {"bad.py": MENDED})
    work.switch("main")
    report = run(work.path, only=("bad", "upper"), rules__packs=["python"])
    assert branch(report, "bad").verdict is Verdict.FAILED
    upper = branch(report, "upper").result.compliance
    assert upper is not None
    assert (upper.band, branch(report, "upper").verdict) == (Band.EXCELLENT, Verdict.REFUSED)
    assert "stands on bad" in branch(report, "upper").detail
