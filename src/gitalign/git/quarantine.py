"""The quarantine: a private git directory in which merges are made.

Its object store is new and empty with the repository's store behind it, so whatever a merge writes stays out of the
repository until it is wanted. It has a configuration of its own and no hooks, so nothing in the repository or the
operator's configuration can run or change a verdict. Its work tree holds nothing but the target's attribute files, so
merge drivers depend on the target alone, never on what is checked out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.errors import InvariantBroken, OutOfSpace
from gitalign.git.asking import absent
from gitalign.git.command import Git, raw, text
from gitalign.git.repository import Repository
from gitalign.process_owner import owner_is_alive, this_owner

_MERGE_CONFIG = (
    # git's defaults, spelt out: since 2.41 merge-tree reads configuration (`git help merge-tree`).
    ("merge.renames", "true"),
    ("merge.directoryRenames", "conflict"),
    ("merge.conflictStyle", "merge"),
    ("merge.renormalize", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.autocrlf", "false"),
    ("core.precomposeUnicode", "false"),
    ("core.protectHFS", "false"),
    ("core.protectNTFS", "false"),
    # What is written here is packed anew or thrown away: no time is spent on making it small, or on links.
    ("core.looseCompression", "0"),
    ("core.createObject", "rename"),
)

_TIPS_PER_PACK = 100
_PACKS_AT_ONCE = 2
MEMORY = Path("/dev/shm")
_MEMORY_PREFIX = "git-align-"
_MEMORY_BYTES = 256 * 1024 * 1024
_LEAST_MEMORY_BYTES = 128 * 1024 * 1024
_AN_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_POINTER = "memory"
_OWNER = "owner"


class Quarantine:
    """Private object store and git directories of one run.

    Loose objects are kept in memory (a tmpfs) where there is one: a merge writes several small files, and making a file
    costs a journalling file system more than the merge itself. What is kept there is bounded; beyond the bound it is
    packed to disk.

    Args:
        repository: the repository behind it.
        run_id: names the folder `<state_dir>/quarantine/<run_id>`.
        memory: where loose objects may be kept in memory; None keeps everything on disk.

    Attributes:
        path: the folder on disk.
        objects: the object directory, wherever it is at the moment.
    """

    def __init__(self, repository: Repository, run_id: str, *, memory: Path | None = MEMORY) -> None:
        self.repository = repository
        self.path = repository.state_dir / "quarantine" / run_id
        self.objects = self.path / "objects"
        self._benches: dict[str, Git] = {}
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        try:
            (self.path / "pack").mkdir(parents=True, exist_ok=True)
            _write(self.path / _OWNER, this_owner().encode())
            self._memory = _claim_memory(memory, self.path)
            self._budget = min(_MEMORY_BYTES, free_bytes(self._memory) // 2) if self._memory else 0
            self._free_at_start = free_bytes(self._memory) if self._memory else 0
            self._stand_in(self._memory or self.path / "on-disk")
        except OSError as error:
            remove_quarantine(self.path)
            raise OutOfSpace(
                f"cannot write {error.filename or self.path}: {error.strerror}",
                hint="free space or make the git directory writable, then run again",
            ) from error
        self.git = self._git_dir("plain", ())

    def keep_within_bounds(self) -> None:
        """Pack what is in memory to disk when it has become much. Called now and then by whoever merges."""
        if self._memory is None or self._free_at_start - free_bytes(self._memory) < self._budget:
            return
        if self._flushing.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self._flushing.release()

    def leave_memory(self) -> bool:
        """Go on with objects on disk, because memory was not enough; False when they are there already."""
        with self._flushing:
            if self._memory is None:
                return False
            memory = self._memory
            self._stand_in(self.path / "on-disk")
            self._memory = None
            self._flush(memory)
            shutil.rmtree(memory, ignore_errors=True)
            return True

    def _stand_in(self, folder: Path) -> None:
        """Make `folder` the object directory; packs are on disk in any case."""
        (folder / "info").mkdir(parents=True, exist_ok=True)
        if not (folder / "pack").is_symlink():
            (folder / "pack").symlink_to(self.path / "pack")
        _write(folder / "info" / "alternates", raw(alternate_line(self.repository.objects_dir)) + b"\n")
        swap = self.path / "objects.new"
        swap.unlink(missing_ok=True)
        swap.symlink_to(folder)
        swap.rename(self.objects)

    def _flush(self, folder: Path | None = None) -> None:
        """Pack the loose objects that are there now, then remove them; readers find them in the pack."""
        where = folder or self._memory
        assert where is not None
        # Beside objects there are files that are being written at this moment (`tmp_obj_…`).
        loose = [
            entry
            for fan in where.iterdir()
            if len(fan.name) == 2
            for entry in fan.iterdir()
            if _AN_OBJECT.fullmatch(fan.name + entry.name)
        ]
        if not loose:
            return
        names = "".join(f"{entry.parent.name}{entry.name}\n" for entry in loose).encode("ascii")
        git = replace(self.git, variables={**self.git.variables, "GIT_OBJECT_DIRECTORY": str(where)})
        git.run(
            "pack-objects",
            "--quiet",
            "--window=0",
            "--compression=1",
            str(self.path / "pack" / "pack"),
            stdin=names,
            timeout_s=600,
        )
        for entry in loose:
            entry.unlink(missing_ok=True)

    def bench(self, attributes: Sequence[tuple[str, bytes]]) -> Git:
        """git for merges under the given attribute files.

        Args:
            attributes: (path, content) of every `.gitattributes` of the target.
        """
        key = hashlib.sha256(b"".join(raw(path) + b"\0" + content + b"\0" for path, content in attributes)).hexdigest()[
            :16
        ]
        with self._lock:
            if key not in self._benches:
                self._benches[key] = self._git_dir(key, attributes)
            return self._benches[key]

    def store(self, tips: Iterable[Oid], known: Iterable[Oid], *, timeout_s: float = 600.0) -> tuple[Path, ...]:
        """Bring the new objects behind `tips` into the repository, as packs that `gc` leaves alone.

        Args:
            tips: new commits to keep.
            known: commits whose objects the repository has already.
            timeout_s: deadline in seconds.

        Returns:
            The `.keep` files that hold the packs; none when there was nothing new. Remove them once a ref pins the tips.

        Raises:
            GitError, OutOfSpace

        Source: `git help pack-objects` (--revs, --local), `git help index-pack` (--keep); both since long before 2.38.
        """
        base = sorted(set(known))
        wanted = self._new(sorted(set(tips) - set(base)))
        if not wanted:
            return ()
        size = max(_TIPS_PER_PACK, -(-len(wanted) // _PACKS_AT_ONCE))
        parts = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        with ThreadPoolExecutor(_PACKS_AT_ONCE) as pool:
            kept = list(pool.map(lambda part: self._store(part, base, timeout_s), parts))
        return tuple(keep for keep in kept if keep is not None)

    def _new(self, tips: Sequence[Oid]) -> list[Oid]:
        """Those of the commits that the repository has not."""
        gone = absent(self.repository.git, tips)
        return [tip for tip in tips if tip in gone]

    def _store(self, tips: Sequence[Oid], known: Sequence[Oid], timeout_s: float) -> Path | None:
        # --local leaves out what the repository already has, --missing what it lacks anyway (a partial copy);
        # no deltas: these objects are few, small and soon repacked.
        pack = ("pack-objects", "--revs", "--local", "--missing=allow-any", "--stdout", "--quiet")
        quick = ("--window=0", "--threads=1", "--compression=1")
        answer = self.git.run_into(
            self.repository.git,
            (*pack, *quick),
            ("index-pack", "--stdin", f"--keep=git-align {self.path.name}"),
            stdin="\n".join([*tips, *(f"^{oid}" for oid in known)]).encode("ascii") + b"\n",
            timeout_s=timeout_s,
        )
        word, _, name = text(answer).strip().partition("\t")
        if word not in ("keep", "pack") or not name:
            raise InvariantBroken(f"git index-pack answered {answer[:200]!r}")
        keep = Path(self.repository.objects_dir) / "pack" / f"pack-{name}.keep"
        return keep if keep.exists() else None

    def remove(self) -> None:
        """Delete the quarantine with everything in it."""
        remove_quarantine(self.path)

    def _git_dir(self, key: str, attributes: Sequence[tuple[str, bytes]]) -> Git:
        git_dir = self.path / f"git-{key}"
        work_tree = self.path / f"attributes-{key}"
        (git_dir / "refs").mkdir(parents=True, exist_ok=True)
        work_tree.mkdir(exist_ok=True)
        objects = git_dir / "objects"
        if not objects.is_symlink():
            objects.symlink_to(self.objects)
        lines = ["[core]", "\trepositoryformatversion = 1", "\tbare = false"]
        lines += ["[extensions]", f"\tobjectFormat = {self.repository.object_format}"]
        _write(git_dir / "config", "\n".join(lines).encode() + b"\n")
        _write(git_dir / "HEAD", b"ref: refs/heads/none\n")
        shallow = Path(self.repository.common_dir) / "shallow"
        if shallow.exists():
            shutil.copyfile(shallow, git_dir / "shallow")
        (git_dir / "info").mkdir(exist_ok=True)
        own = Path(self.repository.common_dir) / "info" / "attributes"
        if own.is_file():
            _write(git_dir / "info" / "attributes", own.read_bytes())
        for path, content in attributes:
            place = work_tree / os.fsdecode(raw(path))
            if not Path(os.path.normpath(place)).is_relative_to(work_tree):
                raise InvariantBroken(f"attribute file {path!r} lies outside the quarantine")
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, content)
        variables = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
        return Git(
            git_dir=str(git_dir),
            work_tree=str(work_tree),
            executable=self.repository.git.executable,
            gate=self.repository.git.gate,
            config=_MERGE_CONFIG,
            variables=variables,
        )

    def ungated(self, git: Git) -> Git:
        """The same git outside the process bound: for the conversations that each worker holds open."""
        return replace(git, gate=None)


def remove_quarantine(path: Path) -> None:
    """Delete a quarantine, also one whose process is gone: the folder, and what it keeps in memory."""
    pointer = path / _POINTER
    with contextlib.suppress(OSError, UnicodeDecodeError):
        memory = Path(pointer.read_text(encoding="utf-8"))
        if memory.name.startswith(_MEMORY_PREFIX) and memory.is_dir() and memory.stat().st_uid == os.geteuid():
            shutil.rmtree(memory, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def sweep_quarantines(folder: Path, *, glob: str = "*", keep: Collection[str] = ()) -> None:
    """Delete the quarantines in a folder whose process is gone.

    Args:
        folder: `<state_dir>/quarantine`.
        glob: of names to look at.
        keep: names that stay whatever became of their process; recovery deals with those.
    """
    for entry in list(folder.glob(glob)):
        if entry.name not in keep and not _is_in_use(entry):
            remove_quarantine(entry)


def _is_in_use(path: Path) -> bool:
    try:
        owner = (path / _OWNER).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return bool(owner) and owner_is_alive(owner)


def free_bytes(place: Path) -> int:
    """Free space of the file system at `place`, in bytes."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def _claim_memory(memory: Path | None, path: Path) -> Path | None:
    """A folder of our own in memory, noted on disk so that it is found after a crash; None when there is not enough."""
    try:
        if memory is None or not os.path.ismount(memory):
            return None
        _sweep(memory)
        if free_bytes(memory) < _LEAST_MEMORY_BYTES:
            return None
        claimed = Path(tempfile.mkdtemp(prefix=_MEMORY_PREFIX, dir=memory))
    except OSError:
        return None
    try:
        _write(claimed / _OWNER, this_owner().encode())
        _write(path / _POINTER, str(claimed).encode())
    except BaseException:
        shutil.rmtree(claimed, ignore_errors=True)
        raise
    return claimed


def _sweep(memory: Path) -> None:
    """Remove what dead processes of this user left in memory, also where their repository is gone."""
    for entry in memory.glob(f"{_MEMORY_PREFIX}*"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if entry.stat().st_uid == os.geteuid() and not owner_is_alive((entry / _OWNER).read_text(encoding="utf-8")):
                shutil.rmtree(entry, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def alternate_line(path: str) -> str:
    """A path as a line of `info/alternates` (quoted like C when it begins with a quote or holds a newline)."""
    if path.startswith('"') or "\n" in path or path.startswith("#"):
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return path
