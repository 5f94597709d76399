"""Secrets that git and ssh read: in memory, under a name that is good only while this process lives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def secret_file(content: str) -> Iterator[str]:
    """The path of a file with a secret, which this user alone may read; gone when the block or this process ends.

    Where the system has no files in memory, it is a file of mode 0600 in the temporary folder.

    Args:
        content: of the file.

    Source: `man 2 memfd_create`, `man 5 proc` (/proc/PID/fd).
    """
    data = content.encode("utf-8")
    if not hasattr(os, "memfd_create"):
        handle, path = tempfile.mkstemp(prefix="git-align-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)
        return
    handle = os.memfd_create("git-align", os.MFD_CLOEXEC)
    try:
        os.fchmod(handle, 0o600)  # ssh refuses a key that others may read
        with os.fdopen(os.dup(handle), "wb") as stream:
            stream.write(data)
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)
