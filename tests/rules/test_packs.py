"""The built-in pack, and the published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import gitalign
from gitalign.core.rules import Band, Verdict
from gitalign.rules.load import built_in_names, load_packs
from gitalign.rules.pack_format import pack_schema
from tests.rules.house import branch_with, check, pack_of

PACKAGE = Path(gitalign.__file__).parent
DIRTY = b"""def load(x):
    try:
        return eval(x)
    except:
        pass


password = "correct-horse"
"""
CLEAN = b'''"""Loading."""

import ast


def load(x: str) -> object:
    """The value."""
    try:
        return ast.literal_eval(x)
    except ValueError as error:
        raise KeyError(x) from error
'''


def schema() -> object:
    return json.loads((PACKAGE / "schemas" / "rules.schema.json").read_text())


def test_the_published_schema_is_that_of_the_model() -> None:
    assert schema() == pack_schema(), "write it anew: docs/rules.md says how"


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_packs_are_valid_by_schema_and_complete(name: str) -> None:
    jsonschema.validate(yaml.safe_load((PACKAGE / "rules" / "packs" / f"{name}.yaml").read_text()), schema())  # type: ignore[arg-type]
    (pack,) = load_packs([name], folder=Path())
    assert pack.name == name
    for one in pack.requirements:
        assert one.check is not None
        assert one.description
        assert one.suggestion
        assert one.example


def test_schema_and_loader_refuse_alike() -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"path": {}},
        {"pattern": {"forbidden": "x"}, "python": "docstrings"},
        {"python": "nothing"},
        {"nothing": {}},
    ]
    for check_of in wrong:
        pack = pack_of({"python": "docstrings"})
        pack["requirements"][0]["check"] = check_of
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(pack, schema())  # type: ignore[arg-type]


def test_a_branch_that_breaks_every_rule_and_its_clean_twin(tmp_path: Path) -> None:
    dirty = check(branch_with(tmp_path / "dirty", {}, {"src/m.py": DIRTY}), "python")
    assert {one.verdict for one in dirty.results} == {Verdict.FAILED}
    assert (dirty.band, len(dirty.critical)) == (Band.NON_COMPLIANT, 3)
    assert all(one.suggestions for one in dirty.results)
    clean = check(branch_with(tmp_path / "clean", {}, {"src/m.py": CLEAN}), "python")
    assert {one.verdict for one in clean.results} == {Verdict.PASSED}
    assert (clean.band, clean.score, clean.packs) == (Band.EXCELLENT, 1.0, ("python 1",))


def test_a_branch_without_python_is_not_called_excellent(tmp_path: Path) -> None:
    found = check(branch_with(tmp_path, {"m.py": DIRTY}, {"notes.md": b"eval(\n"}), "python")
    assert (found.band, found.score) == (Band.NOT_APPLICABLE, None)


def test_what_the_target_had_is_not_the_branchs(tmp_path: Path) -> None:
    found = check(branch_with(tmp_path, {"m.py": DIRTY}, {"m.py": DIRTY + b"x = 1\n"}), "python")
    assert {one.verdict for one in found.results} <= {Verdict.PASSED, Verdict.NOT_APPLICABLE}


def test_the_same_branch_is_judged_the_same_again(tmp_path: Path) -> None:
    work = branch_with(tmp_path, {}, {"m.py": DIRTY, "n.py": CLEAN})
    assert check(work, "python") == check(work, "python")
