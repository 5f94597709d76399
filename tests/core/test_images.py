"""What commits become when merges are made again: order, shape, and every way in which a shape can be wrong."""

from __future__ import annotations

from dataclasses import replace

from gitalign.core.images import Images, misplaced, todo_order
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Dropped, DropReason, Rewrite

# B is the base; x: B-1-3-M+2, 2 stands on 1; the target's tip is T.
OLD = {"1": "B", "2": "1", "3": "1", "M": "32"}
NEW = {"a": "T", "b": "a", "c": "a", "m": "cb"}
PARENTS = {Oid(key): tuple(map(Oid, value)) for key, value in {**OLD, **NEW}.items()}
RESULT = Aligned(
    how=AlignedKind.RECREATED,
    before=Oid("M"),
    after=Oid("m"),
    onto=Oid("T"),
    tree=Oid("0"),
    rewritten=tuple(Rewrite(old=Oid(old), new=Oid(new)) for old, new in zip("123M", "abcm", strict=True)),
)


def _fault(result: Aligned, **parents: str) -> str:
    known = PARENTS | {Oid(key): tuple(map(Oid, value)) for key, value in parents.items()}
    return misplaced(
        result,
        own=list(map(Oid, "123M")),
        bases=[Oid("B")],
        old_parents=known.__getitem__,
        new_parents=known.__getitem__,
    )


def test_merged_lines_come_before_the_line_that_merges_them() -> None:
    assert todo_order(list(map(Oid, "132M")), PARENTS.__getitem__) == list(map(Oid, "123M"))


def test_images_follow_what_became_of_commits() -> None:
    images = Images([Oid("B")], Oid("T"))
    assert (images.of(Oid("B")), images.of(Oid("A"))) == ("T", "A")
    images.note(Oid("1"), Oid("a"))
    assert images.of(Oid("1")) == "a"


def test_the_right_shape_has_no_fault() -> None:
    assert _fault(RESULT) == ""


def test_every_wrong_shape_is_told() -> None:
    one, two, three, merge = RESULT.rewritten
    gone = Dropped(oid=Oid("2"), reason=DropReason.UPSTREAM)
    assert "neither in the result" in _fault(replace(RESULT, rewritten=(one, two, three)))
    assert "named twice" in _fault(replace(RESULT, dropped=(gone,)))
    assert "none of the branch's own" in _fault(
        replace(RESULT, dropped=(Dropped(oid=Oid("Z"), reason=DropReason.UPSTREAM),))
    )
    assert "became the same one" in _fault(
        replace(RESULT, rewritten=(one, two, Rewrite(old=Oid("3"), new=Oid("b")), merge))
    )
    assert "does not stand on" in _fault(RESULT, m="bc")
    assert "does not stand on" in _fault(RESULT, m="c")
    assert "does not stand on" in _fault(RESULT, a="S")
    assert "not what the branch's tip became" in _fault(replace(RESULT, after=Oid("c")))


def test_a_dropped_merge_must_not_take_what_it_merged_with_it() -> None:
    one, two, three, _ = RESULT.rewritten
    dropped = (Dropped(oid=Oid("M"), reason=DropReason.ALREADY_MERGED),)
    lost = replace(RESULT, after=Oid("c"), rewritten=(one, two, three), dropped=dropped)
    assert _fault(lost) == "commit b is not in the result"
