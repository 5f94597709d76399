"""Runs the `console` blocks of a document, in order, as a reader would type them.

A line that starts with `$ ` is a command; the lines below it are what it prints. Printed lines have to come in this order,
anywhere in the output; runs of spaces count as one, and `…` stands for anything. A command ends with 0, or with the
number N that its comment names: `# exit code N`. Where git-align asks before it acts, the answer is yes.

A block below the words "Save this as `NAME`:" is written to a file of that name.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests import warm
from tests.git.workspace import IDENTITY

_ASKS_FIRST = frozenset({"run", "push", "undo", "resume", "prune", "restore", "resolve"})
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STEP = re.compile(
    r"^```console\n.*?^```|Save\sthis\sas\s`(?P<name>[^`]+)`:\n\n```\w*\n(?P<content>.*?)^```", re.MULTILINE | re.DOTALL
)
_SHELL = re.compile(r"[|<>;&$`]")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a document, and what the document says that it prints."""

    words: str
    printed: tuple[str, ...]
    code: int


@dataclass(slots=True)
class Reader:
    """Somebody who types what a document says.

    Attributes:
        place: the working directory; `cd` changes it.
        variables: of the environment, beside those of the tests.
        ran: every command so far.
    """

    place: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def follow(self, document: Path) -> None:
        """Type every command of a document; fails at the first one that prints something else."""
        for step in _STEP.finditer(document.read_text()):
            if step["name"] is not None:
                (self.place / step["name"]).write_text(step["content"])
            for typed in commands(step[0]):
                self._follow(typed)

    def _follow(self, typed: Typed) -> None:
        code, printed = self._type(typed.words)
        self.ran.append(typed.words)
        assert code == typed.code, f"$ {typed.words}\nexit code {code}, not {typed.code}\n{printed}"
        missing = first_missing(typed.printed, printed)
        assert missing is None, f"$ {typed.words}\ndoes not print (in this order): {missing}\nbut:\n{printed}"

    def _type(self, line: str) -> tuple[int, str]:
        words = shlex.split(line, comments=True)
        env = {**IDENTITY, "COLUMNS": "80", **self.variables}
        if words[0] == "cd":
            self.place = (self.place / words[1]).resolve()
            return (0 if self.place.is_dir() else 1), ""
        if words[:2] == ["git", "align"] and not _SHELL.search(re.sub(r"\s#.*", "", line)):
            verb = words[3] if words[2:3] == ["batch"] else words[2] if len(words) > 2 else ""
            sure = ["--yes"] if verb in _ASKS_FIRST and "--yes" not in words else []
            done = warm.run(*words[2:], *sure, cwd=self.place, env=env)
        else:
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self.place,
                env={**os.environ, **env},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        return done.returncode, done.stdout + done.stderr


def commands(text: str) -> Iterator[Typed]:
    """The commands of all blocks of a document."""
    for block in _BLOCK.findall(text):
        typed: str | None = None
        printed: list[str] = []
        for line in [*block.splitlines(), "$ "]:
            if not line.startswith("$ "):
                printed.append(line)
                continue
            if typed is not None:
                said = re.search(r"# exit code (\d+)", typed)
                yield Typed(typed, tuple(filter(str.strip, printed)), int(said[1]) if said else 0)
            typed, printed = line[2:], []


def first_missing(lines: tuple[str, ...], printed: str) -> str | None:
    """The first line that is not in what was printed, below the lines before it."""
    there = [" ".join(line.split()) for line in printed.splitlines()]
    at = 0
    for line in lines:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        while at < len(there) and not re.search(pattern.strip(), there[at]):
            at += 1
        if at == len(there):
            return line
        at += 1
    return None
