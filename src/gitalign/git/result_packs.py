"""The new objects of results: packed once, in the quarantine, read from there, and brought over into the repository as they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.alternates import alternates_variable
from gitalign.git.asking import absent
from gitalign.git.command import Git
from gitalign.git.flushing import apart
from gitalign.git.loose_pack import LooseObjects, NotPackable
from gitalign.git.repository import Repository
from gitalign.git.storing import History, range_of, stored, stored_as_given
from gitalign.shared_files import adopt, make_folder

_TIPS_PER_PACK = 100
_PACKS_AT_ONCE = 2
# In the order in which git makes them (builtin/index-pack.c, final): a pack counts once its index is there.
_FILES = (".keep", ".pack", ".rev", ".idx")


class ResultPacks:
    """Brings new objects from a quarantine into its repository.

    Args:
        git: of the quarantine.
        repository: where they go.
        folder: of the quarantine, on disk; its name is on the mark that holds a pack.
    """

    def __init__(self, git: Git, repository: Repository, folder: Path) -> None:
        self._git = git
        self._repository = repository
        self._loose = folder / "objects"
        self._results = folder / "results"
        self._folder = folder / "pack"
        self._mark = f"git-align {folder.name}"
        self._packed: frozenset[Oid] = frozenset()
        self._names: tuple[str, ...] = ()

    def pack(
        self, tips: Iterable[Oid], known: Iterable[Oid], *, replaced: Iterable[Oid] = (), timeout_s: float = 600.0
    ) -> bool:
        """Pack what is new behind `tips`, within the quarantine.

        What reads the results afterwards then reads a few packs, not thousands of small files, and `store` of the very same
        tips only brings the packs over.

        Args:
            tips: new commits.
            known: commits whose objects the repository has already.
            replaced: as `store` takes them.
            timeout_s: deadline in seconds.

        Returns:
            False when it could not be done, for want of an object or of room: then nothing has changed, and `store` says what
            is wrong. When it is done, every object behind the tips, and not behind what is known, is there.
        """
        base = sorted(set(known))
        wanted = self._new(sorted(set(tips) - set(base)))
        if not wanted:
            return True
        history = History(known=base, replaced=sorted(set(replaced)), timeout_s=timeout_s, allows_gaps=False)
        try:
            self._names = self._from_loose(wanted, history) or self._stored(self._alone(), wanted, history)
        except (GitError, OSError):
            return False
        self._packed = frozenset(wanted)
        return True

    def store(
        self, tips: Iterable[Oid], known: Iterable[Oid], *, replaced: Iterable[Oid] = (), timeout_s: float = 600.0
    ) -> tuple[Path, ...]:
        """Bring the new objects behind `tips` into the repository, as packs that `gc` leaves alone.

        Args:
            tips: new commits to keep.
            known: commits whose objects the repository has already.
            replaced: commits that the tips take the place of. What is missing behind those (a partial copy) may be missing
                behind the tips.
            timeout_s: deadline in seconds.

        Returns:
            The `.keep` files that hold the packs; none when there was nothing new. Remove them once a ref pins the tips.

        Raises:
            MissingObject: an object behind the tips is nowhere; nothing that names it is stored.
            GitError, OutOfSpace

        Source: `git help pack-objects` (--revs, --local, --missing), `git help index-pack` (--keep); long before 2.38.
        """
        base = sorted(set(known))
        wanted = self._new(sorted(set(tips) - set(base)))
        if not wanted:
            return ()
        folder = Path(self._repository.objects_dir) / "pack"
        if self._packed == frozenset(wanted):
            try:
                for name in self._names:
                    self._bring_over(f"pack-{name}", folder)
            except FileNotFoundError:
                self._packed = frozenset()  # a pack was taken away: made again, or it turns out what is missing
        if self._packed == frozenset(wanted):
            names = self._names
        else:
            history = History(known=base, replaced=sorted(set(replaced)), timeout_s=timeout_s)
            names = self._stored(self._repository.git, wanted, history)
        keeps = [folder / f"pack-{name}.keep" for name in names]
        return tuple(keep for keep in keeps if keep.exists())

    def _new(self, tips: Sequence[Oid]) -> list[Oid]:
        """Those of the commits that the repository has not."""
        gone = absent(self._repository.git, tips)
        return [tip for tip in tips if tip in gone]

    def _alone(self) -> Git:
        """git that writes packs beside the quarantine's objects without seeing these: it would compare each one with itself."""
        return self._on(apart(self._folder.parent))

    def _on(self, store: Path, **variables: str) -> Git:
        """git on an object directory of its own."""
        variables = {"GIT_OBJECT_DIRECTORY": str(store), **variables}
        return replace(self._git, variables={**self._git.variables, **variables})

    def _from_loose(self, wanted: Sequence[Oid], history: History) -> tuple[str, ...]:
        """Pack what is behind the tips without `git pack-objects`; empty where that is for git to do.

        Raises:
            GitError: an object behind the tips is neither packed now nor in the repository.
        """
        make_folder(self._results / "pack")
        alone, names = self._on(self._results), list[str]()
        try:
            with (
                LooseObjects(self._loose, object_format=self._repository.object_format) as loose,
                ThreadPoolExecutor(1, thread_name_prefix="index-pack") as pool,
            ):
                indexing: Future[str] | None = None
                for pack in loose.behind(wanted):
                    names += [indexing.result()] if indexing is not None else []
                    indexing = pool.submit(stored_as_given, alone, pack, mark=self._mark, timeout_s=history.timeout_s)
                names += [indexing.result()] if indexing is not None else []
        except NotPackable:
            return ()
        # As git looks at what it fetched: everything behind the tips is in these packs or in the repository.
        stores = alternates_variable(self._repository.object_stores())
        whole = self._on(self._results, GIT_ALTERNATE_OBJECT_DIRECTORIES=stores)
        words = ("rev-list", "--objects", "--quiet", "--stdin")
        whole.run(*words, stdin=range_of(wanted, history), timeout_s=history.timeout_s)
        for name in names:
            _all_linked(self._results / "pack", self._folder, f"pack-{name}")
        return tuple(names)

    def _stored(self, into: Git, wanted: Sequence[Oid], history: History) -> tuple[str, ...]:
        size = max(_TIPS_PER_PACK, -(-len(wanted) // _PACKS_AT_ONCE))
        parts = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        with ThreadPoolExecutor(_PACKS_AT_ONCE) as pool:
            return tuple(pool.map(lambda part: stored(self._git, into, part, history, mark=self._mark), parts))

    def _bring_over(self, stem: str, folder: Path) -> None:
        """Put a pack of the quarantine into the repository. git wrote it, reckoned every id again and waited for the disk.

        Raises:
            FileNotFoundError: the pack is gone.
            OutOfSpace
        """
        try:
            folder.mkdir(exist_ok=True)
            _all_linked(self._folder, folder, stem)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or folder}: {error.strerror}", hint="free space, then: git align resume"
            ) from error


def _all_linked(folder: Path, into: Path, stem: str) -> None:
    """The files of a pack in another folder, too."""
    for ending in _FILES:
        source, place = folder / f"{stem}{ending}", into / f"{stem}{ending}"
        if not source.exists() and ending in (".rev", ".keep"):
            continue
        with suppress(FileExistsError):  # the same objects have been stored before
            _linked(source, place)


def _linked(source: Path, place: Path) -> None:
    """One file under a second name; a copy, whole and on disk, where the file system knows no such names."""
    try:
        os.link(source, place)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        if place.exists():
            raise FileExistsError(str(place)) from None
        partial = place.with_name(f"tmp_{place.name}")
        try:
            with source.open("rb") as read, partial.open("wb") as written:
                shutil.copyfileobj(read, written)
                written.flush()
                os.fsync(written.fileno())
            partial.chmod(0o444)
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
    adopt(place, most=0o444)
