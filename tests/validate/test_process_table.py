"""The table of processes that watchers share: the same family as psutil finds, read once for many."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from gitalign.validate import process_table
from gitalign.validate.process_table import ProcessTable, has_in_environment


@pytest.fixture
def tree() -> Iterator[psutil.Process]:
    """A shell with a child and a grandchild, which are there when this returns."""
    script = "sh -c 'sleep 300 & echo up; wait' & wait"
    shell = subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, env={**os.environ, "A_MARK": "here"}, start_new_session=True
    )
    assert shell.stdout is not None
    assert shell.stdout.readline() == b"up\n"
    yield psutil.Process(shell.pid)
    os.killpg(shell.pid, 9)
    shell.wait()
    shell.stdout.close()


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_family_is_what_psutil_finds(tree: psutil.Process, monkeypatch: pytest.MonkeyPatch, has_proc: bool) -> None:
    monkeypatch.setattr(process_table, "_HAS_PROC", has_proc and process_table._HAS_PROC)
    table = ProcessTable(most_age_s=60.0)
    expected = {tree.pid, *(one.pid for one in tree.children(recursive=True))}
    assert set(table.family(tree.pid)) == expected
    assert len(expected) >= 3
    monkeypatch.setattr(process_table, "_read", lambda: pytest.fail("it was read again"))
    assert set(table.family(tree.pid)) == expected


def test_a_process_that_has_gone_has_no_family() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert ProcessTable().family(gone.pid) == []


@pytest.mark.parametrize("has_proc", [True, False])
def test_words_in_an_environment(tree: psutil.Process, monkeypatch: pytest.MonkeyPatch, has_proc: bool) -> None:
    monkeypatch.setattr(process_table, "_HAS_PROC", has_proc and process_table._HAS_PROC)
    assert has_in_environment(tree, "A_MARK=here")
    assert not has_in_environment(tree, "A_MARK=elsewhere")
