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
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.errors import InvariantBroken, OutOfSpace
from gitalign.git.command import Git, raw, text
from gitalign.git.repository import Repository

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
)


class Quarantine:
    """Private object store and git directories of one run.

    Args:
        repository: the repository behind it.
        run_id: names the folder `<state_dir>/quarantine/<run_id>`.
    """

    def __init__(self, repository: Repository, run_id: str) -> None:
        self.repository = repository
        self.path = repository.state_dir / "quarantine" / run_id
        self._objects = self.path / "objects"
        self._benches: dict[str, Git] = {}
        self._lock = threading.Lock()
        try:
            (self._objects / "info").mkdir(parents=True, exist_ok=True)
            (self._objects / "pack").mkdir(exist_ok=True)
            _write(self._objects / "info" / "alternates", raw(_quoted(repository.objects_dir)) + b"\n")
        except OSError as error:
            raise OutOfSpace(
                f"cannot write {error.filename or self.path}: {error.strerror}",
                hint="free space or make the git directory writable, then run again",
            ) from error
        self.git = self._git_dir("plain", ())

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

    def store(self, tips: Iterable[Oid], known: Iterable[Oid], *, timeout_s: float = 600.0) -> Path | None:
        """Bring the new objects behind `tips` into the repository as one pack that `gc` leaves alone.

        Args:
            tips: new commits to keep.
            known: commits whose objects the repository has already.
            timeout_s: deadline in seconds for each of the two git processes.

        Returns:
            Path of the `.keep` file that holds the pack, None when there was nothing new. Remove it once a ref pins the tips.

        Source: `git help pack-objects` (--revs, --local), `git help index-pack` (--keep); both since long before 2.38.
        """
        wanted = sorted(set(tips))
        if not wanted:
            return None
        revisions = "\n".join([*wanted, *(f"^{oid}" for oid in sorted(set(known)))]).encode("ascii") + b"\n"
        # --local leaves out what the repository already has, --missing what it lacks anyway (a partial copy);
        # no deltas: these objects are few, small and soon repacked.
        packed = self.git.run(
            "pack-objects",
            "--revs",
            "--local",
            "--missing=allow-any",
            "--stdout",
            "--window=0",
            "--quiet",
            "--threads=1",
            stdin=revisions,
            timeout_s=timeout_s,
        )
        if packed.stdout[8:12] == b"\0\0\0\0":
            return None
        done = self.repository.git.run(
            "index-pack", "--stdin", f"--keep=git-align {self.path.name}", stdin=packed.stdout, timeout_s=timeout_s
        )
        word, _, name = text(done.stdout).strip().partition("\t")
        if word not in ("keep", "pack") or not name:
            raise InvariantBroken(f"git index-pack answered {done.stdout[:200]!r}")
        keep = Path(self.repository.objects_dir) / "pack" / f"pack-{name}.keep"
        return keep if keep.exists() else None

    def remove(self) -> None:
        """Delete the quarantine with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def _git_dir(self, key: str, attributes: Sequence[tuple[str, bytes]]) -> Git:
        git_dir = self.path / f"git-{key}"
        work_tree = self.path / f"attributes-{key}"
        (git_dir / "refs").mkdir(parents=True, exist_ok=True)
        work_tree.mkdir(exist_ok=True)
        objects = git_dir / "objects"
        if not objects.is_symlink():
            objects.symlink_to(self._objects)
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


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _quoted(path: str) -> str:
    """A path as a line of `info/alternates` (quoted like C when it begins with a quote or holds a newline)."""
    if path.startswith('"') or "\n" in path or path.startswith("#"):
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return path
