"""Messages help without the documents: these are not installed."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

import gitalign
from gitalign.config import KNOWN_KEYS, load_config
from gitalign.config_examples import example_lines
from gitalign.errors import GitAlignError
from tests import warm
from tests.git.workspace import Workspace

SOURCE = Path(__file__).resolve().parents[2] / "src" / "gitalign"


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that is not a docstring."""
    tree = ast.parse(path.read_text())
    comments = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
            yield node.lineno, node.value


def test_no_message_points_to_a_document() -> None:
    pages = {path.name for path in (SOURCE.parents[1] / "docs").rglob("*.md")} - {"README.md"}
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, text in strings(path)
        if "docs/" in text.replace("docs/*", "") or any(page in text for page in pages)
    ]
    assert wrong == []


def test_the_example_of_every_setting_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    for key in KNOWN_KEYS:
        text = "\n".join(example_lines(f"see {key}, please"))
        section, _, name = key.partition(".")
        assert list(yaml.safe_load(text)[section]) == [name]
        file.write_text(text)
        load_config(file=file, git_dir=None, environ={}, overrides={})


def test_an_error_says_which_line_to_add_and_where(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"file": b"1\n"})
    work.git("branch", "topic")
    own = work.path / ".git" / "gitalign" / "config.yaml"
    own.parent.mkdir(exist_ok=True)
    own.write_text("alignment: {strategy: rebas}\n")
    for place, more in ((own, []), (tmp_path / "mine.yaml", ["--config", tmp_path / "mine.yaml"])):
        place.write_text("alignment: {strategy: rebas}\n")
        done = warm.run("plan", *more, cwd=work.path)
        assert done.returncode == 2
        assert f"in {place}, for example:\n  alignment:\n    strategy: rebase\n" in done.stderr
        error = json.loads(warm.run("plan", "--json", *more, cwd=work.path).stdout)["error"]
        assert error["configuration"] == {"file": str(place), "lines": ["alignment:", "  strategy: rebase"]}
    assert "for example" not in warm.run("show", "nowhere", "--config", tmp_path / "mine.yaml", cwd=tmp_path).stderr


PAGE = (SOURCE.parents[1] / "docs" / "troubleshooting.md").read_text()
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
NO_ENTRY = {
    "error": "the root of all errors, never raised itself",
    "already_merged": "of a branch that need not move",
    "up_to_date": "of a branch that need not move",
    "cancelled": "of a run that was stopped: interrupted",
    "undo": "of a branch that an undo put back",
}
ENDS = {"Refused", "Failed", "Skipped", "Unchanged"}


def raised() -> set[str]:
    """Codes of every error class, and those given where one is raised or a branch ends."""
    for module in pkgutil.walk_packages(gitalign.__path__, "gitalign."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes = [GitAlignError]
    for one in classes:
        classes += [sub for sub in one.__subclasses__() if sub.__module__.startswith("gitalign") and sub not in classes]
    codes = {one.code for one in classes}
    wanted = {one.__name__ for one in classes} | ENDS
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in wanted:
                codes |= {
                    word.value.value
                    for word in node.keywords
                    if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
                }
    return codes


def test_every_code_has_an_entry() -> None:
    explained = {cell.strip("`| ") for row in ROWS for cell in row[-1:]}
    assert sorted(raised() - explained - set(NO_ENTRY)) == [], "add them to docs/troubleshooting.md"


def test_every_message_of_the_page_is_one() -> None:
    """As the source has it, between the names that are filled in."""
    said = "\n".join(text for path in SOURCE.rglob("*.py") for _, text in strings(path))
    quoted = [cell.strip("`| ") for row in ROWS for cell in row[:1] if cell.startswith("| `")]
    assert len(quoted) > 50
    wrong = [
        (message, part)
        for message in quoted
        for part in re.split(r"…|\d of \d", message)
        if len(part.strip(" :;,.()")) > 7 and part.strip(" :;,.()") not in said
    ]
    assert wrong == []
