"""The published keys of an OpenID issuer: fetched and kept here alone, for people who sign in and for runs of a CI."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from httpx2 import Client, HTTPError, InvalidURL
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from gitalign.core.names import display
from gitalign.service.problems import ProviderUnavailable
from gitalign.service.provider_settings import is_safe_url

_LOG = logging.getLogger("gitalign.service")
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of public keys alone: with `none`, or with a secret that others know, anybody could sign."""
DEADLINE_S = 10.0
_KEPT_S = 3_600.0
_AGAIN_S = 60.0
"""An issuer is asked no more often than this, whatever tokens come."""
_PAUSE_S = 5.0
"""So long after it did not answer it is not asked again for its metadata, however many people sign in meanwhile."""
_LARGEST_BYTES = 1024 * 1024
_LONGEST_REASON = 300


class IssuerKeys:
    """Metadata and keys of one issuer, kept for an hour. Thread-safe.

    Args:
        issuer: exactly as it calls itself.
        endpoints: members of its metadata that must be safe addresses.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        issuer: str,
        *,
        endpoints: Sequence[str] = ("jwks_uri",),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._endpoints = endpoints
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at = self._metadata_failed_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")
        self._asked_at = float("-inf")
        self._fault: str | None = None

    def metadata(self) -> Mapping[str, Any]:
        """What the issuer says of itself.

        Raises:
            ProviderUnavailable
        """
        if self._clock() - self._metadata_at < _KEPT_S:
            return self._metadata
        with self._lock:
            return self._metadata_now()

    def decoded(self, text: str) -> jwt.Token:
        """A token whose signature one of the keys made. Its claims are not looked at.

        Keys that are not known yet are fetched, once a minute at most. Those that are known stay while the issuer is away.

        Raises:
            JoseError, ValueError: none of its keys made the signature.
            ProviderUnavailable: it is not known which keys the issuer has.
        """
        keys = self._fresh_keys()  # without the lock: who has a known key does not wait while others are fetched
        if keys is None:
            with self._lock:
                keys = self._fresh_keys() or self._asked_again()
        try:
            return jwt.decode(text, keys, algorithms=[*ALGORITHMS])
        except (JoseError, ValueError):
            with self._lock:
                if self._keys is keys and self._fault is None and self._clock() - self._keys_at < _AGAIN_S:
                    raise  # the keys are the issuer's newest ones
                newer = self._asked_again() if self._keys is keys else self._keys
        return jwt.decode(text, newer or keys, algorithms=[*ALGORITHMS])

    def _fresh_keys(self) -> KeySet | None:
        return self._keys if self._clock() - self._keys_at < _KEPT_S else None

    def _asked_again(self) -> KeySet:
        """The keys that the issuer has now."""
        if self._fault is not None and self._clock() - self._asked_at < _AGAIN_S:
            raise unavailable(self._issuer, ValueError(self._fault))
        self._asked_at = self._clock()
        try:
            document = self._document(self._metadata_now()["jwks_uri"])
            keys = _understood(document.get("keys", []))
        except ProviderUnavailable:
            self._fault = "it did not answer within the last minute"
            raise
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            self._fault = "its keys cannot be read"
            raise unavailable(self._issuer, error) from error
        self._keys, self._keys_at, self._fault = keys, self._clock(), None
        return keys

    def _metadata_now(self) -> Mapping[str, Any]:
        if self._clock() - self._metadata_at < _KEPT_S:
            return self._metadata
        if self._clock() - self._metadata_failed_at < _PAUSE_S:
            raise unavailable(self._issuer, ValueError("it did not answer within the last seconds"))
        try:
            return self._metadata_asked()
        except ProviderUnavailable:
            self._metadata_failed_at = self._clock()
            raise

    def _metadata_asked(self) -> Mapping[str, Any]:
        found = self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise unavailable(self._issuer, ValueError("it calls itself otherwise"))
        for name in self._endpoints:
            if not is_safe_url(str(found.get(name, ""))):
                raise unavailable(self._issuer, ValueError(f"its {name} is not an https address"))
        self._metadata, self._metadata_at = found, self._clock()
        return found

    def _document(self, url: str) -> Mapping[str, Any]:
        body, ends = bytearray(), time.monotonic() + DEADLINE_S
        try:
            with Client(timeout=DEADLINE_S, follow_redirects=False) as client, client.stream("GET", url) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _LARGEST_BYTES:
                        raise ValueError("its answer is too large")
                    if time.monotonic() > ends:  # that of the client is for each piece
                        raise ValueError("its answer takes too long")
            document = json.loads(body)
        except (HTTPError, InvalidURL, ValueError, RecursionError) as error:
            raise unavailable(self._issuer, error) from error
        if not isinstance(document, dict):
            raise unavailable(self._issuer, ValueError("no JSON object came"))
        return document


def _understood(documents: list[Any]) -> KeySet:
    """The keys of a set, without those of kinds that are not known here. Source: RFC 7517, section 5.

    Raises:
        ValueError: none is left.
    """
    keys = []
    for document in documents:
        try:
            key = JWKRegistry.import_key(document)
            key.ensure_kid()
            _ = key.public_key
        except (JoseError, ValueError, LookupError, TypeError, AttributeError):
            continue
        keys.append(key)
    if not keys:
        raise ValueError("it has no key of a known kind")
    return KeySet(keys)


def unavailable(issuer: str, error: Exception) -> ProviderUnavailable:
    """The error for an issuer that cannot be asked; the log says why."""
    why = display(str(error)[:_LONGEST_REASON])
    _LOG.warning("the OpenID provider %s cannot be used: %s %s", issuer, type(error).__name__, why)
    return ProviderUnavailable(
        f"the OpenID provider {display(issuer)} cannot be used now", hint="try again, or ask an administrator"
    )
