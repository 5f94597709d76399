"""The server as a process: uvicorn on a socket of ours, drained by SIGTERM or Ctrl-C; and workers without a server."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from types import FrameType

import uvicorn
from fastapi import FastAPI

from gitalign.errors import ConfigError, UserError
from gitalign.service.application import create_app
from gitalign.service.settings import ServerSettings
from gitalign.service.working.worker import Workers

_STREAMS_END_S = 3
_BACKLOG = 512


class _Server(uvicorn.Server):
    """uvicorn, which ends with exit code 0 when it was asked to end: it raises the signal again otherwise."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See `uvicorn.Server`."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def serve(settings: ServerSettings, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to end; then jobs are drained.

    Args:
        settings: of the service.
        announce: called with the address, when the port is open.

    Raises:
        UserError: the address cannot be listened on.
        StoreError, ConfigError, PluginError
    """
    server = settings.server
    settings.open_database().close()  # what is wrong with it is said before anything listens
    with closing(_listening(server.host, server.port)) as listening:
        config = uvicorn_config(settings, create_app(settings))
        _load(config)
        host = f"[{server.host}]" if ":" in server.host else server.host
        announce(f"{'http' if server.tls is None else 'https'}://{host}:{listening.getsockname()[1]}")
        _Server(config).run(sockets=[listening])


def uvicorn_config(settings: ServerSettings, app: FastAPI) -> uvicorn.Config:
    """How uvicorn serves: headers of a proxy count only where one is trusted, and then only those that it added."""
    server = settings.server
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=bool(server.trusted_proxies),
        forwarded_allow_ips=list(server.trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=_STREAMS_END_S,
        ssl_certfile=None if server.tls is None else str(server.tls.certificate),
        ssl_keyfile=None if server.tls is None else str(server.tls.key),
        ws="none",
    )


def _load(config: uvicorn.Config) -> None:
    """Read certificate and key now.

    Raises:
        ConfigError: they cannot be read, or do not belong together.
    """
    try:
        config.load()
    except OSError as error:  # errors of TLS are, too
        raise ConfigError(
            f"server.tls cannot be used: {error.strerror or error}", hint="give a certificate and its key in PEM files"
        ) from error


def work(settings: ServerSettings, *, threads: int) -> None:
    """Carry jobs out until a signal asks to end; then they are drained.

    Args:
        settings: of the service.
        threads: jobs at once.
    """
    with closing(settings.open_database()) as database:
        traces = settings.open_traces(os.environ)
        workers = Workers(database, replace(settings.work_settings(), threads=threads), traces=traces)
        asked = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            asked.set()

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            workers.start()
            asked.wait()
            workers.drain()
        finally:
            if traces is not None:
                traces.close()
            for number, handler in before.items():
                signal.signal(number, handler)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another port with --port", code="address"
        ) from error
    return listening
