"""A verb is imported and built when it is typed, and what the help says of verbs is known without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitalign.cli import commands
from gitalign.cli.commands.batch import VERBS as VERBS_OF_BATCH
from gitalign.cli.commands.batch import batch
from gitalign.cli.lazy_group import VERBS, verb_named

FOLDER = Path(commands.__file__).parent


def verbs_in(folder: Path) -> set[str]:
    """Files, and folders of verbs that have verbs."""
    return {entry.stem for entry in folder.iterdir() if not entry.name.startswith("__")}


def test_every_file_of_commands_is_a_verb() -> None:
    """`status` is what the command does without a verb."""
    assert verbs_in(FOLDER) - {"status"} == set(VERBS)
    assert verbs_in(FOLDER / "batch") == set(VERBS_OF_BATCH)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_bears_the_name_that_is_typed(verb: str) -> None:
    assert verb_named(verb).name == verb


def test_a_verb_of_a_verb_bears_the_name_that_is_typed() -> None:
    assert {name: verb.name for name, verb in batch.verbs().items()} == {name: name for name in VERBS_OF_BATCH}


def _imported(*words: str) -> set[str]:
    """The files of `commands/` that a command line imports."""
    code = f"import sys; sys.argv[1:] = {list(words)!r}\nfrom gitalign.cli.main import main\ntry: main()\nexcept SystemExit: pass\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    start = f"{commands.__name__}."
    return {name.removeprefix(start) for name in done.stdout.splitlines()[-1].split() if name.startswith(start)}


@pytest.mark.parametrize(
    ("words", "imported"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["plam"], set()),
        (["plan", "--help"], {"plan"}),
        (["--json", "rules", "explain", "-h"], {"rules"}),
        (["batch", "--help"], {"batch"}),
        (["batch", "staus"], {"batch"}),
        (["--json", "batch", "status", "-h"], {"batch", "batch.status"}),
    ],
)
def test_only_the_verb_that_is_typed_is_imported(words: list[str], imported: set[str]) -> None:
    assert _imported(*words) == imported
