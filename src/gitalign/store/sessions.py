"""Branches that a person is resolving."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from gitalign.core.manual_resolution import ResolutionSession
from gitalign.store import bodies, schema
from gitalign.store.dialect import understood
from gitalign.store.family import Family

_SESSIONS = schema.sessions


class SqlSessions(Family):
    """See `ports.SessionStore`."""

    def open_session(self, session: ResolutionSession) -> bool:
        """Write down that a person is resolving a branch; False when one is open for it already."""
        row = {
            "repository": self.repository,
            "ref": session.ref,
            "branch": session.branch,
            "target": session.target,
            "body": bodies.session_text(session),
            "at": session.opened_at,
        }
        mine = (_SESSIONS.c.repository == self.repository) & (_SESSIONS.c.ref == session.ref)
        with self.transaction() as connection:
            self._next_token(connection)  # one at a time: two would both find no row
            if connection.execute(select(_SESSIONS.c.ref).where(mine)).first() is not None:
                return False
            connection.execute(insert(_SESSIONS), [row])
        return True

    def sessions(self) -> tuple[ResolutionSession, ...]:
        """Branches that are being resolved, by name."""
        query = select(_SESSIONS.c.body).where(_SESSIONS.c.repository == self.repository).order_by(_SESSIONS.c.ref)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        with understood(self._dialect, "resolutions under way"):
            return tuple(bodies.session_of(row.body) for row in rows)

    def close_session(self, ref: str) -> None:
        """The resolution of a branch has ended."""
        mine = (_SESSIONS.c.repository == self.repository) & (_SESSIONS.c.ref == ref)
        with self.transaction() as connection:
            connection.execute(delete(_SESSIONS).where(mine))
