"""Samples of every document that this release writes: `python -m tests.documents.make_samples FOLDER`.

Run it with the last release before formats change; `test_samples.py` then reads the folder with every later one.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.git.workspace import Workspace

LINES = b"".join(b"line %d\n" % number for number in range(12))
CONFIGURATION = """
validation: {test_command: [git, --version], critical_files: [{path: list, checks: [exists, non_empty]}], confinement: none}
rules: {packs: [python]}
alignment: {summaries: true}
"""
VERBS = {
    "status": "", "plan": "plan --only clean", "categorize": "categorize", "categorize-detailed": "categorize --format detailed",
    "categorize-clustered": "categorize --format clustered", "forecast": "forecast --pairs --furthest", "order": "order",
    "conflicts": "conflicts clash", "runs": "runs", "show": "show last", "show-branch": "show last clean", "verify": "verify",
    "rules-check": "rules check --pack python", "rules-explain": "rules explain --pack python", "resolutions-list": "resolutions list",
    "prune": "prune --dry-run", "prune-merged": "prune --merged --dry-run", "doctor": "doctor", "undo-dry-run": "undo last --dry-run",
    "resolve-list": "resolve", "error": "show nosuch", "init": "init --dry-run",
}  # fmt: skip


def main(folder: Path, work_at: Path) -> None:
    work = Workspace(work_at)
    work.commit("base", {"list": LINES, "other": LINES})
    work.switch("clean", "main")
    work.commit("feat: clean", {"own.py": b"x = 1\n"})
    for name, line, word in (("clash", 3, b"drei"), ("knows", 5, b"funf"), ("later", 9, b"neun")):
        work.switch(name, "main")
        work.commit(f"fix: {name}", {"list": LINES.replace(b"line %d\n" % line, word + b"\n")})
    work.switch("main")
    work.commit("one", {"other": LINES + b"more\n"})
    work.commit("two", {"list": LINES.replace(b"line 3\n", b"three\n").replace(b"line 5\n", b"five\n")})
    (work.path / ".git/gitalign").mkdir(exist_ok=True)
    (work.path / "settings.yaml").write_text(CONFIGURATION)
    folder.mkdir(parents=True)

    call(
        work,
        "run",
        "--yes",
        "--only",
        "clean",
        "--only",
        "clash",
        "--partial",
        "--output",
        str(folder / "results.json"),
    )
    call(work, "undo", "last", "--yes")
    call(work, "plan", "--save", str(folder / "plan.json"), "--only", "clean")
    git_dir = work.path / ".git"
    opened = json.loads(call(work, "resolve", "knows", "--json"))["session"]
    (folder / "json").mkdir()
    (folder / "json/resolve.json").write_text(call(work, "resolve", "knows", "--json"))
    shutil.copy(next((git_dir / "worktrees").glob("*/git-align-course")), folder / "course.json")
    (Path(opened["folder"]) / "list").write_bytes(LINES.replace(b"line 5\n", b"five funf\n"))
    work_git = Workspace(Path(opened["folder"]))
    work_git.git("add", "list")
    (folder / "json/resolve-continue.json").write_text(call(work, "resolve", "knows", "--continue", "--yes", "--json"))
    call(work, "run", "--yes", "--only", "clean", "--only", "clash")
    for name, words in VERBS.items():
        (folder / f"json/{name}.json").write_text(call(work, *words.split(), "--json"))
    call(work, "resolve", "clash")
    call(work, "resolutions", "export", str(folder / "resolutions.tar"))
    call(work, "run", "--yes", "--only", "later", program=("-c", "from tests.engine.killed import main; main()"))

    store(work, folder)


def call(work: Workspace, *words: str, program: tuple[str, ...] = ("-m", "gitalign")) -> str:
    env = {**os.environ, "PYTHONPATH": os.getcwd(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    command = [sys.executable, *program, "--config", str(work.path / "settings.yaml"), *words]
    done = subprocess.run(command, cwd=work.path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 1, 2, -9):
        raise RuntimeError(f"{words}: {done.stderr}")
    return done.stdout


def store(work: Workspace, folder: Path) -> None:
    """The git directory's own files, the repository as a bundle, and the journal as SQL."""
    state = work.path / ".git/gitalign"
    with sqlite3.connect(state / "gitalign.db") as database:
        text = "\n".join(database.iterdump())
    (folder / "journal.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    for line in work.git("cat-file", "--batch-all-objects", "--batch-check").splitlines():
        oid, kind, _ = line.split()
        if kind == "commit":
            work.git("update-ref", f"refs/pinned/{oid}", oid)  # runs hold commits in packs, without refs
    work.git("bundle", "create", str(folder / "repository.bundle"), "--all")
    shutil.copytree(state / "runs", folder / "runs", ignore=shutil.ignore_patterns("*.log", "*.md", "logs"))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))
