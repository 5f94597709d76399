"""Disposable work trees: folders of our own that hold the files of any tree, one after the other, for tools that need files.

git writes the files, with the configuration of the quarantine: no hook, filter or fsmonitor runs. The index is kept
outside the work tree, where code that runs in it has no business. What such code sees as `.git` is a small repository
made again for each tree, with one commit that depends on the tree alone: same tree, same sight.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pathspec

from gitalign.core.commit import new_commit
from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.alternates import alternates_file, object_stores
from gitalign.git.command import Git
from gitalign.git.objects import CommitWriter
from gitalign.owned_folders import is_folder, left_in, own
from gitalign.tree_removal import remove_tree

_TIMEOUT_S = 600.0
_DEEPEST = 200
_A_SUBMODULE = b"160000 "
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

        What is there is trusted as far as it can be looked at: anything out of place, and the whole is thrown away first.

        Args:
            tree: id of the tree.
            keep: patterns of files and folders that may stay, as in a `.gitignore`; never of files that the tree has.

        Raises:
            GitError, OutOfSpace
        """
        try:
            if self._is_used and not (self._is_in_place() and self._tidy(keep)):
                self._discard()
            self._is_used = True
            for folder in (self.home, self.scratch):
                remove_tree(folder)
                folder.mkdir()
            remove_tree(self.tree / ".git")
            self._lay_out(tree)
            self._pretend(tree)
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or self.root}: {error.strerror}", hint="free some space, then run again"
            ) from error

    def hide(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Take files away from what is to run here, until the next `hold`; their paths.

        There is no `.git` then: its objects would tell what the files hold. What runs must not be given `objects` either.

        Raises:
            GitError, OutOfSpace
        """
        hidden = self._named_by(patterns)
        try:
            for path in hidden:
                with suppress(FileNotFoundError, IsADirectoryError):
                    (self.tree / path).unlink()
            remove_tree(self.tree / ".git")
        except OSError as error:
            raise OutOfSpace(f"cannot hide {error.filename}: {error.strerror}", hint="free some space") from error
        return hidden

    def _named_by(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Files of the tree that patterns name."""
        spec = pathspec.GitIgnoreSpec.from_lines(patterns)
        listed = self._git.run("ls-files", "-z", timeout_s=_TIMEOUT_S).stdout
        paths = (os.fsdecode(path) for path in listed.split(b"\0") if path)
        return tuple(path for path in paths if spec.match_file(path))

    def remove(self) -> None:
        """Delete it with everything in it."""
        remove_tree(self.root)
        self._index.unlink(missing_ok=True)

    def _make(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in (self.tree, self.home, self.scratch):
                if _identity(folder) is None:
                    remove_tree(folder)
                    folder.mkdir()
        except OSError as error:
            raise OutOfSpace(
                f"cannot make a work tree at {self.root}: {error.strerror}",
                hint="set validation.directory to a folder that can be written",
            ) from error
        self._identity = _identity(self.root), _identity(self.tree)
        self._folder_mode = stat.S_IMODE(self.tree.lstat().st_mode)
        self._rules: frozenset[bytes] | None = None
        self._has_submodules = False

    def _is_in_place(self) -> bool:
        """Whether the folders are still those that were made: nothing that ran here has put others, or links, in their place."""
        return (_identity(self.root), _identity(self.tree)) == self._identity

    def _tidy(self, keep: Sequence[str]) -> bool:
        """Remove what is not git's; False when that cannot be done."""
        if not self._mend(pathspec.GitIgnoreSpec.from_lines(keep)):
            return False
        words = [word for pattern in keep for word in ("-e", pattern)]
        try:
            done = self._git.run("clean", "-ffdxq", *words, accept=range(256), timeout_s=_TIMEOUT_S)
        except OSError:
            return False
        return done.returncode == 0

    def _mend(self, keep: pathspec.GitIgnoreSpec) -> bool:
        """Bring back modes that git does not look at, and remove files that have another name as well; False when too deep.

        What is kept is left as it is: package managers link its files, and write-protect them.
        """
        file_modes = {self._folder_mode & 0o666, self._folder_mode & 0o777}
        keeps = bool(keep.patterns)
        waiting = [(str(self.tree), "", 0)]
        while waiting:
            folder, path_of, depth = waiting.pop()
            if depth > _DEEPEST:
                return False
            try:
                if stat.S_IMODE(os.lstat(folder).st_mode) != self._folder_mode:
                    os.chmod(folder, self._folder_mode)
                with os.scandir(folder) as entries:
                    for entry in entries:
                        is_folder = entry.is_dir(follow_symlinks=False)
                        path = path_of + entry.name
                        if keeps and keep.match_file(f"{path}/" if is_folder else path):
                            continue
                        if is_folder:
                            waiting.append((entry.path, f"{path}/", depth + 1))
                        elif not entry.is_symlink():
                            found = entry.stat(follow_symlinks=False)
                            if stat.S_IMODE(found.st_mode) not in file_modes or found.st_nlink > 1:
                                os.unlink(entry.path)
            except OSError:
                return False
        return True

    def _lay_out(self, tree: Oid) -> None:
        self._git.run("read-tree", "--reset", "-u", tree, timeout_s=_TIMEOUT_S)
        listed = self._git.run("ls-files", "--stage", "-z", timeout_s=_TIMEOUT_S).stdout
        self._has_submodules = _A_SUBMODULE in listed
        # Looked for in the whole first: line by line, that takes longer than git takes to list it.
        for line in listed.split(b"\0") if self._has_submodules else ():
            head, _, path = line.partition(b"\t")
            if head.startswith(_A_SUBMODULE):  # git leaves alone what is in its folder
                self._empty(self.tree / os.fsdecode(path))
        rules = attribute_files(listed)
        if self._rules is not None and rules != self._rules:
            # git does not write unchanged files again because their line ends would be others now.
            self._discard()
            self._is_used = True
            self._git.run("read-tree", "--reset", "-u", tree, timeout_s=_TIMEOUT_S)
        self._rules = rules

    def _empty(self, place: Path) -> None:
        """Have an empty folder there, by way of folders alone: a link on the way would lead out of the work tree."""
        for parent in reversed(place.relative_to(self.tree).parents):
            way = self.tree / parent
            if _identity(way) is None:
                remove_tree(way)
                way.mkdir()
        remove_tree(place)
        place.mkdir()

    def _discard(self) -> None:
        self.remove()
        self._make()

    def _pretend(self, tree: Oid) -> None:
        """Make `.git`: HEAD on a commit of this tree, an index that matches, objects by way of the quarantine."""
        place = self.tree / ".git"
        for folder in ("refs/heads", "refs/tags", "objects/info", "objects/pack"):
            (place / folder).mkdir(parents=True)
        (place / "objects" / "info" / "alternates").write_bytes(alternates_file(object_stores(self.objects)))
        lines = ["[core]", f"\trepositoryformatversion = {0 if self._format == 'sha1' else 1}", "\tbare = false"]
        lines += [] if self._format == "sha1" else ["[extensions]", f"\tobjectFormat = {self._format}"]
        (place / "config").write_text("\n".join(lines) + "\n", encoding="ascii")
        commit = new_commit(tree=tree, parents=(), author=_NOBODY, committer=_NOBODY, message=b"aligned\n")
        (made,) = CommitWriter(place / "objects", object_format=self._format).write([commit])
        (place / "refs" / "heads" / "aligned").write_text(f"{made}\n", encoding="ascii")
        (place / "HEAD").write_text("ref: refs/heads/aligned\n", encoding="ascii")
        copy_index(self._index, place / "index")


def copy_index(index: Path, place: Path) -> None:
    """Copy an index with its time, by which git knows that files may have changed after it was written.

    git reads a file again only where its time, in full seconds, is not before that of the index. A copy with a later time hides
    changes of the same size that were made in the second in which the files were laid out.

    Source: Documentation/technical/racy-git.txt.

    Raises:
        OSError
    """
    shutil.copy2(index, place)


def attribute_files(listed: bytes) -> frozenset[bytes]:
    """Entries of attribute files in what `git ls-files --stage -z` lists."""
    if b".gitattributes\0" not in listed:
        return frozenset()
    return frozenset(one for one in listed.split(b"\0") if one.endswith((b"\t.gitattributes", b"/.gitattributes")))


def _identity(place: Path) -> tuple[int, int] | None:
    """What a folder is, whatever it is called; None for a link, or nothing."""
    try:
        found = place.lstat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def remove_left(parent: Path) -> None:
    """Delete folders of work trees whose process is gone; what is in use or cannot be deleted is tried again next time."""
    for left in left_in(parent):
        if not living_in(left):
            with suppress(OSError):
                remove_tree(left)


class ClaimedFolder:
    """A folder for the work trees of one run, held by this process until it is removed; those of dead ones go first.

    Args:
        parent: of nothing but such folders.
        name: of this one.

    Attributes:
        path: the folder.
        lock: what says that it is in use; None where the file system has no locks.

    Raises:
        OutOfSpace
    """

    def __init__(self, parent: Path, name: str) -> None:
        self.path = parent / name
        try:
            parent.mkdir(parents=True, exist_ok=True)
            if not is_folder(parent):
                raise OSError(errno.ELOOP, "a link stands there, which would not be followed when it is removed")
            remove_left(parent)
            self.path.mkdir(mode=0o700)
            self.lock = own(self.path)
        except OSError as error:
            raise OutOfSpace(
                f"cannot make work trees at {parent}: {error.strerror}",
                hint="set validation.directory to a folder that can be written",
            ) from error

    def remove(self) -> None:
        """Delete it with everything in it, and folders above it that are empty then.

        While a process works in it, it stays: a later run removes it.
        """
        if not living_in(self.path):
            with suppress(OSError):
                remove_tree(self.path)
        if self.lock is not None:
            self.lock.release()
        for parent in (self.path.parent, self.path.parent.parent):
            with suppress(OSError):
                parent.rmdir()


def living_in(folder: Path) -> tuple[int, ...]:
    """Processes whose current directory is in a folder, this one left out; none where the system does not say (no /proc)."""
    place = os.path.realpath(folder)
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (where == place or where.startswith(place + os.sep)):
            found.append(int(entry.name))
    return tuple(sorted(found))
