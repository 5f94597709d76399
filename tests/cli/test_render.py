"""Tables say what a person needs: one branch in full, every verdict, moves, runs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from gitalign import facade
from gitalign.cli.guarded import guarded
from gitalign.cli.options import Options
from gitalign.cli.rendering.branch import show_branch
from gitalign.cli.rendering.console import require_writable, write_whole
from gitalign.cli.rendering.forecast import show_forecast
from gitalign.cli.rendering.moves import show_moves
from gitalign.cli.rendering.plan import show_plan
from gitalign.cli.rendering.report import show_report
from gitalign.cli.rendering.runs import show_runs
from gitalign.core.outcome import Cancelled, Failed, Outcome, Skipped
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import Report, Verdict
from gitalign.core.run import RunState
from gitalign.documents.results_file import results_document
from gitalign.errors import GitAlignError, InvariantBroken, OutOfSpace, UserError
from tests.git.workspace import Workspace
from tests.runs import request

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def report(tmp_path: Path) -> Report:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    for name, files in (("clean", {"own": b"1\n"}), ("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})):
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.git("branch", "old")
    work.commit("main", {"list": LINES.replace(b"line 3\n", b"three\n")})
    return facade.run(request(work.path, orchestration__enable_backup_branches=True), permit=Permit(plan_id="*"))


def shown(call: object, *arguments: object, **more: object) -> str:
    out = Console(file=io.StringIO(), width=200)
    call(out, *arguments, **more)  # type: ignore[operator]
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_one_branch_in_full(report: Report) -> None:
    by_name = {str(one.step.branch.name): one for one in report.branches()}
    text = shown(show_branch, report, by_name["clash"])
    for words in ("stopped at commit 1 of 1", "CONFLICT (contents): list", "stage 2", "git worktree add"):
        assert words in text
    text = shown(show_branch, report, by_name["clean"])
    assert "->" in text
    assert "backup backup-clean-pre-align" in text
    assert "already merged" in shown(show_branch, report, by_name["old"])


def test_every_verdict_has_its_words_and_counts(report: Report) -> None:
    clean = next(result for result in report.results if result.branch == "clean")
    outcomes: dict[Verdict, Outcome] = {
        Verdict.FAILED: Failed(code="c", reason="broken", hint="mend it"),
        Verdict.SKIPPED: Skipped(code="c", reason="skipped because"),
        Verdict.CANCELLED: Cancelled(reason="stopped because"),
    }
    for verdict, outcome in outcomes.items():
        changed = replace(
            report, results=tuple(replace(one, outcome=outcome) if one is clean else one for one in report.results)
        )
        found = next(one for one in changed.branches() if one.step.branch.name == "clean")
        assert found.verdict is verdict
        assert found.detail in shown(show_report, changed)
        assert changed.exit_code() == 1
        assert shown(show_branch, changed, found)
        results_document(changed)


def test_publications_decide_what_a_success_is(report: Report) -> None:
    def with_publication(**change: object) -> Report:
        moved = tuple(
            replace(one, **change) if one.update.ref.endswith("clean") else one  # type: ignore[arg-type]
            for one in report.publications
        )
        return replace(report, publications=moved)

    cases = {
        Verdict.HELD_BACK: with_publication(state=MoveState.HELD_BACK, detail="somebody"),
        Verdict.NOT_PUBLISHED: with_publication(state=MoveState.INTENDED),
        Verdict.MOVED_AWAY: with_publication(detail="moved right after"),
        Verdict.PUSH_FAILED: with_publication(push=PushState.REJECTED, push_detail="no"),
        Verdict.ALIGNED: with_publication(state=MoveState.UNDONE),
    }
    for verdict, changed in cases.items():
        found = next(one for one in changed.branches() if one.step.branch.name == "clean")
        assert found.verdict is verdict
        entries = results_document(changed)["orchestration_results"]["main"]["branches"]
        status = next(entry["status"] for entry in entries if entry["branch_name"] == "clean")
        assert (status == "completed") is (verdict is Verdict.ALIGNED)
        shown(show_report, changed)
        shown(show_branch, changed, found)
    missing = replace(report, results=())
    told = {one.step.branch.name: one.verdict for one in missing.branches()}
    assert set(told.values()) == {Verdict.CANCELLED, Verdict.FAILED}, "one that was moved was not cancelled"
    assert next(verdict for name, verdict in told.items() if name == "clean") is Verdict.FAILED
    stopped = replace(report, run=replace(report.run, outcome="interrupted", state=RunState.INTERRUPTED))
    assert stopped.exit_code() == 130
    assert "git align resume" in shown(show_report, stopped)


def test_long_lists_are_cut_and_say_so(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("report", "plan"):
        monkeypatch.setattr(f"gitalign.cli.rendering.{file}.MOST_ROWS", 1)
    assert "more; git align show" in shown(show_report, report)
    assert "more; -v shows all" in shown(show_plan, report.plan)
    assert "more; -v shows all" not in shown(show_plan, report.plan, everything=True)


def test_lists_of_nothing_say_what_to_type() -> None:
    assert "git align plan" in shown(show_runs, ())
    assert "nothing to do" in shown(show_moves, ())


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("wrong", hint="do this"), 2, "do this"),
        (OutOfSpace("full\nof things"), 3, "of things"),
        (InvariantBroken("never"), 70, "never"),
        (RuntimeError("odd"), 70, "report it"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_every_error_ends_in_words_and_a_code(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert guarded(Options(), work) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert guarded(Options(json=True), work) == code
    assert '"error"' in capsys.readouterr().out
    assert guarded(Options(verbose=True), work) == code
    if isinstance(error, RuntimeError | GitAlignError):
        assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("acts", [True, False])
def test_only_a_verb_that_acts_can_be_resumed(
    acts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where runs cannot be looked up

    def work() -> int:
        raise KeyboardInterrupt

    assert guarded(Options(), work, acts=acts) == 130
    assert ("git align resume" in capsys.readouterr().err) is acts


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "out.json"
    require_writable(place)
    write_whole(place, "one")
    write_whole(place, "two")
    assert place.read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]
    with pytest.raises(OutOfSpace):
        write_whole(tmp_path / "gone" / "out.json", "x")


def test_the_clash_map_says_who_must_talk_to_whom(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "talk")
    work.commit("base", {"list": LINES, "other": LINES})
    for name, word in (("one", b"eins\n"), ("two", b"zwei\n")):
        work.switch(name, "main")
        work.commit(name, {"list": LINES.replace(b"line 3\n", word)})
    for name, word in (("stops", b"fuenf\n"), ("stops-too", b"sechs\n")):
        work.switch(name, "main")
        work.commit(name, {"other": LINES.replace(b"line 5\n", word)})
    work.switch("main")
    work.commit("main", {"other": LINES.replace(b"line 5\n", b"five\n")})
    found = facade.forecast(request(work.path), pairs=True)
    text = shown(show_forecast, found)
    assert "pairs of branches: 6, of which 4 proved clean, 1 merged, 1 clash, 1 undecided" in text
    assert "compared as far as git merges them with the target: 2" in text
    assert " ".join(["one", "two", "once", "aligned", "list"]) in " ".join(text.split())
    talk = text[text.index("who must talk to whom") :]
    assert "both branches are theirs" in talk
    assert "2 0 other" in " ".join(talk.split())
    assert "who must talk" not in shown(show_forecast, facade.forecast(request(work.path)))
