"""How far conflicting branches align: what is told of it, where it does not apply, and that it is not looked for twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.conflict import AlignablePoint, Undetermined
from gitalign.core.outcome import Conflicted
from gitalign.core.report import Report
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.analysis import after_run, alignable_point
from gitalign.engine.runtime.signals import StopSignal
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic` changes line 3 in its second commit; the third of five further commits of main does so, too."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    work.switch("topic", "main")
    work.commit("add own", {"own": b"1\n"})
    work.commit("drei", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    work.switch("main")
    for name in ("one", "two"):
        work.commit(name, {name: b"1\n"})
    work.git("config", "user.name", "Other Person")
    work.commit("three", {"list": LINES.replace(b"line 3\n", b"three\n")})
    for name in ("four", "five"):
        work.commit(name, {name: b"1\n"})
    return work


def furthest(report: Report, name: str = "topic") -> AlignablePoint | Undetermined | None:
    outcome = branch(report, name).result.outcome
    assert isinstance(outcome, Conflicted)
    return outcome.alignable_point


def test_both_commits_and_both_people_are_named(work: Workspace) -> None:
    found = furthest(run(work.path, furthest=True))
    assert isinstance(found, AlignablePoint)
    assert found.clean == work.tip("main~3")
    assert found.broken == work.tip("main~2")
    assert found.fork == work.tip("main~5")
    assert (found.advanced_by, found.remaining, found.is_merge) == (2, 3, False)
    assert (found.author, found.email, found.subject) == ("A U Thor", "author@example.org", "three")
    assert (found.commit, found.commit_subject) == (work.tip("topic"), "drei")
    assert (found.commit_author, found.position, found.total) == ("A U Thor", 2, 2)
    assert found.paths == ("list",)
    assert [one.kind for one in found.conflicts] == ["CONFLICT (contents)"]


def test_nobody_looks_unless_asked(work: Workspace) -> None:
    report = run(work.path)
    assert furthest(report) is None
    assert furthest(facade.show(request(work.path), report.run.id)) is None
    assert furthest(facade.show(request(work.path), furthest=facade.AlignablePointSource.MEMORY)) is None


def test_found_afterwards_it_is_what_a_run_would_have_found(work: Workspace, tmp_path: Path) -> None:
    run(work.path)
    asked = facade.show(request(work.path), furthest=facade.AlignablePointSource.GIT)
    assert isinstance(furthest(asked), AlignablePoint)
    assert furthest(facade.show(request(work.path), furthest=facade.AlignablePointSource.MEMORY)) == furthest(asked)
    assert not list((work.path / ".git" / "gitalign").glob("quarantine/*"))
    cells = facade.forecast(request(work.path), furthest=True).branches
    assert [cell.alignable_point for cell in cells] == [furthest(asked)]


def test_afterwards_as_well_without_memory_for_objects(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in memory is not there, or goes while merges are made: they are made on disk."""
    run(work.path)
    places: list[object] = []

    def lost(integration: IntegrationContext, *rest: Any, **more: Any) -> Any:
        places.append(memory := integration.quarantine._memory)
        if memory is not None:
            shutil.rmtree(memory.path)
        return alignable_point.with_furthest(integration, *rest, **more)

    monkeypatch.setattr(after_run, "with_furthest", lost)
    found = facade.show(request(work.path), furthest=facade.AlignablePointSource.GIT)
    assert isinstance(furthest(found), AlignablePoint)
    assert [place is None for place in places] in ([False, True], [True])


def test_it_is_remembered_while_the_target_goes_on(work: Workspace) -> None:
    first = furthest(run(work.path, furthest=True))
    work.commit("six", {"six": b"1\n"})
    looked: list[str] = []
    found = facade.show(
        request(work.path),
        run(work.path).run.id,
        furthest=facade.AlignablePointSource.MEMORY,
        listeners=[lambda event: looked.append(event.kind)],
    )
    again = furthest(found)
    assert isinstance(first, AlignablePoint)
    assert isinstance(again, AlignablePoint)
    assert (again.clean, again.broken, again.remaining) == (first.clean, first.broken, first.remaining + 1)
    assert looked == []


def test_what_no_longer_lies_on_the_line_is_looked_for_again(work: Workspace) -> None:
    run(work.path, furthest=True)
    work.git("reset", "-q", "--hard", "main~3")
    work.commit("quatre", {"list": LINES.replace(b"line 3\n", b"quatre\n")})
    found = furthest(run(work.path, furthest=True))
    assert isinstance(found, AlignablePoint)
    assert found.broken == work.tip("main")
    assert found.clean == work.tip("main~1")


def test_a_breaking_merge_is_called_one(work: Workspace) -> None:
    work.git("reset", "-q", "--hard", "main~3")
    work.switch("side", "main")
    work.commit("three", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.switch("main")
    work.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
    found = furthest(run(work.path, furthest=True, protected=["side"]))
    assert isinstance(found, AlignablePoint)
    assert found.broken == work.tip("main")
    assert found.is_merge
    assert found.subject == "merge side"


def test_a_branch_that_never_had_the_targets_own_line(work: Workspace) -> None:
    """Its history came into the target by a merge of unrelated histories."""
    work.git("checkout", "-q", "--orphan", "far", "main")
    work.git("rm", "-q", "-rf", ".")
    start = work.commit("elsewhere", {"list": b"1\n", "far": LINES})
    work.switch("main")
    work.git("merge", "-q", "--allow-unrelated-histories", "-X", "ours", "-m", "both", "far")
    work.commit("far on main", {"far": LINES.replace(b"line 9\n", b"nine\n")})
    work.git("checkout", "-q", "-B", "far", start)
    work.commit("far", {"far": LINES.replace(b"line 9\n", b"neun\n")})
    work.switch("main")
    found = furthest(run(work.path, furthest=True), "far")
    assert isinstance(found, Undetermined)
    assert found.code == "no_common_line"


def test_the_stop_button_ends_the_search(work: Workspace) -> None:
    run(work.path)
    stop = StopSignal()
    stop.request_stop()
    found = furthest(facade.show(request(work.path), furthest=facade.AlignablePointSource.GIT, stop=stop))
    assert isinstance(found, Undetermined)
    assert found.code == "stopped"
    assert isinstance(
        furthest(facade.show(request(work.path), furthest=facade.AlignablePointSource.GIT)), AlignablePoint
    )


def test_every_form_of_the_report_names_both(work: Workspace) -> None:
    run(work.path, furthest=True)
    clean, broken = work.tip("main~3"), work.tip("main~2")
    for form in facade.ReportFormat:
        text = facade.write_up(request(work.path), form=form)
        assert clean[:10] in text, form
        assert broken[:10] in text, form
        assert "A U Thor" in text, form


def test_attribute_files_count_as_the_line_had_them(work: Workspace) -> None:
    """Up to the commit that takes `merge=union` away both sides' lines are kept; from there on they clash."""
    work.git("reset", "-q", "--hard", "main~5")
    work.commit("union", {".gitattributes": b"list merge=union\n"})
    work.commit("three", {"list": LINES.replace(b"line 3\n", b"three\n")})
    work.commit("no union", {".gitattributes": None})
    found = furthest(run(work.path, furthest=True))
    assert isinstance(found, AlignablePoint)
    assert found.clean == work.tip("main~1")
    assert found.broken == work.tip("main")
