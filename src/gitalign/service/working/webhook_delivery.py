"""Delivers to webhooks: signed, never followed elsewhere, never to an address of a private network unless it is allowed."""

from __future__ import annotations

import http.client
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from gitalign.core.addresses import is_public
from gitalign.core.machine_paths import machine_paths
from gitalign.core.webhooks import signature
from gitalign.errors import ConfigError, StoreError, UserError
from gitalign.release import VERSION
from gitalign.service.credentials import Sealer
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.places import KnownPlaces
from gitalign.store.service.webhooks import DueDelivery, Webhooks

_LOG = logging.getLogger("gitalign.service")
_TIMEOUT_S = 10.0
_IN_ALL_S = 20.0
_LOOKED_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPolicy:
    """Where webhooks may lead.

    Attributes:
        private_hosts: names or addresses that may be of a private network, and may be reached without TLS.
    """

    private_hosts: tuple[str, ...] = ()

    def require(self, url: str) -> None:
        """Refuse an address that no webhook may have.

        Raises:
            UserError
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _refused(str(error)) from error
        if not host or parts.scheme not in ("http", "https") or parts.username is not None or port == 0:
            raise _refused("it is not an address such as https://ci.example.org/hook")
        if host in self.private_hosts:
            return
        if parts.scheme != "https":
            raise _refused("messages would be sent in the clear: use https")
        with suppress(ValueError):
            ipaddress.ip_address(host)
            if not is_public(host):
                raise _refused("it is of a private network")

    def places(self, host: str, port: int) -> list[str]:
        """Addresses of a host, all of which may be connected to.

        Raises:
            UserError: one of them may not.
            OSError: the name is not known.
        """
        found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        if host not in self.private_hosts and not all(map(is_public, found)):
            raise _refused("it leads to a private network")
        return list(dict.fromkeys(found))


def _refused(why: str) -> UserError:
    return UserError(
        f"this address cannot be a webhook: {why}",
        hint="webhooks: {private_hosts: [NAME]} in the settings of the service allows one",
        code="bad_webhook",
    )


class Deliveries:
    """Delivers what is due.

    Args:
        database: of the service.
        policy: where webhooks may lead.
        sealer: opens the secrets that sign.
        places: paths of this machine that messages must not name -> what is said instead.
    """

    def __init__(
        self,
        database: ServiceDatabase,
        policy: WebhookPolicy,
        *,
        sealer: Sealer,
        places: Mapping[str, str] | None = None,
    ) -> None:
        self._sealer = sealer
        self._webhooks = Webhooks(database)
        self._places, self._known_places = tuple((places or {}).items()), KnownPlaces(database)
        self._policy = policy

    def run(self, over: threading.Event) -> None:
        """Deliver until the process ends."""
        while not over.is_set():
            try:
                self._webhooks.write_new()
                if self.deliver_one():
                    continue
            except StoreError as error:
                _LOG.warning("webhooks cannot be delivered: %s", error.message)
            except Exception:
                _LOG.exception("webhooks: an error that is a bug")
            over.wait(_LOOKED_EVERY_S)

    def write_new(self) -> int:
        """See `Webhooks.write_new`."""
        return self._webhooks.write_new()

    def deliver_one(self) -> bool:
        """Try one delivery that is due; False when there is none."""
        due = self._webhooks.claim()
        if due is None:
            return False
        status, detail = self._attempt(due)
        self._webhooks.ended(due, status=status, detail=detail)
        return True

    def _attempt(self, due: DueDelivery) -> tuple[int | None, str]:
        try:
            secret = due.secret if due.sealed is None else self._sealer.opened_text(due.sealed, of=due.webhook)
        except ConfigError:
            return None, "no key of this service opens the secret of the webhook: see repositories.key_file"
        hidden = machine_paths((*self._places, *self._known_places.all()))
        body, timestamp = hidden.hidden(due.body.encode("utf-8")), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"git-align/{VERSION}",
            "webhook-id": due.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message_id=due.id, timestamp=timestamp, body=body),
        }
        try:
            self._policy.require(due.url)
            status = self._posted(due.url, body, headers)
        except UserError as error:
            return None, error.message
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return None, f"{type(error).__name__}: {error}"
        return status, "" if 200 <= status < 300 else f"HTTP status {status}"

    def _posted(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send a request to an address that was checked, and to no other; the status. Redirections are not followed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = self._policy.places(host, port)[0]
        connected = socket.create_connection((place, port), timeout=_TIMEOUT_S)
        late = threading.Timer(_IN_ALL_S, _cut, args=(connected,))
        late.daemon = True
        late.start()
        try:
            if parts.scheme == "https":
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=host)
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            connection.sock = connected
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=body, headers=headers)
            return connection.getresponse().status
        finally:
            late.cancel()
            connected.close()


def _cut(connected: socket.socket) -> None:
    """End a connection whose other side takes too long in all."""
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
