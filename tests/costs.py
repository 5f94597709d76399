"""What each test costs: seconds of processor time of the test, of its children and of its warm processes.

`pytest --costs=FILE` writes a line per test into FILE and shows the dearest tests and files. Time on a clock says little on
a machine that does other things as well; processor time stays the same.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm

SHOWN_TESTS = 100
SHOWN_FILES = 40


class Costs:
    """The plug-in behind `--costs`; every worker appends to the same file, the main process reads it at the end."""

    def __init__(self, path: Path, *, is_worker: bool) -> None:
        self._path = path
        self._is_worker = is_worker
        if not is_worker:
            path.write_text("")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Measure a test with its fixtures. What is made once for many tests counts for the first of them."""
        spent, clock = processor_s(), time.monotonic()
        result = yield
        line = f"{processor_s() - spent:.3f}\t{time.monotonic() - clock:.3f}\t{item.nodeid}\n"
        with self._path.open("a") as file:
            file.write(line)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the dearest tests and files."""
        if self._is_worker:
            return
        lines = [line.split("\t", 2) for line in self._path.read_text().splitlines()]
        tests = sorted(((float(spent), float(clock), name) for spent, clock, name in lines), reverse=True)
        files, counts = Counter[str](), Counter[str]()
        for spent, _, name in tests:
            files[name.partition("::")[0]] += spent  # type: ignore[assignment]
            counts[name.partition("::")[0]] += 1
        write = terminalreporter.write_line
        terminalreporter.section("processor time, seconds (and on the clock)")
        for spent, clock, name in tests[:SHOWN_TESTS]:
            write(f"{spent:8.2f} {clock:8.2f}  {name}")
        for name, total in files.most_common(SHOWN_FILES):
            write(f"{total:8.1f} {counts[name]:8}  {name}")
        write(f"{sum(files.values()):8.1f} {len(tests):8}  all")


def processor_s() -> float:
    """Processor time so far of this process, of its children that ended, and of its warm processes that ended."""
    spent = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    return spent + warm.SPENT.seconds
