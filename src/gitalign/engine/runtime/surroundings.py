"""What a run takes from the process it lives in: the time, the environment, unpredictable names.

Nothing else in the engine reads them from the process, so two runs in one process can differ in each of them, and a test can
choose them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The time, the environment and the source of unpredictable names of one run.

    Attributes:
        environ: environment variables; what a run starts inherits from these and from no others.
        clock: the time in UTC.
        jitter: a number between two others that cannot be predicted.
        token: a name that cannot be predicted, of so many bytes, in hexadecimal digits.
    """

    environ: Mapping[str, str]
    clock: Callable[[], datetime] = utc_now
    token: Callable[[int], str] = secrets.token_hex
    jitter: Callable[[float, float], float] = secrets.SystemRandom().uniform

    def now(self) -> datetime:
        """The time in UTC."""
        return self.clock()


def of_process() -> Surroundings:
    """Those of this process, as they are now: a later change of the environment changes nothing."""
    return Surroundings(environ=dict(os.environ))
