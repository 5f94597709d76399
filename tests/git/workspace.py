"""A scratch repository for tests of the git room: real git, fixed identity and clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.git.quick_commit import NotOrdinary, quick_commit, quick_switch, tip

IDENTITY = {
    "GIT_AUTHOR_NAME": "A U Thor",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@cache
def _template(git: str, object_format: str, umask: int) -> Path:
    """The git directory of an empty repository. Copying it is ten times as fast as making it."""
    folder = Path(tempfile.mkdtemp(prefix="template-"))
    env = {**os.environ, **IDENTITY}
    for words in (
        ["init", "-q", "-b", "main", f"--object-format={object_format}"],
        ["config", "user.name", "O Perator"],
        ["config", "user.email", "operator@example.org"],
    ):
        subprocess.run([git, *words], cwd=folder, check=True, capture_output=True, env=env)
    for hook in (folder / ".git" / "hooks").iterdir():
        if hook.name != "pre-push.sample":  # one sample tells as much as a dozen, and is copied as often
            hook.unlink()
    return folder / ".git"


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


class Workspace:
    """A repository with a work tree, and a clock that ticks a minute per commit."""

    def __init__(self, path: Path, *, git: str = "git", object_format: str = "sha1") -> None:
        self.path = path
        self.executable = git
        self._minute = 0
        path.mkdir(parents=True, exist_ok=True)
        if not (path / ".git").exists():
            shutil.copytree(_template(shutil.which(git) or git, object_format, _umask()), path / ".git")
        else:  # a clone that a test made
            self.git("config", "user.name", "O Perator")
            self.git("config", "user.email", "operator@example.org")

    def git(self, *words: str, stdin: bytes = b"", check: bool = True, env: dict[str, str] | None = None) -> str:
        """Output of a git command."""
        full = {**os.environ, **self._identity(), **(env or {})}
        done = subprocess.run(
            [self.executable, *words], cwd=self.path, input=stdin, capture_output=True, env=full, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def _identity(self) -> dict[str, str]:
        clock = f"{1_700_000_000 + 60 * self._minute} +0000"
        return {**IDENTITY, "GIT_AUTHOR_DATE": clock, "GIT_COMMITTER_DATE": clock}

    def commit(
        self, message: str, files: Mapping[str, bytes | None] | None = None, *, allow_empty: bool = False
    ) -> str:
        """Write, add and commit files (None removes one); the commit's id."""
        self._minute += 1
        for name, content in (files or {}).items():
            place = self.path / name
            if content is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        template = _template(shutil.which("git") or "git", "sha1", _umask())
        commit = quick_commit(self.path / ".git", message, self._identity(), template, may_be_empty=allow_empty)
        if commit is not None:
            return commit
        self.git("add", "-A")
        # Looking each time whether there is something to tidy up costs as much as the commit.
        words = ["-c", "gc.auto=0", "-c", "maintenance.auto=false", "commit", "-q", "-m", message]
        self.git(*words, *(["--allow-empty"] if allow_empty else []))
        return self._head()

    def _head(self) -> str:
        """Id of the commit that is checked out; read from its file, where there is one."""
        try:
            head = (self.path / ".git" / "HEAD").read_text().strip()
            return (self.path / ".git" / head.removeprefix("ref: ")).read_text().strip()
        except OSError:
            return self.git("rev-parse", "HEAD")

    def switch(self, branch: str, start: str | None = None) -> None:
        """Check a branch out, made at `start` when given."""
        template = _template(shutil.which("git") or "git", "sha1", _umask())
        if quick_switch(self.path / ".git", branch, start, self._identity(), template):
            return
        self.git("checkout", "-q", *(["-b", branch, start] if start else [branch]))

    def tip(self, name: str) -> str:
        """Id of a revision."""
        try:
            return tip(self.path / ".git", name)
        except NotOrdinary:
            return self.git("rev-parse", "--verify", name)
