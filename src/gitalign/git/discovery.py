"""Which repository is meant: git's own discovery, in the operator's environment, and refusals where two answers differ.

A variable such as `GIT_DIR` names here what it names for git, or nothing is done: acting on the repository that one
happens to stand in instead would rewrite the wrong branches.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitalign import child
from gitalign.errors import GitDied, GitTimedOut, NotARepository, UserError
from gitalign.git.alternates import alternates_variable, borrowed_stores
from gitalign.git.command import failure, said_in, text
from gitalign.git.environment import LOCATION_VARIABLES, operator_environment

_TIMEOUT_S = 30.0
_PARTS = 6  # lines of an answer before the work tree
_WHICH = ("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE")
_ELSEWHERE = {
    "GIT_COMMON_DIR": "refs and objects",
    "GIT_OBJECT_DIRECTORY": "objects",
    "GIT_INDEX_FILE": "the index",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a repository is.

    Attributes:
        common_dir: holds refs and objects; absolute, as all paths here.
        git_dir: of the work tree that is meant.
        work_tree: None in a bare repository.
        objects: the object directory.
        alternates: what `GIT_ALTERNATE_OBJECT_DIRECTORIES` adds to it, empty for nothing.
        object_format: `sha1` or `sha256`.
    """

    common_dir: str
    git_dir: str
    work_tree: str | None
    is_bare: bool
    objects: str
    alternates: str
    object_format: str


def discover(where: Path, *, executable: str, environ: Mapping[str, str]) -> Found:
    """The repository that is meant by a path and the environment together.

    Args:
        where: a work tree, a folder inside one, or a git directory; `.` stands for wherever git itself would look.
        executable: the git to ask.
        environ: the operator's.

    Raises:
        NotARepository: nothing there, not owned by this user (`safe.directory`), or of a kind git cannot open.
        GitDied, GitTimedOut: git gave no answer.
        UserError: the path, or the repository itself, says one thing and a variable another.
    """
    asking = _Asking(executable, _absolute(environ))
    is_named = where != Path()
    found = asking.parts(Path() if asking.names("GIT_DIR") else where, is_named=is_named)
    if is_named and asking.names("GIT_DIR"):
        typed = asking.without(*_WHICH).parts(where, is_named=True)
        if _differ(typed.git_dir, found.git_dir):
            raise UserError(
                f"{where} is in the repository {typed.git_dir}, but GIT_DIR names {found.git_dir}",
                hint="leave out --repo, or unset GIT_DIR",
                code="repository_differs",
            )
    _require_own_parts(asking, found)
    return _with_own_work_tree(asking, found)


def _require_own_parts(asking: _Asking, found: _Parts) -> None:
    """Refuse parts of a repository that lie elsewhere: what is made now has to be found by every later command.

    Raises:
        UserError
    """
    given = [name for name in _ELSEWHERE if asking.names(name)]
    if not given:
        return
    own = asking.without(*given).at(found.git_dir).parts(Path(), is_named=False)
    pairs = {
        "GIT_COMMON_DIR": (found.common_dir, own.common_dir),
        "GIT_OBJECT_DIRECTORY": (found.objects, own.objects),
        "GIT_INDEX_FILE": (found.index, own.index),
    }
    for name in given:
        named, usual = pairs[name]
        if _differ(named, usual):
            raise UserError(
                f"{name} names {named}, but this repository has {_ELSEWHERE[name]} in {usual}",
                hint=f"unset {name}",
                code="repository_differs",
            )


