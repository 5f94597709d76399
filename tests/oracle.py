"""The judge: what git itself makes of a branch, in a work tree of its own."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
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
)
KEPT_FORMAT = "%T%x00%an%x00%ae%x00%ad%x00%B%x01"


@dataclass(frozen=True)
class Judgement:
    """git's verdict.

    Attributes:
        kept: tree, author, date and message of every commit above the target, newest first.
        stopped_at: the commit that conflicted.
        entries: conflicted (mode, id, stage, path), as the index holds them.
    """

    is_clean: bool
    has_crashed: bool = False
    tree: str = ""
    kept: str = ""
    stopped_at: str = ""
    entries: frozenset[tuple[str, str, str, str]] = frozenset()


class Judge:
    """Rebases and merges in a linked work tree of a repository.

    Args:
        repository: a repository whose refs stay as they are.
        place: where the work tree may be.
        start: any branch of the repository.
    """

    def __init__(self, repository: Path, place: Path, *, executable: str = "git", start: str = "main") -> None:
        self._repository = repository
        self._place = place
        self._executable = executable
        self._git(repository, "worktree", "add", "-q", "--detach", "--no-checkout", str(place), start)

    def rebase(self, tip: str, onto: str) -> Judgement:
        """`git rebase <onto>` with the branch's tip checked out."""
        self._stand_at(tip)
        if self._crashes("rebase", "-q", "--no-autosquash", "--no-gpg-sign", onto):
            return Judgement(False, has_crashed=True)
        folder = Path(self._git(self._place, "rev-parse", "--path-format=absolute", "--git-path", "rebase-merge"))
        if folder.exists():
            stopped = self._git(self._place, "rev-parse", "REBASE_HEAD")
            judged = Judgement(False, stopped_at=stopped, entries=self._entries())
            self._git(self._place, "rebase", "--abort", check=False)
            shutil.rmtree(folder, ignore_errors=True)
            return judged
        return Judgement(
            True,
            tree=self._git(self._place, "rev-parse", "HEAD^{tree}"),
            kept=kept(self._repository, self._git(self._place, "rev-parse", "HEAD"), onto),
        )

    def head(self) -> str:
        """The commit that stands there now."""
        return self._git(self._place, "rev-parse", "HEAD")

    def recreate(self, tip: str, onto: str) -> Judgement:
        """`git rebase --rebase-merges <onto>` with the branch's tip checked out; `kept` is the shape of what it made."""
        self._stand_at(tip)
        if self._crashes("rebase", "-q", "--rebase-merges", "--no-autosquash", "--no-gpg-sign", onto):
            return Judgement(False, has_crashed=True)
        folder = Path(self._git(self._place, "rev-parse", "--path-format=absolute", "--git-path", "rebase-merge"))
        if folder.exists():
            done = (folder / "done").read_text().splitlines()[-1].split()
            name = done[2] if done[0] in ("merge", "m") else done[1]
            judged = Judgement(False, stopped_at=self._git(self._place, "rev-parse", name), entries=self._entries())
            self._git(self._place, "rebase", "--abort", check=False)
            shutil.rmtree(folder, ignore_errors=True)
            return judged
        head = self._git(self._place, "rev-parse", "HEAD")
        return Judgement(
            True, tree=self._git(self._place, "rev-parse", "HEAD^{tree}"), kept=shape(self._repository, head, onto)
        )

    def merge(self, tip: str, target: str, *, ff: bool = True) -> Judgement:
        """`git merge <target>` with the branch's tip checked out; `--no-ff` on request."""
        self._stand_at(tip)
        if self._crashes("merge", "-q", "--no-edit", "--no-gpg-sign", "--ff" if ff else "--no-ff", target):
            return Judgement(False, has_crashed=True)
        head = Path(self._git(self._place, "rev-parse", "--path-format=absolute", "--git-path", "MERGE_HEAD"))
        if head.exists():
            judged = Judgement(False, entries=self._entries())
            self._git(self._place, "merge", "--abort", check=False)
            return judged
        return Judgement(True, tree=self._git(self._place, "rev-parse", "HEAD^{tree}"))

    def _crashes(self, *words: str) -> bool:
        """True when git itself dies of a signal on these commits (it has such bugs); what it left is cleared away."""
        try:
            git(self._place, *_QUIET, *words, executable=self._executable)
        except AssertionError as error:
            said = str(error)
            if "Assertion `" not in said and "BUG:" not in said:
                return False
            folder = Path(self._git(self._place, "rev-parse", "--absolute-git-dir"))
            for left in ("index.lock", "HEAD.lock", "MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD"):
                (folder / left).unlink(missing_ok=True)
            shutil.rmtree(folder / "rebase-merge", ignore_errors=True)
            return True
        return False

    def _stand_at(self, tip: str) -> None:
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
