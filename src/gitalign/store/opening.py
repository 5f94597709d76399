"""The journal of a repository, wherever it is kept: in the git directory, or in a database that several repositories share.

In such a database a repository is known by an id, which is made once and kept in its git directory. So it may be moved and
renamed. The file that holds the id also says that the journal is elsewhere: two journals of one repository would know
nothing of each other's runs.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.errors import StoreError
from gitalign.shared_files import adopt

if TYPE_CHECKING:
    from gitalign.store.journal import SqlJournal

_DATABASE = "gitalign.db"
_ID = "repository-id"
_LONGEST_BYTES = 100
_COARSEST_CLOCK_NS = 50_000_000  # ticks of a file system are 10 ms or less
_HEAD_BYTES = 100  # of a database, with its counters of changes


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPlace:
    """Where the journal of a repository is.

    Attributes:
        state_dir: of the repository.
        url: of the operator's database; None for a file in `state_dir`.
        password_file: holds the password for it.
    """

    state_dir: Path
    url: str | None = None
    password_file: Path | None = None

    @property
    def exists(self) -> bool:
        """True when something was run in the repository before."""
        return self._database.exists() or self._id.exists()

    def stamp(self) -> str | None:
        """Changes with whatever is written; None where that cannot be seen: it is elsewhere, or open, or was not closed.

        What is written is in the log beside the database until the last process closes it (https://sqlite.org/wal.html).
        """
        if self.url is not None or self._id.exists():
            return None
        try:
            with self._database.open("rb") as file:
                found, head = os.fstat(file.fileno()), file.read(_HEAD_BYTES)
        except OSError:
            return None
        if self._database.with_name(f"{_DATABASE}-wal").exists():
            return None
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {head.hex()}"

    def is_settled(self) -> bool:
        """True when nothing was written just now: what is written from now on changes the stamp, however coarse its clock is."""
        try:
            return time.time_ns() - self._database.stat().st_mtime_ns > _COARSEST_CLOCK_NS
        except OSError:
            return False

    def open(self) -> SqlJournal:
        """Open the journal, made or brought up to date when needed. A journal of the git directory moves into the database.

        Raises:
            StoreError: it cannot be opened or reached; it is elsewhere; or the repository is a copy of another one.
            ConfigError: `url` is not an address, or holds a password.
            PluginError: psycopg is not installed.
        """
        # SQLAlchemy takes longer to import than most commands work; where nothing was run, it is not needed.
        from gitalign.store.journal import connect_journal, open_journal

        if self.url is None:
            if self._id.exists():
                raise StoreError(
                    f"the journal of this repository is in a database: {self._id}",
                    hint="set store.url (GITALIGN_STORE__URL) to the address of that database",
                )
            return open_journal(self._database)
        from gitalign.store.copying import copied
        from gitalign.store.database import opened
        from gitalign.store.postgres import Postgres

        dialect = Postgres(self.url, password_file=self.password_file)
        if not self._id.exists():
            opened(dialect).dispose()  # an address that does not work must not bind the repository to it
        journal = connect_journal(dialect, repository=self._identity(), place=self._place(), moved_from=self._moved)
        try:
            if self._database.exists():
                copied(self._database, journal, self.state_dir)
        except BaseException:
            journal.close()
            raise
        return journal

    @property
    def _database(self) -> Path:
        return self.state_dir / _DATABASE

    @property
    def _id(self) -> Path:
        return self.state_dir / _ID

    def _place(self) -> str:
        return f"{socket.gethostname()}:{self.state_dir.resolve()}"

    def _identity(self) -> str:
        """The id of the repository, made when there is none; of two processes that make it one wins.

        Raises:
            StoreError
        """
        try:
            if not self._id.exists():
                temporary = self.state_dir / f"{_ID}.{secrets.token_hex(4)}"
                with temporary.open("x", encoding="ascii") as file:
                    file.write(f"{secrets.token_hex(16)}\n")
                    file.flush()
                    os.fsync(file.fileno())
                adopt(temporary)
                try:
                    os.link(temporary, self._id)
                except FileExistsError:
                    pass
                finally:
                    temporary.unlink()
            return self._read(self._id)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"cannot read the id of this repository in {self._id}: {error}",
                hint=f"restore {self._id} from a backup; the database knows the runs of the repository by it",
            ) from error

    @staticmethod
    def _read(file: Path) -> str:
        with file.open(encoding="ascii") as lines:
            word = lines.read(_LONGEST_BYTES).strip()
        if not word.isalnum():
            raise ValueError("it holds no id")
        return word

    def _moved(self, before: str) -> None:
        """Refuse a copy: the repository with this id is still where it was, and is another one.

        Args:
            before: where the repository was when the database was last opened for it.

        Raises:
            StoreError
        """
        host, _, folder = before.partition(":")
        original = Path(folder) / _ID
        if host != socket.gethostname() or not original.exists() or original.samefile(self._id):
            return
        if self._read(original) == self._read(self._id):
            raise StoreError(
                f"this repository is a copy of {Path(folder).parent}, and its journal in the database is that one's",
                hint=f"rm {self._id} gives the copy a journal of its own, without the runs before",
            )