def _with_own_work_tree(asking: _Asking, found: _Parts) -> Found:
    """The work tree that is the operator's desk.

    With `GIT_DIR` alone git takes the current folder for the work tree. The one that belongs to the git directory is
    meant here, because a branch that moves has to take its real files along.

    Raises:
        UserError: `GIT_WORK_TREE` names another one than the repository's own.
    """
    work_tree = found.work_tree
    if asking.names("GIT_DIR") or asking.names("GIT_WORK_TREE"):
        own = asking.without(*_WHICH).own_work_tree(found)
        if own is not None and asking.names("GIT_WORK_TREE") and work_tree is not None and _differ(own, work_tree):
            raise UserError(
                f"GIT_WORK_TREE names {work_tree}, but the work tree of {found.git_dir} is {own}",
                hint="unset GIT_WORK_TREE",
                code="repository_differs",
            )
        work_tree = own or work_tree
    return Found(
        common_dir=found.common_dir,
        git_dir=found.git_dir,
        work_tree=work_tree,
        is_bare=found.is_bare,
        objects=os.path.realpath(found.objects),
        alternates=alternates_variable(borrowed_stores(asking.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))),
        object_format=found.object_format,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    is_bare: bool
    object_format: str
    common_dir: str
    git_dir: str
    objects: str
    index: str
    work_tree: str | None


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions to `git rev-parse`; discovery is git's own, with its ownership check."""

    executable: str
    environ: Mapping[str, str]

    def names(self, variable: str) -> bool:
        return variable in self.environ

    def without(self, *variables: str) -> _Asking:
        return _Asking(self.executable, {key: word for key, word in self.environ.items() if key not in variables})

    def at(self, git_dir: str) -> _Asking:
        return _Asking(self.executable, {**self.environ, "GIT_DIR": git_dir})

    def parts(self, where: Path, *, is_named: bool) -> _Parts:
        # A bare repository that is named is not one that was stumbled upon (`git help config`, safe.bareRepository).
        config = (("safe.bareRepository", "all"),) if is_named and _looks_bare(where) else ()
        paths = ("--git-common-dir", "--absolute-git-dir", "--git-path", "objects", "--git-path", "index")
        words = ("--is-bare-repository", "--show-object-format", *paths)
        lines = self._with_work_tree(where, words, config)
        work_tree = lines.pop() if len(lines) == _PARTS + 1 else None
        bare, object_format, *places = lines
        if len(lines) != _PARTS:  # a path holds line breaks itself
            single = (paths[:1], paths[1:2], paths[2:4], paths[4:])
            places = ["\n".join(self._lines(where, words, config)) for words in single]
            work_tree = None
        common, git_dir, objects, index = places
        if config and _differ(git_dir, str(where)):
            return self.parts(where, is_named=False)
        if work_tree is None and bare == "false":
            work_tree = self._work_tree(where, config)
        return _Parts(bare == "true", object_format, common, git_dir, objects, index, work_tree)

    def _with_work_tree(self, where: Path, words: Sequence[str], config: Sequence[tuple[str, str]]) -> list[str]:
        """The answers, with the work tree as the last one where there is one to be expected and git knows it."""
        if not config and not _looks_bare(where):
            try:
                return self._lines(where, (*words, "--show-toplevel"), config, again=False)
            except (NotARepository, GitDied):
                pass  # bare, inside a git directory, or no repository: asked without it, git says which
        return self._lines(where, words, config)

    def own_work_tree(self, found: _Parts) -> str | None:
        """The work tree that a git directory has by itself; None when it knows of none."""
        # It is named by the operator, which is trust enough for git (`git help config`, safe.directory).
        config = (("safe.directory", "*"), ("safe.bareRepository", "all"))
        linked = Path(found.git_dir) / "gitdir"
        beside = Path(found.git_dir, text(linked.read_bytes()).strip()) if linked.is_file() else Path(found.git_dir)
        for where in (beside.parent, Path(found.git_dir)):
            try:
                git_dir = "\n".join(self._lines(where, ["--absolute-git-dir"], config))
            except NotARepository:
                continue
            if not _differ(git_dir, found.git_dir) and (own := self._work_tree(where, config)) is not None:
                return own
        return None

    def _work_tree(self, where: Path, config: Sequence[tuple[str, str]]) -> str | None:
        try:
            return "\n".join(self._lines(where, ["--show-toplevel"], config))
        except NotARepository:
            if self._lines(where, ["--is-inside-work-tree"], config) == ["true"]:
                raise
            return None  # bare, or inside the git directory of a repository that has a work tree elsewhere

    def _way_out(self) -> str:
        if self.names("GIT_WORK_TREE") and not os.path.isdir(self.environ["GIT_WORK_TREE"]):
            return f"unset GIT_WORK_TREE, which names no folder: {self.environ['GIT_WORK_TREE'] or 'it is empty'}"
        if self.names("GIT_DIR"):
            return "unset GIT_DIR"
        return "cd into a clone, or give --repo PATH (for ownership complaints: git help config, safe.directory)"

    def _lines(
        self, where: Path, words: Sequence[str], config: Sequence[tuple[str, str]], *, again: bool = True
    ) -> list[str]:
        env = operator_environment(source=self.environ, config=config)
        env.update({name: self.environ[name] for name in LOCATION_VARIABLES if name in self.environ})
        argv = [self.executable, "rev-parse", "--path-format=absolute", *words]
        try:
            done = child.run(argv, env=env, cwd=where, timeout_s=_TIMEOUT_S)
            if (
                done.returncode != 0 and again
            ):  # a failure that passes must not read as "no repository", or as "no work tree"
                done = child.run(argv, env=env, cwd=where, timeout_s=_TIMEOUT_S)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotARepository(f"no such directory: {where}") from error
        except child.ChildTimedOut as late:
            raise GitTimedOut(str(late), hint="look at what holds the repository") from late
        if done.returncode < 0:
            raise failure(done)
        if done.returncode != 0:
            named = f"GIT_DIR={self.environ['GIT_DIR']}" if self.names("GIT_DIR") else where
            raise NotARepository(
                f"{named} is not a repository git can open: {said_in(done.stderr)}",
                hint=self._way_out(),
            )
        return text(done.stdout).removesuffix("\n").split("\n")


def _absolute(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that name places, made independent of the folder git is started in."""
    made = dict(environ)
    for name in (*_WHICH, "GIT_OBJECT_DIRECTORY"):
        if made.get(name):
            made[name] = os.path.abspath(made[name])
    return made


def _looks_bare(where: Path) -> bool:
    return (where / "HEAD").exists() and (where / "objects").is_dir() and not (where / ".git").exists()


def _differ(one: str, other: str) -> bool:
    return os.path.realpath(one) != os.path.realpath(other)
