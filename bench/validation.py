"""Times the checks of a run against the bare commands, side by side, and prints a Markdown table of ratios.

    python bench/validation.py [--branches 40] [--files 1000] [--milliseconds 300] [--confinement prefer|none]

What is compared, on the same results:
  floor      GNU parallel runs the bare command in directories that were prepared beforehand, one job per processor
  validate   the validation phase of `git-align run`: work trees, confinement, watching and reporting included
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from align import git

WORK = "import time, sys\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: sum(range(1000))\n"


def build(place: Path, *, branches: int, files: int) -> list[str]:
    """A repository in which every branch changes a few files."""
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    for number in range(files):
        path = place / "src" / f"{number % 50}" / f"m{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"x{line} = {number}\n" for line in range(40)))
    git(place, "add", "-A")
    git(place, "commit", "-qm", "base")
    names = [f"topic/{number}" for number in range(branches)]
    for number, name in enumerate(names):
        git(place, "switch", "-qc", name, "main")
        (place / "src" / f"own{number}.py").write_text(f"own = {number}\n")
        changed = place / "src" / f"{number % 50}" / f"m{number % 50}.py"
        changed.write_text(changed.read_text().replace(f"x7 = {number % 50}\n", f"x7 = -{number + 1}\n"))
        git(place, "add", "-A")
        git(place, "commit", "-qm", f"feat: {name}")
    git(place, "switch", "-q", "main")
    (place / "new.py").write_text("new = 1\n")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "target moves")
    git(place, "repack", "-adq")
    return names


def ours(place: Path, command: list[str], confinement: str) -> float:
    """Seconds of the validation phase."""
    settings = place.parent / "config.json"
    settings.write_text(json.dumps({"validation": {"test_command": command, "confinement": confinement}}))
    argv = [sys.executable, "-m", "gitalign", "run", "--yes", "--quiet", "--json", "--repo", str(place)]
    done = subprocess.run([*argv, "--config", str(settings)], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return float(json.loads(done.stdout)["phases"]["validate"])


def floor(place: Path, names: list[str], command: list[str]) -> float:
    """Seconds that GNU parallel takes for the bare commands, where every directory is there already."""
    folders = []
    for number, name in enumerate(names):
        folder = place.parent / "prepared" / f"{number}"
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", name], cwd=place, capture_output=True, check=True)
        subprocess.run(["tar", "x"], cwd=folder, input=archive.stdout, check=True)
        folders.append(str(folder))
    script = place.parent / "command.sh"
    script.write_text('cd "$1" && exec ' + " ".join(f"'{word}'" for word in command) + "\n")
    jobs = str(len(os.sched_getaffinity(0)))
    started = time.monotonic()
    subprocess.run(
        ["parallel", "--will-cite", "-j", jobs, "sh", str(script)],
        input="\n".join(folders).encode(),
        check=True,
        capture_output=True,
    )
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--branches", type=int, default=40)
    words.add_argument("--files", type=int, default=1000)
    words.add_argument("--milliseconds", type=int, default=300)
    words.add_argument("--confinement", default="prefer")
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    if shutil.which("parallel") is None:
        raise SystemExit("GNU parallel is not there: apt install parallel")
    print("| round | floor s | validate s | ratio |\n|---:|---:|---:|---:|")
    for turn in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "repo"
            names = build(place, branches=asked.branches, files=asked.files)
            code = WORK.format(seconds=asked.milliseconds / 1000).replace("\n", ";", 1)
            command = ["python3", "-c", f"exec({code!r})".replace("'", '"')]
            taken = ours(place, command, asked.confinement)
            least = floor(place, names, command)
            print(f"| {turn + 1} | {least:.2f} | {taken:.2f} | {taken / least:.2f} |", flush=True)


if __name__ == "__main__":
    main()
