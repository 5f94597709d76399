"""What every test starts from: an environment in which nothing of the machine or of the caller counts."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.costs import Costs
from tests.measured import FirstCases
from tests.needs import CHROMIUM, LATER
from tests.place import MemoryPlace, in_memory
from tests.warm import RARELY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("default")

# Without bytecode every fresh interpreter, and every run of the tests, compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What is imported and collected is never garbage: looking for it took a fifth of the time that this takes.
gc.disable()

# Shells start background jobs with SIGINT ignored, nohup ignores SIGHUP, and children inherit both.
signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip", action="store_true", help="a test that is skipped for want of a tool fails the run"
    )
    parser.addoption("--costs", type=Path, metavar="FILE", help="write the processor time of each test into FILE")


_PLACE = pytest.StashKey[MemoryPlace]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    path = config.getoption("--costs")
    if path:
        config.pluginmanager.register(Costs(path.absolute(), is_worker=is_worker), "costs")
    if config.getoption("cov_source", None):
        config.pluginmanager.register(FirstCases(config))
    # Workers make their folders within the one of the process that started them.
    if not is_worker and not config.option.basetemp and not config.option.collectonly and (memory := in_memory()):
        config.stash[_PLACE] = memory
        config.option.basetemp = memory.path / "t"


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage less often, and never among the modules and tests: that took a tenth of the time of a worker."""
    gc.freeze()
    gc.set_threshold(*RARELY)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Everything ends with the process: pytest and the interpreter would look through all of it six times before."""
    gc.freeze()
    gc.disable()


@pytest.hookimpl(trylast=True, specname="pytest_sessionfinish")
def pytest_leave_memory(session: pytest.Session, exitstatus: int) -> None:
    place = session.config.stash.get(_PLACE, None)
    if place is not None:
        place.end(is_kept=exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Half as many again as there are processors: tests wait a good part of their time for git and for the disk."""
    return len(os.sched_getaffinity(0)) * 3 // 2 or 1


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for report in _skipped(terminalreporter, config):
        terminalreporter.write_line(f"SKIPPED, and may not be: {report.nodeid}: {report.longrepr}", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.exitstatus == pytest.ExitCode.OK and _skipped(reporter, session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter, config: pytest.Config) -> list[pytest.TestReport]:
    """Tests that `--fail-on-skip` does not let pass."""
    if not config.getoption("--fail-on-skip") or hasattr(config, "workerinput"):
        return []
    return [
        report
        for report in reporter.stats.get("skipped", [])
        if not any(reason in str(report.longrepr) for reason in LATER)
    ]


@pytest.fixture(scope="session", autouse=True)
def _a_temporary_directory_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What other programs leave in the machine's one, or remove from it, is not seen."""
    place = tmp_path_factory.getbasetemp() / "temporary"
    place.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place))
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(autouse=True)
def _no_configuration_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITALIGN_"))]:
        monkeypatch.delenv(name)
    # A test that runs pytest would measure coverage by itself, and first remove what all others have measured.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    if "HOME" in os.environ:  # .ci/run also runs tests without
        monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PAGER", "cat")
    newer = os.environ.get("TEST_GIT_DIR")
    if newer:
        monkeypatch.setenv("PATH", f"{newer}:{os.environ['PATH']}")
    return


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a friendly name."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


_QUIETLY = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
)


@pytest.fixture(autouse=True)
def _no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """The loop of an open browser counts as running in this thread: tests without a page, which may run one, do not see it."""
    if "browser" in request.fixturenames:
        yield
        return
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all pages: a process can hold only one connection of this kind."""
    if CHROMIUM is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright  # most processes need none

    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_QUIETLY, *as_root])
        yield made
        made.close()
