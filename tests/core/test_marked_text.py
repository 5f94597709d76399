"""A conflicted file shortened to what a person has to read."""

from __future__ import annotations

from gitalign.core.marked_text import LineKind, Stretch, abridged


def lines(first: int, last: int) -> tuple[bytes, ...]:
    return tuple(b"line %d\n" % number for number in range(first, last + 1))


def shown(*stretches: Stretch, has_base: bool = True) -> list[tuple[str, int, str]]:
    found = abridged("f", stretches, has_base=has_base)
    return [(line.kind.value, line.hunk, line.text) for line in found.lines]


def test_only_what_is_next_to_a_clash_is_kept_of_the_rest() -> None:
    clash: Stretch = ((b"ours\r\n",), (b"was\n",), (b"theirs",))
    found = shown((lines(1, 10),), clash, (lines(12, 30),), clash, (lines(32, 33),))
    assert found == [
        ("gap", 0, "7"),
        *(("merged", 0, f"line {number}") for number in (8, 9, 10)),
        ("ours", 1, "ours"),
        ("base", 1, "was"),
        ("theirs", 1, "theirs"),
        *(("merged", 0, f"line {number}") for number in (12, 13, 14)),
        ("gap", 0, "13"),
        *(("merged", 0, f"line {number}") for number in (28, 29, 30)),
        ("ours", 2, "ours"),
        ("base", 2, "was"),
        ("theirs", 2, "theirs"),
        *(("merged", 0, f"line {number}") for number in (32, 33)),
    ]


def test_few_lines_between_are_kept_once_and_whole() -> None:
    clash: Stretch = ((b"a\n",), (), (b"b\n",))
    between = [text for kind, _, text in shown(clash, (lines(1, 5),), clash) if kind == "merged"]
    assert between == [f"line {number}" for number in range(1, 6)]


def test_without_a_base_there_is_none() -> None:
    assert shown(((b"a\n",), (b"made up\n",), (b"b\n",)), has_base=False) == [("ours", 1, "a"), ("theirs", 1, "b")]


def test_long_and_odd_text_is_bounded() -> None:
    found = abridged("f", [(lines(1, 600), (), (b"\xff" + b"x" * 5000,))], has_base=True)
    assert (len(found.lines), found.lines_left_out) == (400, 201)
    assert found.lines[0].kind is LineKind.OURS
    (line,) = abridged("f", [((), (), (b"\xff" + b"x" * 5000,))], has_base=True).lines
    assert line.text == "\ufffd" + "x" * 399
