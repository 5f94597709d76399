"""The start-up check: which command starts a service, read from its source without importing it, and how it is tried."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import PurePosixPath

from gitalign.core.validation import CommandCheck, StartupCheck
from gitalign.detect.factory import FactorySupport, factory_support

NAME = "startup"
_LEEWAY_S = 10.0
"""Beyond the deadline that the probe keeps by itself."""


def startup_command(check: StartupCheck, source: bytes | None) -> CommandCheck | str:
    """The probe as a command to be run in the work tree, or why there is none.

    A module that offers the factory is started through it, one that does not through its application; where that cannot
    be determined, both are tried, the factory first.

    Args:
        check: as configured.
        source: of the module; None when the result has no such file.
    """
    if source is None:
        return f"there is no {check.module} to start"
    factory = f"{_dotted(check.module)}:{check.factory}"
    application = f"{_dotted(check.module)}:{check.application}"
    ways: Sequence[Sequence[str]]
    match factory_support(source, name=check.factory):
        case FactorySupport.SUPPORTED:
            ways = ((factory, "--factory"),)
        case FactorySupport.NOT_SUPPORTED:
            ways = ((application,),)
        case FactorySupport.UNKNOWN:
            ways = ((factory, "--factory"), (application,))
    words = [
        sys.executable,
        "-P",
        "-m",
        "gitalign.validate.boot",
        f"--page={check.page}",
        f"--seconds={check.timeout_s}",
    ]
    for way in ways:
        words += ["--way", *check.server, *way]
    return CommandCheck(
        name=NAME,
        argv=tuple(words),
        targets=check.targets,
        timeout_s=check.timeout_s * len(ways) + _LEEWAY_S,
        required=check.required,
    )


def _dotted(module: str) -> str:
    parts = PurePosixPath(module).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
