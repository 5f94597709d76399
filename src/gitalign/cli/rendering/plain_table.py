"""Columns without lines around them, as rich prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.text import Text

_GAP = "  "
_LEAST_NAME = 16
_LEAST_STORY = 38
_LONGEST_WORD = 12
_ID = re.compile(r"[0-9a-f]{7,}|\d{8}-[\w-]+")
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class PlainTable:
    """Rows without lines around them: in a terminal one line each, elsewhere cells with a tab between them.

    In a terminal a line that is too long is cut at its end. Numbers, ids and names before the last column are never cut to
    make room: a name that is longer than its column pushes the rest of its own line to the right; where the columns between
    name and story would not fit any more, they stand on a line of their own, below their heads.

    Attributes:
        columns: their heads.
        right: those set flush right.
        cut: columns before the last one whose cells are cut to a share of the line, because they may be of any length.
    """

    columns: tuple[str, ...]
    right: frozenset[str]
    cut: frozenset[str]
    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Add a row; cells are rich markup."""
        self.rows.append(tuple(Text.from_markup(cell) for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text | Segment]:
        """The lines."""
        heads = tuple(Text(column, style="bold dim") for column in self.columns)
        if not self.rows:
            return
        if not console.is_terminal:
            for row in (heads, *self.rows):
                # Not as a text, whose tabs rich makes into spaces.
                yield Segment("\t".join(cell.plain for cell in row) + "\n")
            return
        widths = self._widths(options.max_width)
        for row in (heads, *self.rows):
            if self._is_pushed_out(row, widths, options.max_width):
                yield cut_line(row[0], options.max_width)
                row = (Text(), *row[1:])
            yield cut_line(self._line(row, widths), options.max_width)

    def _is_pushed_out(self, row: Sequence[Text], widths: Sequence[int], room: int) -> bool:
        """Whether a name leaves no room for what stands beside it."""
        if len(row) == 1 or row[0].cell_len <= widths[0]:
            return False
        beside = widths[1:-1] or [min(row[-1].cell_len, _LONGEST_WORD)]
        return row[0].cell_len + sum(len(_GAP) + width for width in beside) > room

    def _widths(self, room: int) -> list[int]:
        natural = [
            max(cell_len(head), *(row[at].cell_len for row in self.rows)) for at, head in enumerate(self.columns)
        ]
        if sum(natural) + len(_GAP) * (len(natural) - 1) <= room or len(natural) == 1:
            return natural
        room -= len(_GAP) * (len(natural) - 1) + min(natural[-1], _LEAST_STORY)
        sharing = [at for at, head in enumerate(self.columns[:-1]) if head in self.cut]
        fixed = [at for at in range(1, len(natural) - 1) if at not in sharing]
        room -= sum(natural[at] for at in fixed)
        if self.columns[0] not in self.right and not all(_ID.fullmatch(row[0].plain) for row in self.rows):
            natural[0] = min(natural[0], max(_LEAST_NAME, room // (1 + len(sharing))))
        for left, at in zip(range(len(sharing), 0, -1), sharing, strict=True):
            used = natural[0] + sum(natural[one] for one in sharing[: len(sharing) - left])
            natural[at] = min(natural[at], max(cell_len(self.columns[at]), (room - used) // left))
        return natural

    def _line(self, row: Sequence[Text], widths: Sequence[int]) -> Text:
        line = Text()
        for at, (head, cell, width) in enumerate(zip(self.columns, row, widths, strict=True)):
            is_last = at == len(widths) - 1
            if head in self.cut and not is_last:
                cell = cut_line(cell, width)
            space = " " * (width - cell.cell_len)
            if head in self.right:
                line.append(space)
            line.append_text(cell)
            if not is_last:
                line.append(("" if head in self.right else space) + _GAP)
        line.rstrip()
        return line


def cut_line(line: Text, room: int) -> Text:
    """The line, cut behind a word and marked with an ellipsis where it is longer than `room`; never inside an id."""
    if line.cell_len <= room:
        return line
    kept, used = 0, len(_ELLIPSIS) + 1
    for character in line.plain:
        used += cell_len(character)
        if used > room:
            break
        kept += 1
    head, rest = line.plain[:kept], line.plain[kept:]
    is_inside_a_word = not rest[:1].isspace() and head[-1:].strip() != ""
    if is_inside_a_word:
        begun = kept - len(head.split()[-1])
        word = head[begun:] + rest.split()[0]
        if begun and (kept - begun < _LONGEST_WORD or _ID.search(word)):
            kept, is_inside_a_word = begun, False
    short = line[:kept]
    short.rstrip()
    return short.append(_ELLIPSIS if is_inside_a_word else f" {_ELLIPSIS}")
