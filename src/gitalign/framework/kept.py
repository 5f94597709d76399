"""What installations keep, so that they can be put back: copies, a step, and a mark at the end. It is ignored by git, so it is
there on every branch of the work tree, while manifests are committed and change with the branch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitalign.documents.formats import opened, parsed
from gitalign.documents.reading import Malformed, each
from gitalign.errors import UserError
from gitalign.framework.contents import FOLDER, MANIFEST
from gitalign.framework.manifest import Installed, read_manifest, safe_path
from gitalign.framework.rollback_script import installation_name
from gitalign.framework.work_tree import WorkTreeFiles
from gitalign.tree_removal import remove_tree

KEPT = f"{FOLDER}/rollback"
STEP = "step.json"
_DONE = "complete"
_MARK = f"{KEPT}/.gitignore"
_IGNORED = b"*\n"


@dataclass(frozen=True, slots=True)
class KeptInstallations:
    """The folder `rollback` of a work tree.

    Attributes:
        files: of the work tree.
    """

    files: WorkTreeFiles

    def numbers(self) -> list[int]:
        """Of installations that are kept or were cut off, on all branches, oldest first."""
        folder = self.files.root / KEPT
        if (self.files.root / FOLDER).is_symlink() or folder.is_symlink() or not folder.is_dir():
            return []
        names = {place.name.removesuffix(".sh") for place in folder.iterdir()}
        return sorted(int(name) for name in names if re.fullmatch(r"\d{4,6}", name))

    def read(self, number: int, name: str) -> bytes | None:
        """A file that an installation keeps."""
        return self.files.read(path_of(number, name))

    def interrupted(self) -> int | None:
        """The newest installation whose end was not reached, by its mark or by the manifest, which is written last."""
        data = self.files.read(MANIFEST)
        reached = read_manifest(data).number if data is not None else 0
        begun = (
            number
            for number in self.numbers()
            if number > reached and self.read(number, STEP) is not None and self.read(number, _DONE) is None
        )
        return max(begun, default=None)

    def lineage(self) -> list[int]:
        """Installations that led to what stands here, newest first, as far as they were made in this work tree.

        A number alone does not tell: each branch and each clone counts on its own.
        """
        lineage: list[int] = []
        data = self.files.read(MANIFEST)
        while data is not None:
            number = read_manifest(data).number
            if number in lineage or self.read(number, f"after/{MANIFEST}") != data:
                break
            lineage.append(number)
            data = self.read(number, f"before/{MANIFEST}")
        return lineage

    def newest(self) -> int | None:
        """The installation that a rollback puts back; None when there is none."""
        begun = self.interrupted()
        return begun or next((number for number in self.lineage() if self.read(number, STEP) is not None), None)

    def unused(self) -> list[int]:
        """Installations that were cut off before anything changed, or are removed already."""
        lineage = self.lineage()
        return [number for number in self.numbers() if self.read(number, STEP) is None and number not in lineage]

    def before(self, installed: Installed) -> bytes | None:
        """What stood in the place of an installed file; None when nothing did, or another clone keeps it."""
        if not installed.replaced or installed.number not in self.lineage():
            return None
        return self.read(installed.number, f"before/{installed.path}")

    def step(self, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Paths that an installation created, and those that it replaced.

        Raises:
            UserError: the step cannot be read.
        """
        try:
            data = (self.read(number, STEP) or b"").decode("utf-8", "replace")
            document = opened(parsed(data), "framework-step")
            return each(document, "created", safe_path), each(document, "replaced", safe_path)
        except Malformed as error:
            hint = "restore the files from your history"
            raise UserError(f"{path_of(number, STEP)} cannot be read: {error}", hint=hint) from error

    def hide(self) -> None:
        """Keep the folder out of commits, unless it has a `.gitignore` already."""
        if self.files.read(_MARK) is None:
            self.files.write(_MARK, _IGNORED)

    def is_begun(self) -> bool:
        """True when an installation was cut off before it kept anything."""
        return self.numbers() == [] and self.files.read(_MARK) == _IGNORED

    def show(self) -> None:
        """Take back `hide`."""
        self.files.remove(_MARK)

    def complete(self, number: int) -> None:
        """Note that an installation reached its end."""
        self.files.write(path_of(number, _DONE), b"")

    def reopen(self, number: int) -> None:
        """Note that an installation is about to be put back: a rollback that is cut off is finished by the next."""
        self.files.remove(path_of(number, _DONE))

    def forget(self, number: int) -> None:
        """Remove what an installation kept. Its step goes first: without it there is nothing left to put back."""
        if self.numbers() == [number] and self.files.read(_MARK) == _IGNORED:
            self.show()
        self.files.remove(path_of(number, STEP))
        self.files.remove(f"{KEPT}/{installation_name(number)}.sh")
        remove_tree(self.files.root / KEPT / installation_name(number))
        self.files.remove(path_of(number, STEP))  # folders that are empty now


def path_of(number: int, name: str) -> str:
    """Path of a file that an installation keeps, from the root of the work tree."""
    return f"{KEPT}/{installation_name(number)}/{name}"
