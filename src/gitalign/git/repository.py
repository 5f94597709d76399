"""Opening a repository: where its parts are, and whether git-align can work on it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from gitalign.child import ChildRegister
from gitalign.core.push_orders import PushExtras, PushOrder, PushVerdict
from gitalign.errors import GitTooOld, NotARepository
from gitalign.git.alternates import borrowed_stores, object_stores
from gitalign.git.command import Git, ProcessGate, text
from gitalign.git.discovery import discover
from gitalign.git.program import git_version

MINIMUM_GIT = (2, 38)


class Fence(Protocol):
    """What every push of a repository passes, see `gitalign.git.fence`."""

    def push(
        self, repository: Repository, remote: str, orders: Sequence[PushOrder], extras: PushExtras
    ) -> tuple[PushVerdict, ...]:
        """Push branches as `gitalign.git.push.push` does, together with the fence."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository and the git bound to it.

    Attributes:
        common_dir: absolute path of the git directory that holds refs and objects.
        git_dir: absolute git directory of the work tree it was opened from.
        work_tree: absolute path of that work tree, None in a bare repository.
        objects_dir: absolute path of the object store.
        object_format: `sha1` or `sha256`.
        git: git bound to `common_dir`, without work tree, in the environment for deciding.
        operator: git as the operator uses it here: bound to `git_dir` and `work_tree`, in the operator's environment.
        git_version: as numbers.
        fence: what every push passes, where other machines may push for the same purpose; None without.
    """

    common_dir: str
    git_dir: str
    work_tree: str | None
    is_bare: bool
    objects_dir: str
    object_format: str
    git: Git
    operator: Git
    git_version: tuple[int, ...]
    fence: Fence | None = field(default=None, compare=False)

    @property
    def state_dir(self) -> Path:
        """Where git-align keeps its database, quarantines, reports and logs."""
        return Path(self.common_dir) / "gitalign"

    @property
    def is_shallow(self) -> bool:
        """True when history ends at a shallow boundary."""
        return (Path(self.common_dir) / "shallow").exists()

    def history_marks(self) -> bytes:
        """What makes history other than the ids of commits say: where a shallow copy ends, and grafts. Empty where nothing does.

        Source: `git help gitrepository-layout` (shallow, info/grafts).
        """
        files = [Path(self.common_dir) / name for name in ("shallow", "info/grafts")]
        return b"\0".join(file.read_bytes() for file in files if file.is_file())

    def object_stores(self) -> tuple[Path, ...]:
        """Every object directory that git reads here, `objects_dir` last."""
        borrowed = borrowed_stores(self.git.variables.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))
        return object_stores(Path(self.objects_dir), borrowed)

    def gated(self, gate: ProcessGate) -> Repository:
        """The same repository with a bound on live git processes."""
        return replace(self, git=replace(self.git, gate=gate))

    def known_to(self, processes: ChildRegister) -> Repository:
        """The same repository, whose git processes are ended with others by a register."""
        git, operator = (replace(one, processes=processes) for one in (self.git, self.operator))
        return replace(self, git=git, operator=operator)


def sharing(repository: Repository) -> str:
    """How a repository's files are shared among users, as `core.sharedRepository` says; `umask` where it says nothing.

    Raises:
        GitError
    """
    done = repository.git.run("config", "--get", "core.sharedRepository", accept=(0, 1))
    return text(done.stdout).removesuffix("\n") if done.returncode == 0 else "umask"


def is_without_work_tree(repository: Repository) -> bool:
    """True for a bare repository that never had a work tree of its own: its HEAD says which branch clones take for the default one.

    `core.bare` is set by mistake, too; HEAD is then on whatever was checked out. A repository with an index had a work tree.
    """
    return repository.is_bare and not (Path(repository.common_dir) / "index").exists()


def head_of(repository: Repository) -> str | None:
    """Full name of the branch that HEAD is on: that of the main work tree, or of a bare repository. None when it is detached.

    Raises:
        GitError

    Source: `git help symbolic-ref` (-q: exit 1 when HEAD is detached).
    """
    done = repository.git.run("symbolic-ref", "-q", "HEAD", accept=(0, 1))
    return text(done.stdout).removesuffix("\n") or None


def open_repository(
    path: str | Path = ".", *, executable: str = "git", environ: Mapping[str, str] | None = None
) -> Repository:
    """Find the repository that is meant.

    Args:
        path: a work tree, a folder inside one, a git directory or a bare repository; `.` for what git itself would take
            here, `GIT_DIR` and its like included.
        executable: the git to use from now on.
        environ: the operator's environment, which git inherits from; that of the process by default.

    Raises:
        NotARepository: nothing there, not owned by this user (`safe.directory`), or of a kind git cannot open.
        UserError: the path names one repository, and a variable such as `GIT_DIR` another.
        GitTooOld: before 2.38, whose `merge-tree` cannot write trees.
    """
    where = Path(path)
    if not where.is_dir():
        raise NotARepository(f"no such directory: {where}", hint="give the path of a repository with --repo PATH")
    version = git_version(executable, path=_path_of(environ))
    if version < MINIMUM_GIT:
        raise GitTooOld(
            f"git {'.'.join(map(str, version))} is too old; 2.38 or newer is needed", hint="install a newer git"
        )
    found = discover(where, executable=executable, environ=os.environ if environ is None else environ)
    borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": found.alternates} if found.alternates else {}
    return Repository(
        common_dir=found.common_dir,
        git_dir=found.git_dir,
        work_tree=found.work_tree,
        is_bare=found.is_bare,
        objects_dir=found.objects,
        object_format=found.object_format,
        git=Git(git_dir=found.common_dir, executable=executable, variables=borrowed, inherited=environ),
        operator=Git(
            git_dir=found.git_dir,
            work_tree=found.work_tree,
            executable=executable,
            variables=borrowed,
            is_operators=True,
            inherited=environ,
        ),
        git_version=version,
    )


def _path_of(environ: Mapping[str, str] | None) -> str | None:
    return None if environ is None else environ.get("PATH")
