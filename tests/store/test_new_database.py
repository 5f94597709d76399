"""A new database is made in one piece, and is the one that all migrations together make."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gitalign.errors import StoreError
from gitalign.store import schema
from gitalign.store.database import open_database
from tests import needs


def contents(path: Path) -> dict[str, str]:
    """Name -> how it was made, with one space wherever there is any."""
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        made = {name: " ".join(sql.replace("(", "( ").replace(")", " )").split()) for name, sql in rows}
        return made | {"revision": database.execute("SELECT version_num FROM alembic_version").fetchone()[0]}


def migrated(path: Path) -> None:
    """Make a database by migrations alone: one that holds nothing but the table of revisions."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    open_database(path).dispose()


def test_it_is_what_all_migrations_together_make(tmp_path: Path) -> None:
    """After a new migration, its tables are to be added to `store/new_database.py` as well."""
    open_database(tmp_path / "new.db").dispose()
    migrated(tmp_path / "migrated.db")
    new, old = contents(tmp_path / "new.db"), contents(tmp_path / "migrated.db")
    assert new == old
    assert new["revision"] == schema.HEAD_REVISION


def test_a_new_database_needs_no_migrations(tmp_path: Path) -> None:
    """Their import takes longer than a small run."""
    words = (
        "import sys; from pathlib import Path; from gitalign.store.database import open_database; "
        "open_database(Path(sys.argv[1])); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", words, str(tmp_path / "new.db")], check=False).returncode == 0


def test_one_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    open_database(path).dispose()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer git-align"):
        open_database(path)


@pytest.mark.parametrize("free", [0, 4, 8, 16, 24, 32, 48, 64, 100])
def test_a_full_disk_is_named_whatever_the_database_says(tmp_path: Path, free: int) -> None:
    """SQLite calls it an I/O error where its shared memory finds no room."""
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as small:
        left = shutil.disk_usage(small).free
        (small / "ballast").write_bytes(b"\0" * (left - free * 1024))
        with pytest.raises(StoreError, match=r"disk is full|No space left") as caught:
            open_database(small / "gitalign" / "new.db")
        assert caught.value.hint == "free some space, then run the command again"
        (small / "ballast").unlink()
        open_database(small / "gitalign" / "new.db").dispose()
