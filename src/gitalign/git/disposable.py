"""Disposable work trees: folders of our own that hold the files of any tree, one after the other, for tools that need files.

git writes the files, with the configuration of the quarantine: no hook, filter or fsmonitor runs. The index is kept
outside the work tree, where code that runs in it has no business. What such code sees as `.git` is a small repository
made anew for each tree, with one commit that depends on the tree alone: same tree, same sight.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.command import Git
from gitalign.git.objects import CommitWriter
from gitalign.store.owner import owner_is_alive, this_owner

_TIMEOUT_S = 600.0
_OWNER = "owner"
_YOUNG_S = 600.0
_NOBODY = b"git-align <git-align@localhost> 946684800 +0000"


class DisposableTree:
    """One work tree, used again and again by one worker.

    Args:
        root: a folder for it alone; made when it is not there.
        git: sees the objects of every tree it is to hold.
        objects: the object directory behind `git`.
        object_format: `sha1` or `sha256`.

    Attributes:
        tree: the work tree.
        home, scratch: folders that code in it may take for its home and for temporary files.
        objects: the object directory behind it.
    """

    def __init__(self, root: Path, git: Git, *, objects: Path, object_format: str) -> None:
        self.root = root
        self.tree = root / "tree"
        self.home = root / "home"
        self.scratch = root / "tmp"
        self._index = root.with_name(root.name + ".index")
        self.objects = objects
        self._format = object_format
        self._git = replace(
            git, work_tree=str(self.tree), variables={**git.variables, "GIT_INDEX_FILE": str(self._index)}
        )
        self._is_used = False
        self._make()

    def hold(self, tree: Oid, *, keep: Sequence[str] = ()) -> None:
        """Have exactly the files of a tree, and of what was there before only what matches `keep`.

        Args:
            tree: id of the tree.
            keep: patterns of files and folders that may stay, as in a `.gitignore`; never of files that the tree has.

        Raises:
            GitError, OutOfSpace
        """
        if self._is_used and not self._tidy(keep):
            self._discard()
        self._is_used = True
        try:
            for folder in (self.home, self.scratch):
                remove_tree(folder)
                folder.mkdir()
            remove_tree(self.tree / ".git")
            self._git.run("read-tree", "--reset", "-u", tree, timeout_s=_TIMEOUT_S)
            self._pretend(tree)
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or self.root}: {error.strerror}", hint="free some space, then run again"
            ) from error

    def remove(self) -> None:
        """Delete it with everything in it."""
        remove_tree(self.root)
        self._index.unlink(missing_ok=True)

    def _make(self) -> None:
        try:
            for folder in (self.tree, self.home, self.scratch):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutOfSpace(
                f"cannot make a work tree at {self.root}: {error.strerror}",
                hint="set validation.directory to a folder that can be written",
            ) from error

    def _tidy(self, keep: Sequence[str]) -> bool:
        words = [word for pattern in keep for word in ("-e", pattern)]
        done = self._git.run("clean", "-ffdxq", *words, accept=range(256), timeout_s=_TIMEOUT_S)
        return done.returncode == 0

    def _discard(self) -> None:
        self.remove()
        self._make()

    def _pretend(self, tree: Oid) -> None:
        """Make `.git`: HEAD on a commit of this tree, an index that matches, objects by way of the quarantine."""
        place = self.tree / ".git"
        for folder in ("refs/heads", "refs/tags", "objects/info", "objects/pack"):
            (place / folder).mkdir(parents=True)
        (place / "objects" / "info" / "alternates").write_bytes(os.fsencode(self.objects) + b"\n")
        lines = ["[core]", f"\trepositoryformatversion = {0 if self._format == 'sha1' else 1}", "\tbare = false"]
        lines += [] if self._format == "sha1" else ["[extensions]", f"\tobjectFormat = {self._format}"]
        (place / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
        commit = new_commit(tree=tree, parents=(), author=_NOBODY, committer=_NOBODY, message=b"aligned\n")
        (made,) = CommitWriter(place / "objects", object_format=self._format).write([commit])
        (place / "refs" / "heads" / "aligned").write_text(f"{made}\n", encoding="ascii")
        (place / "HEAD").write_text("ref: refs/heads/aligned\n", encoding="ascii")
        shutil.copyfile(self._index, place / "index")


def remove_tree(place: Path) -> None:
    """Delete a folder that its owner may have made unreadable; links are removed, never followed."""
    try:
        mode = place.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISDIR(mode):
        place.unlink(missing_ok=True)
        return

    def open_up(call: Callable[..., object], path: str, _: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), stat.S_IRWXU)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                os.chmod(path, stat.S_IRWXU)
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    shutil.rmtree(place, onerror=open_up)


def claim_folder(parent: Path, name: str) -> Path:
    """A folder for the work trees of one run; those of dead processes are removed first.

    Raises:
        OutOfSpace
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for entry in list(parent.iterdir()):
            if not _is_in_use(entry):
                remove_tree(entry)
        place = parent / name
        place.mkdir(mode=0o700)
        (place / _OWNER).write_text(this_owner(), encoding="utf-8")
        return place
    except OSError as error:
        raise OutOfSpace(
            f"cannot make work trees at {parent}: {error.strerror}",
            hint="set validation.directory to a folder that can be written",
        ) from error


def _is_in_use(place: Path) -> bool:
    try:
        return owner_is_alive((place / _OWNER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Being made at this moment, perhaps.
        with suppress(OSError):
            return time.time() - place.stat().st_mtime < _YOUNG_S
        return False
    except (OSError, UnicodeDecodeError):
        return False
