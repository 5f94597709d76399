"""`git push` dies before or after it acted, and git-align lives: what is reported is what the remote holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.publication import PushState
from gitalign.core.report import Report
from tests.engine.faults import FaultyGit
from tests.remotes.conftest import Shared, of
from tests.runs import request

_VERBS: dict[str, Callable[[Shared], Report | None]] = {
    "run": lambda shared: shared.run(push=True),
    "push": lambda shared: shared.push(),
    "undo": lambda shared: shared.undo("last", push=True),
}
_ENDS = {
    "killed before": PushState.UNKNOWN,
    "killed after": PushState.PUSHED,
    "refused": PushState.NOT_PUSHED,
}
"""How the call ends -> what is known of the push; the remote was asked."""


@pytest.mark.parametrize("end", _ENDS)
@pytest.mark.parametrize("verb", _VERBS)
def test_a_push_dies_alone(shared: Shared, tmp_path: Path, verb: str, end: str) -> None:
    """Edge case 66."""
    if verb == "push":
        shared.run()
    elif verb == "undo":
        shared.run(push=True)
    before = shared.there("x")
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong("push", end):
        report = _VERBS[verb](shared)
    assert faulty.calls
    assert report is not None
    assert of(report, "x").push is _ENDS[end]
    assert shared.there("x") == (shared.here("x") if end == "killed after" else before)
    assert report.exit_code() == (0 if end == "killed after" else 1)

    facade.resume(request(shared.work.path))
    if end != "killed after":
        again = shared.undo(str(report.run.undoes), push=True) if verb == "undo" else _VERBS[verb](shared)
        assert again is not None
        assert of(again, "x").push is PushState.PUSHED
    assert shared.there("x") == shared.here("x") != before
    assert shared.there("y") == shared.here("y")
