"""What branches leave is packed while results are proved: nothing less is held than without, and nothing is left of what was not needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.engine.publishing import held_ahead, pins
from gitalign.errors import GitError
from gitalign.git.storing import NewPack
from tests.git.workspace import Workspace
from tests.runs import request, run

LEAVE = Permit(plan_id="*")
NAMES = ("x", "y")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(held_ahead, "_FROM", 1)
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n", "b": b"b\n"})
    for name in NAMES:
        work.switch(name, "main")
        work.commit(name, {name: name.encode(), f"d/{name}": b"1\n"})
    work.switch("main")
    work.commit("on", {"a": b"1\n"})
    return work


def packs(work: Workspace) -> list[str]:
    return sorted(path.name for path in (work.path / ".git/objects/pack").iterdir())


def collected(work: Workspace) -> None:
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "--quiet", "--prune=now")


def require_everything_held(work: Workspace, run_id: str, before: dict[str, str]) -> None:
    """Everything that the run left or made is there without any branch, and what it left can be given back."""
    after = {name: work.tip(name) for name in NAMES}
    assert all(after[name] != before[name] for name in NAMES)
    work.git("checkout", "-q", "main")
    work.git("branch", "-qD", *NAMES)
    collected(work)
    for oid in (*before.values(), *after.values()):
        work.git("rev-list", "--objects", oid)
    work.git("fsck", "--full", "--no-dangling", "--strict")
    for name in NAMES:
        work.git("branch", name, after[name])
        assert facade.restore(request(work.path), name, run_id, permit=LEAVE).exit_code() == 0
        assert work.tip(name) == before[name]
    assert not [name for name in packs(work) if name.startswith("tmp_")]


def test_the_pack_made_ahead_is_used(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[str] = []
    real = NewPack.bring_in

    def bring_in(pack: NewPack, *, mark: str) -> None:
        brought.append(pack.name)
        real(pack, mark=mark)

    monkeypatch.setattr(NewPack, "bring_in", bring_in)
    before = {name: work.tip(name) for name in NAMES}
    report = run(work.path)
    assert len(brought) == 1, "what the results stand on is in their own packs, and in this one"
    assert f"pack-{brought[0]}.keep" in packs(work)
    require_everything_held(work, report.run.id, before)


def test_what_only_garbage_had_is_held_too(work: Workspace) -> None:
    """git writes no object that is there already, so a result may stand on one that no ref leads to."""
    main = work.tip("main")
    work.git("checkout", "-q", "--detach", main)
    work.git("checkout", "-q", "x", "--", ".")
    work.git("commit", "-qm", "the same folder, by chance")
    work.git("checkout", "-q", "main")
    before = {name: work.tip(name) for name in NAMES}
    report = run(work.path)
    require_everything_held(work, report.run.id, before)


@pytest.mark.parametrize("fault", ["cannot be packed", "is gone again", "targets differ"])
def test_without_the_pack_made_ahead_all_is_packed_then(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def fails(*_: object, **__: object) -> NewPack:
        raise GitError("not today")

    def lost(pack: NewPack, bases: object) -> NewPack:
        return NewPack(name="0" * 40, packs=work.path / ".git/objects/pack", made=work.path / "gone")

    if fault == "cannot be packed":
        monkeypatch.setattr(held_ahead, "packed_again", fails)
    elif fault == "is gone again":
        monkeypatch.setattr(held_ahead.HeldAhead, "pack", lost)
    else:
        real = held_ahead.HeldAhead.pack
        monkeypatch.setattr(held_ahead.HeldAhead, "pack", lambda ahead, bases: real(ahead, [*bases, Oid("0" * 40)]))
    before = {name: work.tip(name) for name in NAMES}
    report = run(work.path)
    require_everything_held(work, report.run.id, before)


def test_a_run_that_moves_nothing_leaves_no_pack(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.engine.gates.certify.ProofGate.judge", _refuses)
    report = run(work.path)
    assert report.run.moved == 0
    assert packs(work) == []


def _refuses(gate: object, results: list[object], context: object) -> list[object]:
    from gitalign.core.outcome import Failed
    from gitalign.engine.gates.gate import Verdict

    return [Verdict(refusal=Failed(code="not_proved", reason="no", hint="", stage="conserve")) for _ in results]


def test_a_branch_that_was_refused_meanwhile_is_held_as_well(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """More may be packed than moves in the end: that loses nothing."""
    from gitalign.engine.gates import certify
    from gitalign.engine.gates.gate import PASS

    real = certify.ProofGate.judge

    def judge(gate: certify.ProofGate, results: list[object], context: object) -> list[object]:
        list(real(gate, results, context))  # type: ignore[arg-type]
        return [_refuses(gate, [results[0]], context)[0], *([PASS] * (len(results) - 1))]

    monkeypatch.setattr(certify.ProofGate, "judge", judge)
    report = run(work.path)
    assert report.run.moved == 1
    work.git("fsck", "--full", "--strict")
    assert not [name for name in packs(work) if name.startswith("tmp_")]


def test_the_mark_is_that_of_pins() -> None:
    assert pins.mark_of("r") == "git-align pin r"
