"""Passwords: hashed with argon2id, and compared in the same time whether there is such a person or not."""

from __future__ import annotations

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from gitalign.errors import UserError

SHORTEST, LONGEST = 12, 256
_FEWEST = 4
"""Different characters of a password, and those beside the name."""
_AT_ONCE = 4
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
"""The least that OWASP's cheat sheet on storing passwords names for argon2id: 19 MiB, about 20 ms of processor time."""


class Passwords:
    """Hashes and compares; at most four at once, so that many sign-ins do not take the memory of the machine."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES, type=Type.ID)
        self._room = threading.Semaphore(_AT_ONCE)
        self._of_nobody = self._hasher.hash(secrets.token_bytes(16))

    def hashed(self, password: str) -> str:
        """What is kept of a password."""
        with self._room:
            return self._hasher.hash(_normal(password))

    def is_right(self, hashed: str | None, password: str) -> bool:
        """True when the password belongs to the hash; without one it takes as long, and is False."""
        given = _normal(password[: LONGEST + 1])
        with self._room:
            try:
                self._hasher.verify(self._of_nobody if hashed is None else hashed, given)
            except (VerificationError, InvalidHashError):
                return False
        return hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """True when a new hash of the same password would be stronger."""
        return self._hasher.check_needs_rehash(hashed)


def require_good(password: str, *, name: str) -> str:
    """The password.

    Args:
        password: of a person's choice.
        name: of the person.

    Raises:
        UserError: it is too short, too long, or says the name.
    """
    fault = ""
    if len(_normal(password)) < SHORTEST or max(len(password), len(_normal(password))) > LONGEST:
        fault = f"a password has {SHORTEST} to {LONGEST} characters"
    elif min(len(set(password)), len(password.casefold().replace(name.casefold(), ""))) < _FEWEST:
        fault = "this password is easy to guess"
    if fault:
        raise UserError(fault, hint="use several words, or what a password manager makes", code="bad_password")
    return password


def _normal(password: str) -> str:
    """The same characters, however a keyboard composed them (NIST SP 800-63B: NFKC)."""
    return unicodedata.normalize("NFKC", password)
