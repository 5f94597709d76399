"""What the documents say about the code is so: the table of rooms, and the answers of "where is what"."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gitalign"


def rows(document: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (floors,) = (one for one in contracts if one["name"] == "floors")
    return [[room.strip() for room in layer.split("|")] for layer in floors["layers"]]


def test_the_table_of_rooms_is_the_import_contract() -> None:
    assert [re.findall(r"`(\w+)`", row[0]) for row in rows("architecture.md", "## Rooms")] == layers()


def test_every_room_is_in_the_table() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert folders | files == {room for row in layers() for room in row}


def test_every_room_of_the_engine_is_in_its_table() -> None:
    named = [row[0].strip("`") for row in rows("architecture.md", "### Rooms of the engine")]
    assert sorted(named) == sorted(f"engine/{path.parent.name}" for path in PACKAGE.glob("engine/*/__init__.py"))


def defined(source: str) -> set[str]:
    """Functions, classes, methods as `Class.method`, and names that a module gives a value."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
                names |= {f"{name}.{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
            case ast.Assign(targets=targets):
                names |= {one.id for one in targets if isinstance(one, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


ANSWERS = [
    row for heading in ("## Where does it happen?", "## How do I add …?") for row in rows("where-is-what.md", heading)
]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row[0][:40])
def test_every_answer_is_there(row: list[str]) -> None:
    file, name = row[1].strip("`"), row[2].strip("`")
    assert name in defined((PACKAGE / file).read_text(encoding="utf-8"))
    for place in re.findall(r"`([\w/.]+/[\w.]*)`", " ".join(row[3:])):
        assert (PACKAGE / place).exists() or (ROOT / place).exists(), place


def test_there_are_more_than_twelve_answers() -> None:
    assert len(ANSWERS) > 24


def test_every_crash_point_is_in_the_table() -> None:
    named = re.findall(r"`([\w/]+\.py)`", " ".join(row[1] for row in rows("where-is-what.md", "## Crash points")))
    callers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bcheckpoint\(\s*\"", path.read_text(encoding="utf-8"))
    }
    assert set(named) == callers
