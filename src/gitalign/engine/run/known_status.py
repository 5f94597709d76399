"""Where things stood, kept for as long as they stand so."""

from __future__ import annotations

from contextlib import suppress

from gitalign.core.status import Status
from gitalign.documents.formats import json_text, parsed
from gitalign.documents.overviews import dump_status, load_status
from gitalign.documents.reading import Malformed
from gitalign.engine.run.fingerprint import fingerprint_now, keep, kept, logs_of_branches
from gitalign.engine.run.session import Look, Request

_FILE = "known-status"
_HEAD = "git-align known status 1"


class KnownStatus:
    """The status of a repository under the fingerprint that is taken before it is found out.

    Args:
        look: the repository, and what settings are read from.
        request: what is asked.

    Raises:
        GitError
    """

    def __init__(self, look: Look, request: Request) -> None:
        self._place = look.repository.state_dir / _FILE
        self._journal = look.journal
        self._key: str | None = None
        if self._journal.is_settled() and (found := fingerprint_now(look, request)):
            self._key = f"{found}-{logs_of_branches(look.repository)}"

    def read(self) -> Status | None:
        """The status that is known; None when it is not."""
        found = kept(self._place, _HEAD) if self._key is not None else None
        if found is None or found[0] != self._key:
            return None
        try:
            return load_status(parsed("\n".join(found[1])))
        except Malformed:
            return None

    def keep(self, status: Status) -> None:
        """Keep it, as long as nothing was written to the journal meanwhile. What cannot be kept is found out again."""
        if self._key is not None:
            with suppress(OSError):
                keep(self._place, _HEAD, self._key, [json_text(dump_status(status))])
