"""Files that an operator names: devices, pipes, folders and endless files to read; links and odd places to write."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitalign import input_file
from gitalign.cli.saved_plan import read_plan
from gitalign.configuration.branch_list import load_branch_list
from gitalign.configuration.load import load_config
from gitalign.engine.gates.certify import read as read_certificates
from gitalign.errors import OutOfSpace, UserError
from gitalign.input_file import Unreadable, read_bounded
from gitalign.output_file import write_whole
from gitalign.resolve.archive import unpack
from gitalign.rules.load import load_packs

READERS: dict[str, Callable[[Path], object]] = {
    "input": load_branch_list,
    "config": lambda path: load_config(file=path, git_dir=None, environ={}, overrides={}),
    "plan": read_plan,
    "certificates": read_certificates,
    "pack": lambda path: load_packs([str(path)], folder=Path()),
    "archive": unpack,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["zero", "fifo", "folder", "sparse", "missing", "loop", "socket"])
def test_every_reader_bounds_what_it_reads(
    reader: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "_WAIT_FOR_WRITER_S", 0.05)
    place = tmp_path / "file.yaml"
    if kind == "zero":
        place = Path("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "sparse":
        with place.open("wb") as file:
            file.truncate(10 * 1024**3)
    elif kind == "loop":
        place.symlink_to(place)
    elif kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(place))
    with pytest.raises(UserError) as caught:
        READERS[reader](place)
    assert caught.value.exit_code == 2
    assert str(place) in str(caught.value)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)

    def write() -> None:
        with place.open("wb") as pipe:
            pipe.write(b"[")
            pipe.flush()
            time.sleep(0.05)
            pipe.write(b"]")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert read_bounded(place, most_bytes=10) == b"[]"
    finally:
        writer.join()
    left, right = os.pipe()
    os.close(right)
    try:
        assert read_bounded(Path(f"/proc/self/fd/{left}"), most_bytes=10) == b""
    finally:
        os.close(left)


def test_settings_in_a_pipe_are_refused_and_not_read_as_none(tmp_path: Path) -> None:
    """They are read more than once: `--config <(...)` was no settings at all, and said so to no one."""
    left, right = os.pipe()
    os.write(right, b"protection: {provider: github, violated: refuse}\n")
    os.close(right)
    try:
        with pytest.raises(UserError, match="is a pipe"):
            READERS["config"](Path(f"/proc/self/fd/{left}"))
    finally:
        os.close(left)


def test_the_bound_is_exact(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"x" * 10)
    assert read_bounded(place, most_bytes=10) == b"x" * 10
    with pytest.raises(Unreadable, match="larger than 9 bytes"):
        read_bounded(place, most_bytes=9)


def test_writing_follows_no_link_that_waits_beside_the_file(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in (f".out.{os.getpid()}.new", ".out.new", "out.new"):
        (tmp_path / name).symlink_to(precious)
    write_whole(tmp_path / "out", "text")
    assert precious.read_text() == "mine"
    assert (tmp_path / "out").read_text() == "text"
    assert not (tmp_path / "out").is_symlink()


def test_permissions_are_those_of_the_umask_or_of_the_file_before(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write_whole(tmp_path / "new", b"2")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


def test_a_link_is_followed_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OutOfSpace):
        write_whole(tmp_path / "nowhere" / "out", "x")
    with pytest.raises(OutOfSpace):
        write_whole(Path("/dev/full"), "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "real"]
