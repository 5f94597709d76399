"""How often may be asked: requests of one account, and sign-ins that fail. Counted in this process, gone with it."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gitalign.service.problems import TooOften
from gitalign.service.settings import Bounds

_OF_A_NAME = 4
"""Failed sign-ins with one name, from all addresses together, are limited to so many times those from one address."""
_WINDOW_S = 60.0
_SLOTS = 1 << 14


@dataclass
class Attempt:
    """A sign-in that is being tried. It counts as failed unless it is said to have succeeded."""

    has_succeeded: bool = False


class Failures:
    """Failures of the last minute by address or by name, in memory that has a bound.

    Keys share a fixed number of slots, chosen by a hash with a secret: no one can drive another's count out of the memory, nor
    choose whose slot is filled. What is being tried counts as a failure until it has succeeded, so that many at once do not pass.

    Args:
        most: within a minute.
        clock: seconds that never go back.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._secret = secrets.token_bytes(16)
        self._at: dict[int, list[float]] = {}
        self._lock = threading.Lock()

    def begin(self, key: str) -> Callable[[], None] | None:
        """Count an attempt.

        Returns:
            What takes the attempt back, when it succeeds; None when there were too many.
        """
        slot = self._slot(key)
        with self._lock:
            now = self._clock()
            recent = [at for at in self._at.get(slot, ()) if at > now - _WINDOW_S]
            if len(recent) >= self._most:
                return None
            self._at[slot] = [*recent, now]

        def take_back() -> None:
            with self._lock:
                left = self._at.get(slot, [])
                if now in left:
                    left.remove(now)
                if not left:
                    self._at.pop(slot, None)

        return take_back

    def forget(self) -> None:
        """Begin again."""
        with self._lock:
            self._at.clear()

    def _slot(self, key: str) -> int:
        data = key.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(data, key=self._secret, digest_size=4).digest(), "big") % _SLOTS


class Throttle:
    """What is counted.

    Args:
        bounds: how often.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._requests = FixedWindowRateLimiter(MemoryStorage())
        self._per_account = RateLimitItemPerMinute(bounds.requests_per_minute)
        self._addresses = Failures(bounds.sign_ins_per_minute)
        self._names = Failures(bounds.sign_ins_per_minute * _OF_A_NAME)

    def count_request(self, account_id: str) -> None:
        """Count a request of a person or a token.

        Raises:
            TooOften
        """
        if not self._requests.hit(self._per_account, "request", account_id):
            raise TooOften("too many requests of this account", hint="wait a minute")

    @contextmanager
    def trying(self, address: str, *, name: str | None = None, is_known: bool = False) -> Iterator[Attempt]:
        """Try a sign-in, within.

        Args:
            address: of the browser.
            name: of the person, where a password is tried.
            is_known: the person is signed in from that address already, so that guessing from elsewhere does not keep the
                person out.

        Raises:
            TooOften: too many have failed.
        """
        taken = [self._addresses.begin(network_of(address))]
        if taken[0] is not None and name is not None and not is_known:
            taken.append(self._names.begin(name))
        if any(one is None for one in taken):
            raise TooOften("too many sign-ins have failed", hint="wait a minute, then try again")
        attempt = Attempt()
        yield attempt
        if attempt.has_succeeded:
            for take_back in taken:
                if take_back is not None:
                    take_back()

    def forget_failures(self) -> None:
        """Forget failed sign-ins."""
        self._addresses.forget()
        self._names.forget()


def network_of(address: str) -> str:
    """What counts as one address: with IPv6 a network of 64 bits, of which one machine has all addresses."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)
