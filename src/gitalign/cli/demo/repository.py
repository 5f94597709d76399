"""The sample repository on disk: a remote, a clone of it, and a work tree in which a colleague has begun something."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitalign import child
from gitalign.cli.demo.history import Sample, sample
from gitalign.git.command import Git, failure_of, raw
from gitalign.git.environment import deciding_environment


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """Where everything is.

    Attributes:
        folder: holds all of it, and nothing else.
        clone: the repository to work in.
        remote: the bare repository it was cloned from.
        here: how many branches the clone has.
        elsewhere: how many only the remote has.
    """

    folder: Path
    clone: Path
    remote: Path
    here: int
    elsewhere: int


def build(folder: Path, *, branches: int) -> DemoPlaces:
    """Make the sample repository.

    Args:
        folder: an empty or missing folder; made absolute.
        branches: about how many branches.

    Raises:
        GitError
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    remote, clone = folder / "remote.git", folder / "sample"
    made = sample(branches)
    pushed = [name for name in made.branches if name not in made.only_local]
    _git("init", "--quiet", "--bare", "--initial-branch=main", str(remote), cwd=folder)
    Git(git_dir=str(remote)).run("fast-import", "--quiet", stdin=made.stream)
    _git("clone", "--quiet", "--no-local", str(remote), str(clone), cwd=folder)
    git = Git(git_dir=str(clone / ".git"), work_tree=str(clone))
    tips = _take(git, made, pushed)
    bare = Git(git_dir=str(remote))
    bare.run("update-ref", "--stdin", stdin=b"".join(b"delete refs/heads/%b\n" % raw(name) for name in made.only_local))
    for name in made.only_local:
        git.run("update-ref", "-d", f"refs/remotes/origin/{name}")
    begun = folder / "work-in-progress"
    git.run("worktree", "add", "--quiet", str(begun), made.checked_out)
    (begun / "shop" / "stock.py").write_text('"""Work in progress."""\n', encoding="utf-8")
    return DemoPlaces(folder=folder, clone=clone, remote=remote, here=tips, elsewhere=len(made.only_remote))


def _take(git: Git, made: Sample, pushed: list[str]) -> int:
    """Make the local branches, with the upstreams that `git branch --track` would write."""
    for key, value in (("user.name", "Sample Operator"), ("user.email", "operator@example.org")):
        git.run("config", key, value)
    here = [name for name in made.branches if name not in made.only_remote]
    order = b"".join(
        b"create refs/heads/%b refs/remotes/origin/%b\n" % (raw(name), raw(name)) for name in here if name != "main"
    )
    git.run("update-ref", "--stdin", stdin=order)
    tracked = [name for name in here if name in set(pushed) and name != "main"]
    with (Path(git.git_dir) / "config").open("ab") as config:
        for name in tracked:
            config.write(b'[branch "%b"]\n\tremote = origin\n\tmerge = refs/heads/%b\n' % (raw(name), raw(name)))
    return len(here)


def _git(*words: str, cwd: Path) -> None:
    done = child.run(["git", *words], env=deciding_environment(), cwd=cwd, timeout_s=60)
    if done.returncode:
        raise failure_of(done.argv, done.returncode, done.stderr)
