from __future__ import annotations

import pytest

from gitalign.core.exclusions import ExclusionCode
from gitalign.core.filters import Filters, TipCommit
from gitalign.core.names import Oid

TIP = Oid("A")
JOE = TipCommit("Joe Đoe", "joe@corp.example", 1_700_000_000)


def _code(**given: object) -> ExclusionCode | None:
    out = Filters(tips={TIP: JOE}, **given).left_out("topic/a", TIP)  # type: ignore[arg-type]
    return out and out[0]


@pytest.mark.parametrize("pattern", ["joe", "JOE", "joe đoe", "corp.example>", "*@corp.example", "Joe *", "j?e@*"])
def test_an_author_is_known_by_a_part_of_name_and_address_or_by_a_glob_over_either(pattern: str) -> None:
    assert _code(authors=(pattern,)) is None
    assert _code(authors=("nobody", pattern)) is None


@pytest.mark.parametrize("pattern", ["jane", "*corp", "oe@*", "joe@corp.example.org"])
def test_others_are_left_out(pattern: str) -> None:
    assert _code(authors=(pattern,)) is ExclusionCode.OTHER_AUTHOR


def test_dates_meet_without_a_gap() -> None:
    at = JOE.authored_at
    assert _code(since=at) is None
    assert _code(since=at + 1) is ExclusionCode.BEFORE_SINCE
    assert _code(before=at) is ExclusionCode.TOO_YOUNG
    assert _code(before=at + 1) is None


def test_names_count_first_and_a_commit_that_is_not_known_passes() -> None:
    assert _code(only=("x/*",), authors=("jane",)) is ExclusionCode.NOT_SELECTED
    assert _code(exclude=("topic/*",)) is ExclusionCode.EXCLUDED
    assert Filters(authors=("jane",), since=2**40).left_out("topic/a", Oid("lost")) is None
