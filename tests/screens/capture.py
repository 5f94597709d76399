"""One walk through the ordinary path, captured after every command, at two widths."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte

from tests.git.workspace import Workspace
from tests.terminal import Terminal

FOLDER = Path(__file__).parent
WIDTHS = (80, 120)
_ROWS = 200
_LINES = b"".join(b"line %d\n" % number for number in range(12))
_CONSTANT = (
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b"), lambda found: "20260101-000000-abc123"),
    (
        re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,40}\b(?!-\d{6})"),
        lambda found: ("0123456789abcdef" * 3)[: len(found.group())],
    ),
    (re.compile(r"\b\d+\.\d s\b"), lambda found: "0.1 s"),
    (re.compile(r"/tmp/ga-[^/]{8}\b"), lambda found: "/tmp/ga-screens"[: len(found.group())]),
)
WALK: tuple[tuple[str, str, str], ...] = (
    ("01-fresh-clone", "fresh", ""),
    ("02-plan-of-a-fresh-clone", "fresh", "plan"),
    ("03-plan", "shop", "plan"),
    ("04-forecast", "shop", "forecast"),
    ("05-run", "shop", "run --yes"),
    ("06-status", "shop", ""),
    ("07-conflicts", "shop", "conflicts"),
    ("08-one-conflict", "shop", "conflicts prices/rounded"),
    ("09-show", "shop", "show"),
    ("10-push", "shop", "push --yes"),
    ("11-runs", "shop", "runs"),
    ("12-undo", "shop", "undo --push last --yes"),
)
"""Name of the screen, the repository, the words behind `git align`."""


def build(folder: Path) -> None:
    """A shop with a bare remote: a clash that two branches share, a stack, long names, a release; and a fresh clone of it."""
    shop = Workspace(folder / "shop")
    shop.commit("feat: prices and mail", {"prices": _LINES, "mail": _LINES, "export": _LINES})
    changes = {
        "prices/rounded": {"prices": _LINES.replace(b"line 3\n", b"rounded\n")},
        "prices/reduced": {"prices": _LINES.replace(b"line 3\n", b"reduced\n")},
        "mail/greeting": {"mail": _LINES.replace(b"line 5\n", b"hello\n")},
        "export/quarterly-figures-for-the-tax-office-and-the-auditors": {"export-quarterly": b"1\n"},
        "stack/1-base": {"stack": b"1\n"},
        "release/1.0": {"version": b"1.0\n"},
    }
    for name, files in changes.items():
        shop.switch(name, "main")
        shop.commit(f"feat: {name}", files)
    shop.switch("stack/2-top", "stack/1-base")
    shop.commit("feat: stack/2-top", {"stack": b"1\n2\n"})
    shop.switch("main")
    shop.git("clone", "-q", "--bare", str(shop.path), str(folder / "hub.git"))
    shop.commit("fix: what line 3 costs", {"prices": _LINES.replace(b"line 3\n", b"costs\n")})
    shop.commit("chore: a licence", {"licence": b"free\n"})
    shop.git("remote", "add", "origin", str(folder / "hub.git"))
    shop.git("push", "-q", "origin", "main")
    shop.git("fetch", "-q", "origin")
    shop.git("remote", "set-head", "origin", "main")
    shop.git("clone", "-q", str(folder / "hub.git"), str(folder / "fresh"))


def screens(folder: Path, width: int) -> Iterator[tuple[str, str]]:
    """Every screen of the walk by its name, in order.

    Args:
        folder: as `build` left it; the walk changes it.
        width: columns of the terminal.
    """
    for name, place, words in WALK:
        text = _seen(folder / place, words.split(), width)
        yield name, f"$ git align {words}".rstrip() + "\n" + _constant(text)


def _seen(place: Path, words: list[str], width: int) -> str:
    env = {"TERM": "xterm-256color", "PAGER": "cat", "COLUMNS": str(width)}  # pytest-xdist sets COLUMNS in its workers
    terminal = Terminal(*words, rows=_ROWS, columns=width, cwd=place, env=env)
    terminal.expect(pexpect.EOF)
    said = terminal.before or ""
    terminal.close()
    screen = pyte.Screen(width, _ROWS)
    pyte.Stream(screen).feed(said)
    lines = [line.rstrip() for line in screen.display]
    return "\n".join(lines).strip("\n") + f"\n[exit code {terminal.exitstatus}]\n"


def _constant(text: str) -> str:
    for pattern, word in _CONSTANT:
        text = pattern.sub(word, text)
    return text


@contextmanager
def two_copies() -> Iterator[dict[int, Path]]:
    """The repositories once for each width, at a path of constant length: what is cut depends on it."""
    with (
        tempfile.TemporaryDirectory(prefix="ga-", dir="/tmp") as first,
        tempfile.TemporaryDirectory(prefix="ga-", dir="/tmp") as second,
    ):
        places = dict(zip(WIDTHS, map(Path, (first, second)), strict=True))
        for place in places.values():
            build(place)
        yield places


def main() -> None:
    """Write the files."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITALIGN_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as home, two_copies() as places:
        os.environ.update(HOME=home, XDG_CONFIG_HOME=f"{home}/config", GIT_CONFIG_NOSYSTEM="1")
        for width, place in places.items():
            target = FOLDER / str(width)
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name, text in screens(place, width):
                (target / f"{name}.txt").write_text(text, encoding="utf-8")
