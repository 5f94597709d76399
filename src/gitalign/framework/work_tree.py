"""Files of a work tree that the framework reads and writes: through no link, whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitalign.errors import OutOfSpace, UserError
from gitalign.output_file import UNFINISHED, write_whole

_PROGRAM = 0o755
_FILE = 0o644
_READABLE = 0o444
_MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class WorkTreeFiles:
    """The files below the root of a work tree, named by paths with `/`.

    Attributes:
        root: of the work tree.
    """

    root: Path

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when there is none.

        Raises:
            UserError: a link, or not a file, stands there.
        """
        place = self._checked(path)
        try:
            found = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path} is not a plain file", hint="move it away, then try again")
        if found.st_size > _MOST_BYTES:
            raise UserError(f"{path} is larger than the framework's files can be", hint="move it away, then try again")
        return place.read_bytes()

    def is_program(self, path: str) -> bool:
        """True when the owner can execute the file."""
        with suppress(FileNotFoundError):
            return bool(self._checked(path).lstat().st_mode & stat.S_IXUSR)
        return False

    def mode(self, path: str) -> int:
        """The permissions of a file.

        Raises:
            UserError: a link is in the way.
            FileNotFoundError
        """
        return stat.S_IMODE(self._checked(path).lstat().st_mode)

    def write_installed(self, path: str, data: bytes, *, is_program: bool) -> None:
        """Put one of our files there. In the place of another it is open to no one who could not read that.

        Raises:
            UserError, OutOfSpace: as `write`.
        """
        with suppress(FileNotFoundError):
            there = self.mode(path)
            self.write(path, data, mode=there | (there & _READABLE) >> 2 if is_program else there)
            return
        self.write(path, data, is_program=is_program)

    def write(self, path: str, data: bytes, *, is_program: bool = False, mode: int | None = None) -> None:
        """Put a file there, whole or not at all, and on the disk before this returns.

        Args:
            path: from the root.
            data: its bytes.
            is_program: it can be executed.
            mode: its permissions; None for the usual ones.

        Raises:
            UserError: a link or something else stands in the way.
            OutOfSpace
        """
        place = self._checked(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutOfSpace(f"cannot make {place.parent}: {error.strerror}", hint="nothing was lost") from error
        if os.path.lexists(place) and not stat.S_ISREG(place.lstat().st_mode):
            raise UserError(f"{path} is not a plain file", hint="move it away, then try again")
        write_whole(place, data, mode=(_PROGRAM if is_program else _FILE) if mode is None else mode)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that it leaves empty, up to the root."""
        place = self._checked(path)
        place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self.root or not _is_removed(folder):
                break

    def set_aside(self, path: str, name: str) -> str:
        """Give a file another name in its folder, and return it: `name`, or a longer one where that is taken."""
        name = self._free(name)
        self._checked(path).rename(self._checked(name))
        return name

    def write_beside(self, path: str, data: bytes) -> None:
        """Put a file there, under a longer name where that is taken by other content."""
        if self.read(path) != data:
            self.write(self._free(path), data)

    def _free(self, name: str) -> str:
        while os.path.lexists(self._checked(name)):
            name += "+"
        return name

    def unfinished(self, folder: str) -> list[str]:
        """Files that a killed process had begun to write below a folder."""
        top = self._checked(f"{folder}/x").parent
        places = list(top.rglob(f"{UNFINISHED[0]}*{UNFINISHED[1]}")) if top.is_dir() else []
        return [str(one.relative_to(self.root)) for one in places if one.is_file() and not one.is_symlink()]

    def remove_unfinished(self, folder: str) -> None:
        """Remove those files, and the folders that they leave empty."""
        for path in self.unfinished(folder):
            self.remove(path)

    def _checked(self, path: str) -> Path:
        """The place of a path, none of whose folders is a link.

        Raises:
            UserError
        """
        place = self.root
        for part in path.split("/")[:-1]:
            place = place / part
            if place.is_symlink():
                raise UserError(f"{place.relative_to(self.root)} is a link", hint="the framework follows none")
        return self.root / path


def _is_removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
