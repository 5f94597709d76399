"""How often, and for how long, a service is asked that does not answer."""

from __future__ import annotations

import time

from gitalign.client.calls import Problem
from gitalign.errors import RemoteError

ATTEMPTS = 4
"""Of a request that could not be sent, or to which no answer came. Every POST has a key, so it is carried out once."""
PATIENCE_S = 300.0
"""Seconds for which events are followed, and a job is waited for, while the service does not answer."""
PAUSE_S = 0.5
"""Seconds before the second attempt; twice as long before each further one."""
LONGEST_OWN_PAUSE_S = 5.0
"""Between two attempts, when the service does not say how long."""
LONGEST_PAUSE_S = 60.0
"""What a service may ask for with `Retry-After`."""
_BROKEN_GATEWAY = ("http_502", "http_504")


class Attempts:
    """Attempts at one request: how long to wait after one that failed, and when to give up.

    Args:
        failed: what it is called, for the message.
        hint: for the message.
        most: attempts in a row.
    """

    def __init__(self, failed: str, *, hint: str, most: int = ATTEMPTS) -> None:
        self._most = most
        self._failed = failed
        self._hint = hint
        self._in_a_row = 0

    def succeeded(self) -> None:
        """The service answered: failures before that do not count any more."""
        self._in_a_row = 0

    def pause_after(self, error: Exception) -> float:
        """How long to wait before the next attempt, in seconds.

        Args:
            error: a `Problem`, or why there was no answer.

        Raises:
            Problem: it will not go away, or it was the last attempt.
            RemoteError: no answer came to the last attempt.
        """
        self._in_a_row += 1
        is_last = self._in_a_row >= self._most
        if isinstance(error, Problem):
            if is_last or not error.retryable:
                raise error
        elif is_last:
            raise self._given_up(error) from error
        return self._pause(error)

    def _given_up(self, error: Exception) -> RemoteError:
        return RemoteError(f"{self._failed}: {error}", hint=self._hint)

    def _pause(self, error: Exception) -> float:
        if isinstance(error, Problem) and error.retry_after_s is not None:
            return min(max(error.retry_after_s, PAUSE_S), LONGEST_PAUSE_S)
        return float(min(PAUSE_S * 2 ** min(self._in_a_row - 1, 10), LONGEST_OWN_PAUSE_S))


def for_a_request(*, most: int = ATTEMPTS) -> Attempts:
    """Attempts at one request."""
    return Attempts("the service does not answer", hint="is it running?", most=most)


class Patience(Attempts):
    """Attempts for some minutes: while events are followed, the service may be started again, or moved.

    Args:
        address: of the service, for the message.
        job: that is followed; None for all of a repository.
        repository: of both, by name; None where only the job is known.
    """

    def __init__(self, address: str, *, job: str | None, repository: str | None) -> None:
        where = f" --repository {repository}" if repository is not None else ""
        what = f"job {job}, which goes on there" if job is not None else "the events of the repository"
        failed = f"the service does not answer for {PATIENCE_S / 60:g} minutes; no longer following {what}"
        super().__init__(failed, hint=f"git align remote jobs --server {address}{where}")
        self._since = 0.0
        self._paused = 0.0

    def pause_after(self, error: Exception) -> float:
        """See `Attempts`."""
        if isinstance(error, Problem) and not (error.retryable or error.code in _BROKEN_GATEWAY):
            raise error
        now = time.monotonic()
        if not self._in_a_row:
            self._since, self._paused = now, 0.0
        self._in_a_row += 1
        if max(now - self._since, self._paused) >= PATIENCE_S:
            raise self._given_up(error) from error
        pause = self._pause(error)
        self._paused += pause
        return pause
