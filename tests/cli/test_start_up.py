"""What a command costs before it works: modules that are heavy, and git processes that answer what was answered before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import warm
from tests.git.workspace import Workspace

HEAVY = ("sqlalchemy", "alembic", "pydantic", "rich", "yaml", "pathspec", "psutil", "networkx", "asyncio", "structlog")
NOTHING: set[str] = set()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A branch that can be aligned; nothing was run."""
    work = Workspace(tmp_path_factory.mktemp("start") / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"g": b"1\n"})
    work.switch("main")
    work.commit("more", {"f": b"2\n"})
    return work


def _imported(folder: Path, *words: str) -> tuple[set[str], int]:
    """Heavy packages that a command imports, and how many files of our own."""
    code = (
        f"import sys; sys.argv[1:] = {list(words)!r}\n"
        "from gitalign.start import main\ntry: main()\nexcept SystemExit: pass\nprint(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    return {name for name in HEAVY if name in modules}, sum(name.startswith("gitalign.") for name in modules)


@pytest.mark.parametrize(
    ("words", "heavy", "most_files"),
    [
        (("--version",), NOTHING, 15),
        (("--help",), NOTHING, 15),
        (("plan", "--help"), NOTHING, 80),
        (("__complete", "bash", "plan", "--"), NOTHING, 5),
        # Settings are pydantic's, and what a person reads is printed by rich.
        ((), {"pydantic", "rich"}, 124),
        (("plan",), {"pydantic", "rich"}, 135),
        (("plan", "--json"), {"pydantic"}, 135),
    ],
)
def test_heavy_packages_are_imported_where_they_are_used(
    work: Workspace, words: tuple[str, ...], heavy: set[str], most_files: int
) -> None:
    """Where nothing was run and nothing is configured."""
    found, files = _imported(work.path, *words)
    assert found == heavy
    assert files <= most_files


def test_no_git_process_is_started_twice_for_one_answer(work: Workspace, tmp_path: Path) -> None:
    log = tmp_path / "log"
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "git").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {real} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    warm.run("run", "--yes", cwd=work.path)
    for verb in ("", "plan", "runs", "show"):
        log.unlink(missing_ok=True)
        done = warm.run(*verb.split(), cwd=work.path, env=env)
        assert done.returncode == 0, done.stderr
        started = Counter(log.read_text().splitlines())
        assert [line for line, count in started.items() if count > 1] == [], verb
