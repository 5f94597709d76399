"""Verbs typed against a service, and the same verbs typed where the repository is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gitalign.core.accounts import Role
from tests import warm
from tests.service.serving import Served


def remote(server: Served, *words: object, code: int = 0, role: Role = Role.LANDER) -> Any:
    env = {"GITALIGN_SERVER": server.address, "GITALIGN_TOKEN": server.token(role)}
    done = warm.run("remote", *words, cwd=Path("/"), env=env)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done


def same(there: str, here: str) -> bool:
    """Whether texts are equal but for times, ids, what to type next, and the targets that were found before."""

    def plain(text: str) -> list[str]:
        left_out = ("next:", "git align", "Targets: ", "clusters: ")
        lines = [line for line in text.splitlines() if not any(word in line for word in left_out)]
        return [
            re.sub(r"\d{8}-\d{6}-[0-9a-f]+|\d+(\.\d+)? ?(s|ms|MB|MiB)\b|[0-9a-f]{7,64}", "*", line) for line in lines
        ]

    return plain(there) == plain(here)


def volatile(document: Any) -> Any:
    """A document without the time that it was made at, and what depends on the place that it was made in."""
    left_out = (
        {"as_of", "detail", "created_at", "release", "metadata"} if "checks" in document else {"as_of", "created_at"}
    )

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in left_out}
        return [plain(one) for one in value] if isinstance(value, list) else value

    return plain(document)
