"""The judge: what git itself makes of a branch, in a work tree of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.histories import git

_QUIET = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "advice.detachedHead=false",
    "-c",
    "core.fileMode=true",
    "-c",
    "core.autocrlf=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
)
KEPT_FORMAT = "%T%x00%an%x00%ae%x00%ad%x00%B%x01"


@dataclass(frozen=True)
class Judgement:
    """git's verdict.

    Attributes:
        head: the commit that it made.
        kept: tree, author, date and message of every commit above the target, newest first.
        stopped_at: the commit that conflicted.
        entries: conflicted (mode, id, stage, path), as the index holds them.
        repository: holds every object that is named here.
    """

    is_clean: bool
    has_crashed: bool = False
    head: str = ""
    tree: str = ""
    kept: str = ""
    stopped_at: str = ""
    entries: frozenset[tuple[str, str, str, str]] = frozenset()
    repository: Path = Path()


class Judge:
    """Rebases and merges in a linked work tree of a repository; what it was asked before it knows.

    Args:
        repository: a repository whose refs stay as they are.
        place: where the work tree may be.
        start: any branch of the repository."""

    def __init__(self, repository: Path, place: Path, *, executable: str = "git", start: str = "main") -> None:
        self._repository = repository
        self._place = place
        self._executable = executable
        self._git(repository, "worktree", "add", "-q", "--detach", "--no-checkout", str(place), start)
        self._state = Path(self._git(place, "rev-parse", "--absolute-git-dir"))
        self._is_dirty = False
        self._failure: AssertionError | None = None
        self._known: dict[tuple[str, ...], Judgement] = {}

    def rebase(self, tip: str, onto: str) -> Judgement:
        """`git rebase <onto>` with the branch's tip checked out."""
        return self._once(("rebase", tip, onto), lambda: self._rebase(tip, onto))

    def _once(self, asked: tuple[str, ...], judge: Callable[[], Judgement]) -> Judgement:
        if asked not in self._known:
            self._known[asked] = replace(judge(), repository=self._repository)
            self._is_dirty = not self._known[asked].is_clean
        return self._known[asked]

    def _rebase(self, tip: str, onto: str) -> Judgement:
        self._stand_at(tip)
        if self._crashes("rebase", "-q", "--no-autosquash", "--no-gpg-sign", onto):
            return Judgement(False, has_crashed=True)
        folder = self._state / "rebase-merge"
        if folder.exists():
            stopped = self._git(self._place, "rev-parse", "REBASE_HEAD")
            judged = Judgement(False, stopped_at=stopped, entries=self._entries())
            self._git(self._place, "rebase", "--abort", check=False)
            shutil.rmtree(folder, ignore_errors=True)
            return judged
        self._require_success()
        head, tree = self._git(self._place, "rev-parse", "HEAD", "HEAD^{tree}").split()
        return Judgement(True, head=head, tree=tree, kept=kept(self._repository, head, onto))

    def recreate(self, tip: str, onto: str) -> Judgement:
        """`git rebase --rebase-merges <onto>` with the branch's tip checked out; `kept` is the shape of what it made."""
        return self._once(("recreate", tip, onto), lambda: self._recreate(tip, onto))

    def _recreate(self, tip: str, onto: str) -> Judgement:
        self._stand_at(tip)
        if self._crashes("rebase", "-q", "--rebase-merges", "--no-autosquash", "--no-gpg-sign", onto):
            return Judgement(False, has_crashed=True)
        folder = self._state / "rebase-merge"
        if folder.exists():
            done = (folder / "done").read_text().splitlines()[-1].split()
            name = done[2] if done[0] in ("merge", "m") else done[1]
            judged = Judgement(False, stopped_at=self._git(self._place, "rev-parse", name), entries=self._entries())
            self._git(self._place, "rebase", "--abort", check=False)
            shutil.rmtree(folder, ignore_errors=True)
            return judged
        self._require_success()
        head, tree = self._git(self._place, "rev-parse", "HEAD", "HEAD^{tree}").split()
        return Judgement(True, head=head, tree=tree, kept=shape(self._repository, head, onto))

    def merge(self, tip: str, target: str, *, ff: bool = True) -> Judgement:
        """`git merge <target>` with the branch's tip checked out; `--no-ff` on request."""
        return self._once(("merge", tip, target, str(ff)), lambda: self._merge(tip, target, ff=ff))

    def _merge(self, tip: str, target: str, *, ff: bool) -> Judgement:
        self._stand_at(tip)
        if self._crashes("merge", "-q", "--no-edit", "--no-gpg-sign", "--ff" if ff else "--no-ff", target):
            return Judgement(False, has_crashed=True)
        if (self._state / "MERGE_HEAD").exists():
            judged = Judgement(False, entries=self._entries())
            self._git(self._place, "merge", "--abort", check=False)
            return judged
        self._require_success()
        head, tree = self._git(self._place, "rev-parse", "HEAD", "HEAD^{tree}").split()
        return Judgement(True, head=head, tree=tree)

    def _crashes(self, *words: str) -> bool:
        """True when git itself dies of a signal on these commits (it has such bugs); what it left is cleared away."""
        self._failure = None
        try:
            git(self._place, *_QUIET, *words, executable=self._executable)
        except AssertionError as error:
            said = str(error)
            if "Assertion `" not in said and "BUG:" not in said:
                self._failure = error
                return False
            for left in ("index.lock", "HEAD.lock", "MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD"):
                (self._state / left).unlink(missing_ok=True)
            shutil.rmtree(self._state / "rebase-merge", ignore_errors=True)
            return True
        return False

    def _require_success(self) -> None:
        """Neither a conflict nor a result: git could not do it at all, for want of an object, and has no verdict.

        Raises:
            AssertionError: what git said.
        """
        if self._failure is not None:
            self._is_dirty = True
            raise self._failure

    def _stand_at(self, tip: str) -> None:
        if self._is_dirty:
            self._git(self._place, "reset", "-q", "--hard", check=False)
        self._git(self._place, "checkout", "-q", "-f", "--detach", tip)
        self._git(self._place, "clean", "-qfdx")

    def _entries(self) -> frozenset[tuple[str, str, str, str]]:
        found = set()
        for line in self._git(self._place, "ls-files", "-u", "-z").split("\0"):
            if line:
                meta, _, path = line.partition("\t")
                mode, oid, stage = meta.split(" ")
                found.add((mode, oid, stage, path))
        return frozenset(found)

    def _git(self, where: Path, *words: str, check: bool = True) -> str:
        return git(where, *_QUIET, *words, check=check, executable=self._executable)


def kept(repository: Path, tip: str, onto: str) -> str:
    """Tree, author, date and message of every commit above the target."""
    return git(repository, "log", "--no-show-signature", f"--format={KEPT_FORMAT}", "--date=raw", f"{onto}..{tip}")


def shape(repository: Path, tip: str, onto: str) -> str:
    """Tree, author, date, message and parents of every commit above the target; committers, who differ, left out."""
    listed = git(
        repository,
        "log",
        "--no-show-signature",
        "--topo-order",
        "--reverse",
        "--format=%H%x00%P%x00" + KEPT_FORMAT,
        "--date=raw",
        f"{onto}..{tip}",
    )
    names: dict[str, str] = {}
    for row in filter(None, (row.lstrip("\n") for row in listed.split("\x01"))):
        oid, parents, said = row.split("\0", 2)
        above = " ".join(names.get(parent, parent) for parent in parents.split())
        names[oid] = hashlib.sha256(f"{above}\0{said}".encode("utf-8", "surrogateescape")).hexdigest()
    return names.get(tip, tip)
