"""How often may be asked: requests of one token, and sign-ins that fail."""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from gitalign.service.problems import TooOften
from gitalign.service.settings import Bounds

_IN_ALL = 20
"""Failed sign-ins from all addresses together are limited to so many times those from one."""


class Throttle:
    """Counts in memory: of this process, gone with it.

    Args:
        bounds: how often.
    """

    def __init__(self, bounds: Bounds) -> None:
        storage = MemoryStorage()
        self._requests = FixedWindowRateLimiter(storage)
        self._failures = MovingWindowRateLimiter(storage)
        self._per_token = RateLimitItemPerMinute(bounds.requests_per_minute)
        self._per_address = RateLimitItemPerMinute(bounds.sign_ins_per_minute)
        self._in_all = RateLimitItemPerMinute(bounds.sign_ins_per_minute * _IN_ALL)

    def count_request(self, token_id: str) -> None:
        """Count a request.

        Raises:
            TooOften
        """
        if not self._requests.hit(self._per_token, "request", token_id):
            raise TooOften("too many requests with this token", hint="wait a minute")

    def require_may_try(self, address: str) -> None:
        """Refuse a sign-in where too many have failed.

        Raises:
            TooOften
        """
        is_free = self._failures.test(self._per_address, "sign-in", address)
        if not is_free or not self._failures.test(self._in_all, "sign-in"):
            raise TooOften("too many sign-ins have failed", hint="wait a minute")

    def count_failure(self, address: str) -> None:
        """Count a sign-in that failed."""
        self._failures.hit(self._per_address, "sign-in", address)
        self._failures.hit(self._in_all, "sign-in")
