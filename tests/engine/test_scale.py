"""A branch among many costs what it costs among few: counted in questions to the journal and to git, not in seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gitalign import child, facade
from gitalign.core.plan import Permit
from gitalign.engine.publishing import move
from tests.git.workspace import Workspace
from tests.runs import request, run

FEW, MANY = 20, 80
MOST_TIMES = 1.3


def build(place: Path, branches: int) -> Workspace:
    """Branches of one commit each; every fourth stands on the one before it."""
    work = Workspace(place)
    data = bytearray()

    def commit(ref: str, mark: int, path: str, parent: int) -> None:
        data.extend(b"commit refs/heads/%s\nmark :%d\n" % (ref.encode(), mark))
        data.extend(b"committer B <b@example.org> %d +0000\ndata 1\nx\n" % (1_700_000_000 + mark))
        data.extend(b"from :%d\n" % parent if parent else b"")
        data.extend(b"M 100644 inline %s\ndata 1\nx\n\n" % path.encode())

    commit("main", 1, "base", 0)
    for number in range(branches):
        commit(f"topic/{number:03}", number + 2, f"own{number}", number + 1 if number % 4 == 3 else 1)
    commit("main", branches + 2, "more", 1)
    work.git("fast-import", "--quiet", "--force", stdin=bytes(data))
    work.git("reset", "-q", "--hard")
    return work


class Counted:
    """What was asked while it was open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: Counter[str] = Counter()
        started = child.run

        def counted(*words: Any, **more: Any) -> child.Completed:
            self.asked["processes"] += 1
            self.asked["bytes to and from git"] += len(more.get("stdin", b""))
            done = started(*words, **more)
            self.asked["bytes to and from git"] += len(done.stdout)
            return done

        monkeypatch.setattr(child, "run", counted)
        event.listen(Engine, "before_cursor_execute", self._statement)

    def _statement(self, _: Any, __: Any, ___: str, parameters: Any, ____: Any, is_many: bool) -> None:
        self.asked["values for the journal"] += sum(map(len, parameters)) if is_many else len(parameters)

    def close(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._statement)


def costs(place: Path, branches: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[str]]:
    work = build(place, branches)
    found: dict[str, Counter[str]] = {}
    for verb in ("run", "verify", "undo"):
        with monkeypatch.context() as patched:
            counted = Counted(patched)
            try:
                if verb == "run":
                    assert len(run(work.path).publications) == branches
                elif verb == "verify":
                    assert len(facade.verify(request(work.path))) == branches
                else:
                    facade.undo(request(work.path), "last", permit=Permit(plan_id="*", given_by="test"))
            finally:
                counted.close()
        found[verb] = counted.asked
    return found


def test_a_branch_among_many_asks_for_no_more_than_one_among_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As often as can be: a question about all branches for each of them then shows.
    monkeypatch.setattr(move, "_ASK_EVERY_S", 0.0)
    few, many = costs(tmp_path / "few", FEW, monkeypatch), costs(tmp_path / "many", MANY, monkeypatch)
    for verb, asked in many.items():
        for what, count in asked.items():
            allowed = MOST_TIMES * few[verb][what] * MANY / FEW
            assert count <= allowed, f"{verb}: {count} {what} for {MANY} branches, {few[verb][what]} for {FEW}"
