"""What every use case that takes its time is given beside its question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from gitalign.engine.run.contexts import Caller
from gitalign.engine.runtime.checkpoints import Checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.ports import Listener


class Following(TypedDict, total=False):
    """Who follows a use case, and what ends it early. All of them are keywords, and none is needed.

    Attributes:
        listeners: followers of the event stream.
        stop: the stop signal.
        checkpoint: called with a name before each effect; rehearsals of crashes end the process there.
    """

    listeners: Sequence[Listener]
    stop: StopSignal | None
    checkpoint: Checkpoint


def caller_of(following: Following) -> Caller:
    """The same as the engine takes it.

    Raises:
        TypeError: a keyword that is none of these.
    """
    given = {name: value for name, value in following.items() if value is not None}
    return Caller(**given)  # type: ignore[arg-type]
