"""Starts a service on a loopback port and asks it for a page. Run as a command inside the confinement of a check.

Exit 0: it answered; 1: it did not, the output says why; 127: what starts it is not there.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException, HTTPMessage
from typing import IO

from gitalign.child import Call
from gitalign.validate.observe import DEADLINE, observe

_ASK_S = 2.0
_ANSWERED = "answered "


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """A redirection is an answer; where it leads is not this check's."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def main(words: Sequence[str]) -> int:
    """Try each way in turn: `--page=/ --seconds=30 --way uvicorn a:b --factory --way uvicorn a:c`."""
    page, seconds, ways = _read(words)
    for way in ways:
        code = _try(way, page=page, seconds=seconds)
        if code in (0, 127):
            return code
    return 1


def _read(words: Sequence[str]) -> tuple[str, float, list[list[str]]]:
    page, seconds = "/", 30.0
    ways: list[list[str]] = []
    for word in words:
        if word == "--way":
            ways.append([])
        elif ways:
            ways[-1].append(word)
        elif word.startswith("--page="):
            page = word.partition("=")[2]
        elif word.startswith("--seconds="):
            seconds = float(word.partition("=")[2])
    return page, seconds, ways


def _try(way: Sequence[str], *, page: str, seconds: float) -> int:
    tool = shutil.which(way[0])
    if tool is None:
        _say(f"{way[0]} is not there")
        return 127
    port = _free_port()
    url = f"http://127.0.0.1:{port}/{page.lstrip('/')}"
    argv = [tool, *way[1:], "--host", "127.0.0.1", "--port", str(port)]
    _say(f"$ {' '.join([way[0], *argv[1:]])}")
    seen = observe(Call(argv, os.environ, "."), timeout_s=seconds, watch=lambda pid: _answer(url))
    sys.stdout.flush()
    sys.stdout.buffer.write(seen.output)
    if seen.ended_because is None:
        _say(f"it ended by itself, exit {seen.returncode}")
        return 1
    if seen.ended_because == DEADLINE:
        _say(f"no answer within {seconds:g} s")
        return 1
    _say(f"{page}: {seen.ended_because}")
    return 0 if int(seen.ended_because.removeprefix(_ANSWERED)) < 500 else 1


def _answer(url: str) -> str | None:
    try:
        with _OPENER.open(url, timeout=_ASK_S) as answer:
            return f"{_ANSWERED}{answer.status}"
    except urllib.error.HTTPError as error:
        error.close()
        return f"{_ANSWERED}{error.code}"
    except (OSError, HTTPException):
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
