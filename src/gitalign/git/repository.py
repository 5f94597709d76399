"""Opening a repository: where its parts are, and whether git-align can work on it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from gitalign import child
from gitalign.errors import GitMissing, GitTooOld, NotARepository
from gitalign.git.command import Git, ProcessGate, environment, text

MINIMUM_GIT = (2, 38)
KNOWN_EXTENSIONS = frozenset(
    {
        "noop",
        "objectformat",
        "refstorage",
        "worktreeconfig",
        "partialclone",
        "preciousobjects",
        "noop-v1",
        "compatobjectformat",
        "relativeworktrees",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository and the git bound to it.

    Attributes:
        common_dir: absolute path of the git directory that holds refs and objects.
        git_dir: absolute git directory of the work tree it was opened from.
        work_tree: absolute path of that work tree, None in a bare repository.
        objects_dir: absolute path of the object store.
        object_format: `sha1` or `sha256`.
        git: git bound to `common_dir`, without work tree.
        git_version: as numbers.
    """

    common_dir: str
    git_dir: str
    work_tree: str | None
    is_bare: bool
    objects_dir: str
    object_format: str
    git: Git
    git_version: tuple[int, ...]

    @property
    def state_dir(self) -> Path:
        """Where git-align keeps its database, quarantines, reports and logs."""
        return Path(self.common_dir) / "gitalign"

    @property
    def is_shallow(self) -> bool:
        """True when history ends at a shallow boundary."""
        return (Path(self.common_dir) / "shallow").exists()

    def gated(self, gate: ProcessGate) -> Repository:
        """The same repository with a bound on live git processes."""
        return replace(self, git=replace(self.git, gate=gate))


def git_version(executable: str = "git") -> tuple[int, ...]:
    """Version of a git executable as numbers.

    Raises:
        GitMissing: when it cannot be started.
    """
    try:
        done = child.run([executable, "version"], env=environment(), timeout_s=30)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise GitMissing(f"cannot start {executable}", hint="install git 2.38 or newer, or put it on PATH") from error
    found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    if not found:
        raise GitMissing(f"{executable} does not answer like git", hint="put a working git 2.38 or newer on PATH")
    return tuple(int(part) for part in found.groups() if part)


def open_repository(path: str | Path, *, executable: str = "git") -> Repository:
    """Find the repository that `path` is in.

    Args:
        path: a work tree, a folder inside one, a git directory or a bare repository.
        executable: the git to use from now on.

    Raises:
        NotARepository: nothing there, not owned by this user (`safe.directory`), or of a kind git cannot open.
        GitTooOld: before 2.38, whose `merge-tree` cannot write trees.
    """
    where = Path(path)
    if not where.is_dir():
        raise NotARepository(f"no such directory: {where}", hint="give the path of a repository with --repo PATH")
    version = git_version(executable)
    if version < MINIMUM_GIT:
        raise GitTooOld(
            f"git {'.'.join(map(str, version))} is too old; 2.38 or newer is needed", hint="install a newer git"
        )
    bare, object_format = _ask(executable, where, "--is-bare-repository", "--show-object-format")
    common, git_dir, objects = (
        _ask_path(executable, where, *words)
        for words in (["--git-common-dir"], ["--absolute-git-dir"], ["--git-path", "objects"])
    )
    work_tree: str | None = None
    if bare == "false":
        try:
            work_tree = _ask_path(executable, where, "--show-toplevel")
        except NotARepository:
            work_tree = None  # inside the git directory of a repository that has a work tree elsewhere
    return Repository(
        common_dir=common,
        git_dir=git_dir,
        work_tree=work_tree,
        is_bare=bare == "true",
        objects_dir=os.path.realpath(objects),
        object_format=object_format,
        git=Git(git_dir=common, executable=executable),
        git_version=version,
    )


def _ask(executable: str, where: Path, *words: str) -> list[str]:
    """Answers of `git rev-parse`, one per line; discovery is git's own, with its ownership check."""
    done = child.run(
        [executable, "rev-parse", "--path-format=absolute", *words], env=environment(), cwd=where, timeout_s=60
    )
    if done.returncode != 0:
        raise NotARepository(
            f"{where} is not a repository git can open: {text(done.stderr).strip()}",
            hint="cd into a clone, or give --repo PATH (for ownership complaints: git help config, safe.directory)",
        )
    return text(done.stdout).removesuffix("\n").split("\n")


def _ask_path(executable: str, where: Path, *words: str) -> str:
    """A path, which may hold newlines itself."""
    return "\n".join(_ask(executable, where, *words))
