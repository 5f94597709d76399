"""Lists keep to the width of a terminal, and are not padded into pipes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from gitalign.cli.rendering.plain_table import cut_line
from gitalign.cli.rendering.tables import plain_table
from tests.needs import examples

RUN = "20261127-144549-b5e578"
OID = "e2ffbd822c68f00d"


def lines(width: int | None, *columns: str, rows: list[tuple[str, ...]], **more: tuple[str, ...]) -> list[str]:
    """What a table prints in a terminal of this width; into a pipe without one."""
    out = Console(
        file=io.StringIO(),
        width=width or 100,
        force_terminal=width is not None,
        color_system=None,
        soft_wrap=width is None,
    )
    table = plain_table(*columns, **more)
    for row in rows:
        table.add_row(*row)
    out.print(table)
    return out.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_row_is_a_line_and_is_cut_at_its_end(width: int) -> None:
    name = "feature/a-name-that-needs-more-than-its-column"
    story = f"stopped at commit 2 of 7 ({OID}), see run {RUN} and path src/" + "deep/" * 30
    made = lines(
        width, "branch", "verdict", "what", rows=[(name, "aligned", story), ("short", "conflicted", "contents")]
    )
    assert len(made) == 3
    assert all(len(line) <= width for line in made)
    assert made[1].startswith(f"{name}  aligned")
    assert made[1].endswith("…")
    assert made[2].split() == ["short", "conflicted", "contents"]


def test_what_stands_beside_a_very_long_name_is_there_below_its_head() -> None:
    name = "feature/platform-observability-of-the-payment-gateway-and-all-its-adapters"
    made = lines(
        80, "branch", "what", "own", "why", rows=[(name, "rebase", "1", "1 own commit"), ("b", "up to date", "12", "")],
        right=("own",),
    )  # fmt: skip
    assert made[1] == name
    assert made[2].index("rebase") == made[0].index("what")
    assert made[2].endswith("  1  1 own commit")
    assert made[3].index("up to date") == made[0].index("what")
    two = lines(80, "branch", "why", rows=[(name, "is a target"), ("b", "is another")])
    assert two[1] == name
    assert two[2].index("is a target") == two[0].index("why") == two[3].index("is another")


@pytest.mark.parametrize("width", range(24, 100))
def test_an_id_is_whole_or_not_there(width: int) -> None:
    made = lines(width, "run", "what", "", rows=[(RUN, "undo", f"undoes {RUN} at {OID}")])[1]
    assert made.startswith(RUN)
    ids = [word for word in made.split() if word[:2] in (RUN[:2], OID[:2])]
    assert set(ids) <= {RUN, OID}


def test_numbers_are_flush_right_and_columns_that_may_be_long_are_cut() -> None:
    made = lines(
        60, "branch", "own", "members", "why",
        rows=[("a", "7", "x, " * 90, "because"), ("b", "12345", "y", "because of that")], right=("own",), cut=("members",),
    )  # fmt: skip
    assert made[1].startswith("a           7  x, x,")
    assert made[2].startswith("b       12345  y  ")
    assert made[1].endswith("…  because")
    assert made[2].endswith("  because of that")


def test_a_pipe_gets_every_cell_whole_with_a_tab_between() -> None:
    story = "word " * 60 + "end"
    made = lines(None, "branch", "own", "why", rows=[("a", "1", story), ("much-longer", "12", "")], right=("own",))
    assert [line.split("\t") for line in made] == [
        ["branch", "own", "why"],
        ["a", "1", story],
        ["much-longer", "12", ""],
    ]


def test_a_table_without_rows_prints_nothing() -> None:
    assert lines(80, "branch", "why", rows=[]) == []


@given(st.text("ab/- 漢", max_size=90), st.integers(4, 60))
@examples(100)
def test_a_cut_line_fits(words: str, width: int) -> None:
    made = cut_line(Text(words), width)
    assert made.cell_len <= max(width, 0)
    assert made.plain == words or made.plain.endswith("…")
