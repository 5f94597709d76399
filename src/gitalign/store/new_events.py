"""Which events are not written yet: who lost the connection while they were committed gives them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from gitalign.core.events import Event
from gitalign.store import bodies


def new_rows(
    connection: Connection, table: Table, of_run: ColumnElement[bool], events: Sequence[Event]
) -> list[dict[str, Any]]:
    """`seq` and `body` of the events that a table has not, word for word.

    Args:
        connection: in a transaction.
        table: of events.
        of_run: the rows of one run.
        events: of that run, at least one.
    """
    numbers = [event.seq for event in events]
    query = select(table.c.seq, table.c.body).where(of_run, table.c.seq.between(min(numbers), max(numbers)))
    written = {(row.seq, row.body) for row in connection.execute(query)}
    rows = ((event.seq, bodies.event_text(event)) for event in events)
    return [{"seq": seq, "body": body} for seq, body in rows if (seq, body) not in written]
