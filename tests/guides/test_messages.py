"""Messages help without the documents: these are not installed."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import yaml

from gitalign.configuration.examples import example_lines
from gitalign.configuration.load import KNOWN_KEYS, load_config
from tests import warm
from tests.git.workspace import Workspace

SOURCE = Path(__file__).resolve().parents[2] / "src" / "gitalign"


@cache
def modules() -> dict[Path, list[ast.AST]]:
    """Every module of the package, parsed: its nodes."""
    return {path: list(ast.walk(ast.parse(path.read_text()))) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def strings() -> tuple[tuple[str, str], ...]:
    """Every string that is not a docstring, and where it stands."""
    found = []
    for path, nodes in modules().items():
        comments = {id(one.value) for one in nodes if isinstance(one, ast.Expr)}
        found += [
            (f"{path.relative_to(SOURCE)}:{one.lineno}", one.value)
            for one in nodes
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in comments
        ]
    return tuple(found)


def test_no_message_points_to_a_document() -> None:
    pages = {path.name for path in (SOURCE.parents[1] / "docs").rglob("*.md")} - {"README.md"}
    wrong = [
        f"{place}: {text}"
        for place, text in strings()
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
    "already_merged": "of a branch that need not move",
    "up_to_date": "of a branch that need not move",
    "cancelled": "of a run that was stopped: interrupted",
    "undo": "of a branch that an undo put back",
}
ENDS = {"Refused", "Failed", "Skipped", "Unchanged"}


@cache
def raised() -> set[str]:
    """Codes of every error class, and those given where one is raised or a branch ends."""
    classes = [node for nodes in modules().values() for node in nodes if isinstance(node, ast.ClassDef)]
    errors = {"GitAlignError"}
    for _ in range(5):  # deeper than the tree of errors is
        errors |= {one.name for one in classes if errors & {getattr(base, "id", "") for base in one.bases}}
    codes = set()
    for one in classes:
        for line in one.body if one.name in errors else ():
            if isinstance(line, ast.Assign) and [getattr(target, "id", "") for target in line.targets] == ["code"]:
                codes.add(ast.literal_eval(line.value))
    for nodes in modules().values():
        for node in nodes:
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in errors | ENDS:
                codes |= {
                    word.value.value
                    for word in node.keywords
                    if word.arg == "code" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
                }
    return codes


def test_every_code_has_an_entry() -> None:
    explained = {cell.strip("`| ") for row in ROWS for cell in row[-1:]}
    assert len(raised()) > 60
    assert sorted(raised() - explained - set(NO_ENTRY)) == [], "add them to docs/troubleshooting.md"


def test_every_message_of_the_page_is_one() -> None:
    """As the source has it, between the names that are filled in."""
    said = "\n".join(text for _, text in strings())
    quoted = [cell.strip("`| ") for row in ROWS for cell in row[:1] if cell.startswith("| `")]
    assert len(quoted) > 50
    wrong = [
        (message, part)
        for message in quoted
        for part in re.split(r"…|\d of \d", message)
        if len(part.strip(" :;,.()")) > 7 and part.strip(" :;,.()") not in said
    ]
    assert wrong == []
