"""Coverage is measured in the first case of a parametrised test that is dear; each process does so by itself.

Dear cases run the same lines as the first, with other values, and take half as long again where they are measured.
Cheap ones are tables of values, each with lines of its own: they are measured. Nothing changes for a test itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

DEAR_S = 0.1
"""Processor time of this process from which on a test is dear."""


class FirstCases:
    """The plug-in; only where coverage is measured (`--cov`)."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._dear: set[str] = set()
        self._is_paused = False
        self._threads = threading.active_count()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Measure, or do not measure, a test with its fixtures."""
        test, _, case = item.nodeid.partition("[")
        if (test in self._dear) != self._is_paused:
            self._change()
        began = time.process_time()
        result = yield
        if case and time.process_time() - began > DEAR_S:
            self._dear.add(test)
        return result

    def _change(self) -> None:
        controller: Any = getattr(self._config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
        if controller is None:
            return
        if self._is_paused:
            controller.resume()
            self._is_paused = False
        # A thread that goes on, such as that of a server for many tests, would not be measured again afterwards.
        elif threading.active_count() <= self._threads:
            controller.pause()
            self._is_paused = True
