"""The command line in a process of its own that is killed when its results are there: before they are checked or published."""

from __future__ import annotations

import os
import signal
from typing import Any

from gitalign.cli.main import main as command
from gitalign.engine.gates import repository_rules, validation
from gitalign.engine.run import execute


def main() -> None:
    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for module, step in ((repository_rules, "RulesGate"), (validation, "ChecksGate"), (execute, "publish")):
        setattr(module, step, die)
    command()
