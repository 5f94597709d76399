"""Normalised conflicts and their ids, against git's own rerere: folder names and preimages, byte for byte."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.resolve.rerere import Unbalanced, holds_conflict, is_image_of, normalise
from tests.git.workspace import Workspace

LINES = [
    b"one\n", b"two\n", b"two\r\n", b"\n", b"three \n", b"=======\n", b"======= x\n", b"=====\n", b"<<<<<<<\n", b">>>>>>>\n",
    b"||||||| was\n", b"<<<<<<<tight\n", b"\xff\xfe\n", b"=======\r\n",
]  # fmt: skip
MARKS = [b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> topic\n", b"||||||| base\n", b"<<<<<<< a b\r\n", b">>>>>>> \n"]


def recorded(work: Workspace) -> dict[str, tuple[str, bytes]]:
    """Path -> (name of the folder, preimage) as git recorded them."""
    found = {}
    for entry in (work.path / ".git" / "MERGE_RR").read_bytes().split(b"\0"):
        if entry:
            name, _, path = entry.decode().partition("\t")
            folder, _, variant = name.partition(".")
            place = work.path / ".git" / "rr-cache" / folder / ("preimage" + (f".{variant}" if variant else ""))
            found[path] = (folder, place.read_bytes())
    return found


def conflicted(at: random.Random, depth: int = 0) -> bytes:
    """A file with conflicts as merges write them, or nearly so; some are nested, some broken."""
    made = [at.choice(LINES[:5]) for _ in range(at.randrange(3))]
    for _ in range(at.randrange(1, 3)):
        made.append(at.choice([MARKS[0], MARKS[0], MARKS[4]]))
        for mark in ([MARKS[3]] if at.random() < 0.3 else []) + [MARKS[1], at.choice([MARKS[2], MARKS[5]])]:
            made += [at.choice(LINES if at.random() < 0.1 else LINES[:5]) for _ in range(at.randrange(3))]
            if depth < 3 and at.random() < 0.2:
                made.append(conflicted(at, depth + 1))
            if at.random() > 0.03:
                made.append(mark)
        made += [at.choice(LINES) for _ in range(at.randrange(2))]
    whole = b"".join(made)
    return whole[:-1] if at.random() < 0.1 else whole


def ours(content: bytes, size: int, object_format: str) -> tuple[str, bytes] | None:
    try:
        found = normalise(content, marker_size=size, object_format=object_format)
    except Unbalanced:
        return None
    return (found.id, found.image) if found else None


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), object_format=st.sampled_from(["sha1", "sha256"]))
def test_files_with_markers_are_read_as_git_reads_them(
    seed: int, object_format: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = random.Random(seed)
    work = Workspace(tmp_path_factory.mktemp("rr") / "repo", object_format=object_format)
    work.git("config", "rerere.enabled", "true")
    work.commit("base", {"x": b"x\n"})
    blob = work.git("hash-object", "-w", "x")
    contents = {f"f{number:02}": conflicted(at) for number in range(40)}
    for path, content in contents.items():
        (work.path / path).write_bytes(content)
    stages = "".join(f"100644 {blob} {stage}\t{path}\n" for path in contents for stage in (2, 3))
    work.git("update-index", "--index-info", stdin=stages.encode())
    work.git("rerere")
    judged = recorded(work)
    assert {path: ours(content, 7, object_format) for path, content in contents.items()} == {
        path: judged.get(path) for path in contents
    }
    assert judged


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), style=st.sampled_from(["merge", "diff3"]))
def test_real_merges_are_filed_where_git_files_them(
    seed: int, style: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = random.Random(seed)
    work = Workspace(tmp_path_factory.mktemp("rr") / "repo")
    work.git("config", "rerere.enabled", "true")
    work.git("config", "merge.conflictStyle", style)
    base = {f"f{number:02}": [b"%d\n" % line for line in range(12)] for number in range(12)}
    sizes = {path: at.choice([7, 7, 7, 5, 20]) for path in base}

    def edited(lines: list[bytes]) -> bytes:
        made = list(lines)
        for _ in range(3):
            made[at.randrange(len(made))] = at.choice([*LINES[:5], b"mine %d\n" % at.randrange(3)])
        return b"".join(made)[: None if at.random() < 0.8 else -1]

    attributes = "".join(f"{path} conflict-marker-size={size}\n" for path, size in sizes.items() if size != 7).encode()
    work.commit("base", {**{path: b"".join(lines) for path, lines in base.items()}, ".gitattributes": attributes})
    work.switch("topic", "main")
    work.commit("theirs", {path: edited(lines) for path, lines in base.items()})
    work.switch("main")
    work.commit("ours", {path: edited(lines) for path, lines in base.items()})
    work.git("merge", "topic", check=False)
    judged = recorded(work)
    assert {path: ours((work.path / path).read_bytes(), sizes[path], "sha1") for path in base} == {
        path: judged.get(path) for path in base
    }
    assert all(is_image_of(image, name) for name, image in judged.values())


@given(st.lists(st.sampled_from([*MARKS, *LINES]), max_size=14))
def test_what_is_normalised_proves_its_own_id_or_nothing(lines: list[bytes]) -> None:
    content = b"".join(lines)
    found = ours(content, 7, "sha1")
    if found is None:
        return
    assert holds_conflict(content)
    assert holds_conflict(found[1])
    if b"<<<<<<<\n" not in lines and b">>>>>>>\n" not in lines:
        assert is_image_of(found[1], found[0])


def test_an_image_under_a_foreign_name_is_found_out() -> None:
    found = normalise(b"<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n")
    other = normalise(b"<<<<<<< a\n1\n=======\n3\n>>>>>>> b\n")
    assert found is not None
    assert other is not None
    assert found.id == hashlib.sha1(b"1\n\x002\n\x00").hexdigest()
    assert is_image_of(found.image, found.id)
    assert not is_image_of(found.image, other.id)
    assert not is_image_of(b"", found.id)
    assert not is_image_of(b"<<<<<<<\n1\n=======\n2\n", found.id)


def test_nesting_has_an_end() -> None:
    with pytest.raises(Unbalanced):
        normalise(b"<<<<<<< a\n" * 5_000)


def test_a_file_with_a_nul_is_left_alone() -> None:
    """git records an image of it that has lost the ends of lines."""
    assert normalise(b"nul\0l\n<<<<<<< a\n1\n=======\n2\n>>>>>>> b\n") is None


def test_a_side_that_ends_without_a_line_break_swallows_no_marker() -> None:
    assert not holds_conflict(b"a <<<<<<< b\n=======\n")
    assert holds_conflict(b">>>>>>> left over\n")
    assert normalise(b"a\n=======\nb\n") is None
