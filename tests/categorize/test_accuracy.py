"""Accuracy against repositories whose answers are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from tests.labelled import TARGETS, Labelled
from tests.runs import request

AT_LEAST = 0.9


@pytest.mark.parametrize("seed", range(6))
def test_branches_go_home(tmp_path: Path, seed: int) -> None:
    labelled = Labelled(tmp_path / "repo", seed)
    found = facade.categorize(request(labelled.work.path), clusters=False)
    given = {one.branch: one for one in found.categories}
    assert set(given) == set(labelled.home)
    right = [name for name, home in labelled.home.items() if given[name].target == home]
    wrong = {
        name: (home, given[name].target, given[name].reason)
        for name, home in labelled.home.items()
        if name not in right
    }
    assert len(right) >= AT_LEAST * len(labelled.home), wrong
    # What it does not know it must say.
    sure = [name for name in labelled.home if not given[name].needs_decision]
    assert sum(name in right for name in sure) >= 0.95 * len(sure), wrong
    assert len(sure) >= 0.8 * len(labelled.home)


def test_the_order_of_targets_decides_nothing(tmp_path: Path) -> None:
    labelled = Labelled(tmp_path / "repo", 7)
    one = facade.categorize(request(labelled.work.path, targets=TARGETS), clusters=False)
    other = facade.categorize(request(labelled.work.path, targets=TARGETS[::-1]), clusters=False)
    sure = {each.branch: each.target for each in one.categories if not each.needs_decision}
    assert sure == {each.branch: each.target for each in other.categories if not each.needs_decision}
    assert len(sure) > 15
