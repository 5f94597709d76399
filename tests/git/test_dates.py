from __future__ import annotations

import time

import pytest

from gitalign.errors import UserError
from gitalign.git.dates import moment
from gitalign.git.repository import Repository, open_repository
from tests.git.workspace import Workspace

DAY_S = 86_400


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return open_repository(Workspace(tmp_path_factory.mktemp("dates")).path, environ={"TZ": "UTC"})


def _moment(repository: Repository, given: str) -> int:
    return moment(repository, given, option="--since", now=int(time.time()) + 5)


@pytest.mark.parametrize(
    ("given", "days"),
    [("2 weeks ago", 14), ("2.weeks.ago", 14), ("90 days", 90), ("one week 3 days", 10), ("yesterday", 1), ("1day", 1)],
)
def test_ages_are_those_of_git(repository: Repository, given: str, days: int) -> None:
    assert (
        abs(time.time() - days * DAY_S - _moment(repository, given)) < 4_000
    )  # a change to summer time may lie between


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2023-11-14 22:13:20 +0000", 1_700_000_000),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("Tue, 14 Nov 2023 22:13:20 +0000", 1_700_000_000),
        ("Tue Nov 14 22:13:20 2023 +0000", 1_700_000_000),
        ("@1700000000", 1_700_000_000),
        ("1700000000 +0000", 1_700_000_000),
    ],
)
def test_moments(repository: Repository, given: str, seconds: int) -> None:
    assert _moment(repository, given) == seconds


def test_a_day_is_its_beginning(repository: Repository) -> None:
    """git itself would take the time of day at which the command is typed."""
    day = _moment(repository, "2023-11-14")
    assert (
        day
        == _moment(repository, "14 Nov 2023")
        == _moment(repository, "2023/11/14")
        == _moment(repository, "2023-11-14 00:00:00")
    )


@pytest.mark.parametrize(
    "given",
    ["foo", "", " ", "now", "today", "never", "14", "90d", "2w", "2 fortnights", "2 monthes", "2026-13-45", "2023-02-30", "a week ago", "11/01/2023", "2023", "2023-11", "-3 days", "next week", "--all", "3 days from now", "@5"],
)  # fmt: skip
def test_what_git_would_take_for_another_moment_is_refused(repository: Repository, given: str) -> None:
    with pytest.raises(UserError, match="not a date"):
        _moment(repository, given)


def test_what_was_meant_is_said(repository: Repository) -> None:
    with pytest.raises(UserError) as refused:
        _moment(repository, "90d")
    assert refused.value.hint == 'did you mean --since "90 days"?'
    for far in ("2999-01-01", "2098-12-31"):
        with pytest.raises(UserError, match="in the future"):
            _moment(repository, far)
    with pytest.raises(UserError, match="git knows"):
        _moment(repository, "1890-01-01")
