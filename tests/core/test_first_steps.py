"""What a lead does first: the clash that helps most, each once, with its owners; then what can be deleted and what goes stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gitalign.core.conflict_groups import ConflictGroup
from gitalign.core.first_steps import FirstSteps, Landed, first_steps
from gitalign.core.forecast import Author, Owner
from gitalign.core.outlook import StoppedWork
from gitalign.core.shared_conflicts import SharedConflict

ADA, BO = Author(name="Ada", email="ada@example.org"), Author(name="Bo", email="bo@example.org")
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def owner(branch: str, *authors: Author, days: int = 0) -> Owner:
    at = int((NOW - timedelta(days=days)).timestamp())
    return Owner(branch=branch, authors=authors, last_commit_at=at)


def group(path: str, *branches: str) -> ConflictGroup:
    return ConflictGroup(
        signature=path,
        kinds=("CONFLICT (contents)",),
        paths=(path,),
        targets=("main",),
        branches=branches,
        commits=(),
        causes=(),
    )


def shared(path: str, branches: Sequence[str], freed: Sequence[str] = ()) -> SharedConflict:
    return SharedConflict(
        signature=path, paths=(path,), pieces=1, example=None, branches=tuple(branches), freed=tuple(freed)
    )


def asked(
    *,
    groups: Sequence[ConflictGroup] = (),
    clashes: Sequence[SharedConflict] = (),
    owners: Sequence[Owner] = (),
    stopped: Sequence[str] = (),
    merged: Sequence[str] = (),
    squashed: Sequence[str] = (),
    remotes: Sequence[tuple[str, str]] = (),
) -> FirstSteps:
    return first_steps(
        stopped=stopped,
        work=StoppedWork(groups=tuple(groups), shared=tuple(clashes)),
        owners=owners,
        landed=Landed(merged, squashed),
        remotes=dict(remotes),
        as_of=NOW,
    )


def test_the_clash_that_helps_most_comes_first_with_its_owners() -> None:
    found = asked(
        stopped=("a", "b", "c", "d", "e", "f"),
        groups=(group("small", "a", "b"), group("alone", "f")),
        clashes=(shared("large", ("c", "d", "e"), freed=("d", "e")),),
        owners=(owner("a", ADA), owner("c", BO), owner("d", ADA, BO), owner("e", BO)),
    )
    assert [(one.paths, one.branches, one.freed) for one in found.clashes] == [
        (("large",), ("c", "d", "e"), ("d", "e")),
        (("small",), ("a", "b"), ("a", "b")),
    ]
    assert found.clashes[0].owners == ((BO, 2), (ADA, 1))
    # On a branch that nothing else stops.
    assert found.clashes[0].command == "git align resolve d"
    assert found.alone == ("c", "f")


def test_no_branch_is_freed_twice_and_what_helps_nobody_new_is_not_listed() -> None:
    found = asked(
        stopped=("a", "b", "c"),
        groups=(group("whole", "a", "b", "c"),),
        clashes=(shared("part", ("a", "b"), freed=("a",)),),
    )
    assert [one.paths for one in found.clashes] == [("whole",)]
    assert found.alone == ()


def test_a_branch_of_a_remote_is_made_local_before_it_is_resolved() -> None:
    found = asked(
        stopped=("-x", "y"), groups=(group("f", "-x", "y"),), merged=("y",), remotes=(("-x", "origin"), ("y", "origin"))
    )
    assert found.clashes[0].command == "git branch --track -- -x origin/-x && git align resolve -- -x"
    assert found.to_look == "git align conflicts --remote"
    assert found.to_delete == "git align prune --merged --remote"
    assert asked(squashed=("y",)).to_delete_squashed == "git align prune --merged --squashed"


def test_what_goes_stale_next() -> None:
    found = asked(
        owners=(
            owner("today", ADA, days=0),
            owner("soon", ADA, days=27),
            owner("sooner", days=29),
            owner("stale", ADA, days=31),
            owner("old", ADA, days=200),
            owner("merged", ADA, days=28),
        ),
        merged=("merged",),
    )
    assert [(one.branch, one.author, one.days_left) for one in found.going_stale] == [
        ("sooner", None, 1),
        ("soon", ADA, 3),
    ]
    assert (found.stale, found.old, found.merged) == (2, 1, ("merged",))


def test_nothing_to_do() -> None:
    found = asked(owners=(owner("a", ADA),))
    assert (found.clashes, found.alone, found.merged, found.going_stale, found.stale) == ((), (), (), (), 0)
