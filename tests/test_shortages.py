"""Too little of something is told apart from a bug, also where it is the cause of another error."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gitalign.errors import GitAlignError, NoResources, OutOfSpace, UserError
from gitalign.shortages import in_words, is_a_bug, shortage_of, why_no_room
from tests import needs


def failed(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/a/file")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failed(errno.ENOSPC), OutOfSpace),
        (failed(errno.EDQUOT), OutOfSpace),
        (failed(errno.EROFS), OutOfSpace),
        (failed(errno.EMFILE), NoResources),
        (failed(errno.ENOMEM), NoResources),
        (MemoryError(), NoResources),
        (RuntimeError("can't start new thread"), NoResources),
    ],
)
def test_a_shortage_is_no_bug(error: Exception, kind: type[GitAlignError]) -> None:
    wrapped = RuntimeError("a library's own")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        assert isinstance(shortage_of(one), kind)
        assert not is_a_bug(one)
        assert "RuntimeError" not in in_words(one)


def test_anything_else_is_one_unless_it_has_words_of_its_own() -> None:
    for error in (failed(errno.ENOENT), KeyError("x"), RuntimeError("boom")):
        assert shortage_of(error) is None
        assert is_a_bug(error)
        assert type(error).__name__ in in_words(error)
    assert not is_a_bug(UserError("wrong"))
    assert in_words(UserError("wrong")) == "wrong"


def test_why_there_is_no_room(tmp_path: Path) -> None:
    assert why_no_room(tmp_path) == ""
    assert why_no_room(tmp_path / "missing") == ""
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=512k", "tmpfs") as small:
        assert why_no_room(small) == "No space left on device"
