"""The benchmarks work: they look into the engine, which changes under them."""

import importlib
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture(autouse=True)
def _bench_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCH))
    yield
    for name in set(sys.modules) - before:
        if (BENCH / f"{name}.py").exists():
            del sys.modules[name]


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCH.glob("*.py")))
def test_each_can_be_imported(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCH.glob("*.py") if "__main__" in path.read_text()))
def test_help_only_helps(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them began to measure, which took minutes."""

    def started(*words: object, **more: object) -> None:
        pytest.fail(f"{name} --help starts a process: {words}")

    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(BENCH / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_the_floor_holds_every_merge_of_a_run(tmp_path: Path) -> None:
    generated = importlib.import_module("align").generate(tmp_path / "r", files=20, branches=4, commits=3, behind=2)

    floor = importlib.import_module("floor").measure(generated, tmp_path, merges="flatten", processes=[2])

    # Each commit is replayed, and the whole branch is merged once to compare the outcome.
    assert floor.merges == 4 * (3 + 1)
    assert all(seconds > 0 for seconds in (floor.plain[2], floor.in_memory[2]))
