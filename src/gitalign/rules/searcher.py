"""Looking for patterns in a process of its own, each question with a deadline."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitalign.child import ChildEnded, ChildTimedOut, Conversation

_SCRIPT = Path(__file__).with_name("search_process.py")
_LONGEST_S = 5.0
"""What one question may take, so that one pattern does not use up the time of all rules."""

_FAIR_S = 1.0
"""Time enough to tell that a pattern is slow, and not that its branch had none left."""
_MOST_TRIES = 3
"""How often a pattern may take too long before it is not looked for any more: there may be thousands of branches."""


class CannotTell(Exception):
    """A pattern could not be looked for; the message says why."""


class TookTooLong(CannotTell):
    """The search was ended before it was done."""


class Searcher:
    """Asks the search process, which is started when first needed. One worker's; not thread-safe."""

    def __init__(self) -> None:
        self._talk: Conversation | None = None
        self._slow: Counter[str] = Counter()

    def lines(self, pattern: str, lines: Sequence[str], *, ignore_case: bool, deadline: float) -> list[int]:
        """Positions of the lines in which a regular expression is found.

        Raises:
            CannotTell
        """
        asked = {"what": "regex", "pattern": pattern, "ignore_case": ignore_case, "lines": list(lines)}
        return [int(hit) for hit in self._ask(asked, deadline)["hits"]]

    def code(self, pattern: str, language: str, source: str, *, deadline: float) -> list[tuple[int, int]]:
        """First and last lines of what a code pattern matches.

        Raises:
            CannotTell: also when ast-grep is not installed, or the code cannot be parsed.
        """
        said = self._ask({"what": "ast", "pattern": pattern, "language": language, "text": source}, deadline)
        if "missing" in said:
            raise CannotTell("ast-grep is not installed: pip install 'git-align[rules]'")
        if "broken" in said:
            raise CannotTell(f"is no valid {language}: line {said['broken']}")
        return [(int(first), int(last)) for first, last in said["spans"]]

    def close(self) -> None:
        """End the process."""
        if self._talk is not None:
            self._talk.close()
            self._talk = None

    def _ask(self, asked: dict[str, Any], deadline: float) -> dict[str, Any]:
        if self._slow[asked["pattern"]] >= _MOST_TRIES:
            raise TookTooLong(f"took too long {_MOST_TRIES} times, and is not looked for any more")
        begun = time.monotonic()
        until = min(deadline, begun + _LONGEST_S)
        try:
            if self._talk is None:
                # -I: neither the environment nor the folder we stand in says what is imported.
                self._talk = Conversation([sys.executable, "-I", str(_SCRIPT)], env={})
            self._talk.send(json.dumps(asked).encode("ascii") + b"\n", deadline=until)
            said: dict[str, Any] = json.loads(self._talk.read_until(b"\n", deadline=until))
        except ChildTimedOut as error:
            self.close()
            self._slow[asked["pattern"]] += until - begun >= _FAIR_S
            raise TookTooLong("took too long") from error
        except (ChildEnded, OSError, ValueError) as error:
            self.close()
            raise CannotTell("the search came to a bad end") from error
        if "fault" in said:
            raise CannotTell(said["fault"])
        return said
