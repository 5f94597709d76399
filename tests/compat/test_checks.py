"""The façades with the names of the original requests: detection, factory probe, final report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gitalign
from gitalign.detect.factory import FactorySupport, factory_support
from gitalign.errors import UserError
from tests.git.workspace import Workspace
from tests.runs import run


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (b"def create_app():\n    return 1\n", FactorySupport.SUPPORTED),
        (b"def create_app(config=None, *, debug=False):\n    return 1\n", FactorySupport.SUPPORTED),
        (b"def create_app(config):\n    return 1\n", FactorySupport.NOT_SUPPORTED),
        (b"def create_app(*, config):\n    return 1\n", FactorySupport.NOT_SUPPORTED),
        (b"async def create_app():\n    return 1\n", FactorySupport.NOT_SUPPORTED),
        (b"# create_app\ndef create_application():\n    pass\n", FactorySupport.NOT_SUPPORTED),
        (b"class A:\n    def create_app(self):\n        pass\n", FactorySupport.NOT_SUPPORTED),
        (b"'create_app'\n", FactorySupport.NOT_SUPPORTED),
        (b"from .app import create_app\n", FactorySupport.UNKNOWN),
        (b"from .app import *\n", FactorySupport.UNKNOWN),
        (b"if True:\n    def create_app():\n        pass\n", FactorySupport.UNKNOWN),
        (b"def create_app():\n    pass\ncreate_app = 3\n", FactorySupport.UNKNOWN),
        (b"def create_app(:\n", FactorySupport.UNKNOWN),
        (None, FactorySupport.UNKNOWN),
    ],
)
def test_the_factory_is_read_and_never_run(source: bytes | None, answer: FactorySupport) -> None:
    assert factory_support(source) is answer


def test_a_branch_is_asked_for_its_factory(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"src/main.py": b"app = 1\n"})
    work.switch("with", "main")
    work.commit("factory", {"src/main.py": b"raise SystemExit\ndef create_app():\n    return 1\n"})
    ask = gitalign.check_factory_pattern_support
    assert ask("with", repo_path=work.path) is FactorySupport.SUPPORTED
    assert ask("main", repo_path=work.path) is FactorySupport.NOT_SUPPORTED
    assert ask("main", repo_path=work.path, module="gone.py") is FactorySupport.UNKNOWN
    with pytest.raises(UserError, match="nobody is not a commit here"):
        ask("nobody", repo_path=work.path)


def test_error_detection_by_its_old_name(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"n.json": b"{,}\n", "m.txt": b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n"})
    found = gitalign.run_error_detection(None, "main", "topic", repo_path=work.path)
    assert sorted({(one["code"], one["path"], one["introduced_by"]) for one in found}) == [
        ("conflict_marker", "m.txt", "branch"),
        ("syntax_error", "n.json", "branch"),
    ]
    (only,) = gitalign.run_error_detection(["n.json"], "main", "topic", repo_path=work.path)
    assert only["line"] == 1
    assert gitalign.run_error_detection([], "main", "topic", repo_path=work.path) == []
    assert gitalign.run_error_detection(None, "main", "main", repo_path=work.path) == []


def test_the_final_report(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"own": b"1\n"})
    work.switch("main")
    work.commit("on", {"g": b"1\n"})
    run(work.path)
    place = tmp_path / "report.json"
    made = gitalign.generate_final_report(repo_path=work.path, format="json", output=place)
    assert json.loads(place.read_text())["counts"] == {"aligned": 1}
    assert place.read_text() == made
    assert gitalign.generate_final_report(repo_path=work.path).startswith("# Run ")
    with pytest.raises(ValueError):
        gitalign.generate_final_report(repo_path=work.path, format="tea leaves")
