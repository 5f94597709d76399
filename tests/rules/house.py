"""A branch, a pack, and what comes of the two: the way every test of a checker goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gitalign import facade
from gitalign.core.rules import Compliance, RequirementResult
from tests.git.workspace import Workspace

Files = Mapping[str, bytes | None]


def pack_of(*checks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pack with one MUST for each check."""
    rules = [
        {
            "id": f"rule-{number}",
            "name": "a rule",
            "severity": "must",
            **({"check": dict(check)} if check else {}),
            **more,
        }
        for number, check in enumerate(checks)
    ]
    return {"format": 1, "name": "house", "version": "1", "requirements": rules}


def write_pack(place: Path, pack: Mapping[str, Any]) -> Path:
    """The pack as a file."""
    place.write_text(yaml.safe_dump(dict(pack)))
    return place


def branch_with(folder: Path, base: Files, topic: Files, *messages: str) -> Workspace:
    """A repository whose branch `topic` makes the change; the target moves on, too."""
    work = Workspace(folder / "repo")
    work.commit("base", {"kept": b"1\n", **base})
    work.switch("topic", "main")
    first, *others = messages or ("topic",)
    work.commit(first, topic, allow_empty=True)
    for message in others:
        work.commit(message, allow_empty=True)
    work.switch("main")
    work.commit("main", {"main-only": b"1\n"})
    return work


def check(work: Workspace, pack: Mapping[str, Any] | str, *branches: str, target: str | None = None) -> Compliance:
    """What the pack says of `topic`, or of another branch."""
    name = pack if isinstance(pack, str) else str(write_pack(work.path.parent / "pack.yaml", pack))
    (found,) = facade.check_rules(
        facade.Request(repo=work.path), branches=branches or ("topic",), packs=(name,), target=target
    )
    return found


def result(found: Compliance, number: int = 0) -> RequirementResult:
    """One result."""
    return found.results[number]


def told(one: RequirementResult) -> Sequence[tuple[str | None, int | None]]:
    """Where its spots are."""
    return [(spot.path, spot.line) for spot in one.spots]
