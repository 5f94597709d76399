"""Mirrors: bare repositories of ours that hold what a remote has, and no branch of their own.

Runs on one are runs on the branches of its remote: a branch that was made here alone would be lost with the next fetch.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gitalign.core.names import HEADS, ref_of
from gitalign.errors import StoreError
from gitalign.git.command import Git
from gitalign.git.remote import remote_tips_and_head, talk
from gitalign.git.repository import Repository

REMOTE = "origin"
"""The name of the one remote of a mirror."""
_TRACKING = f"refs/remotes/{REMOTE}/"


def make_mirror(place: Path, url: str, *, environ: Mapping[str, str]) -> None:
    """Make a mirror, empty yet; one that is there already stays as it is. It is there whole or not at all.

    Args:
        place: where it is to be; the folder above it is there.
        url: of the remote.
        environ: what git inherits from.

    Raises:
        GitError
        StoreError: the folder cannot be made.
    """
    if place.exists():
        return
    new = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    git = Git(git_dir=str(new), is_operators=True, inherited=environ)
    try:
        git.run("init", "--bare", "--quiet", "--template=", cwd=str(place.parent))
        for key, value in (
            (f"remote.{REMOTE}.url", url),
            (f"remote.{REMOTE}.fetch", f"+{HEADS}*:{_TRACKING}*"),
            (f"remote.{REMOTE}.tagOpt", "--no-tags"),
            # Loose objects that git cannot finish it leaves behind; half a pack is one file, which is removed.
            ("fetch.unpackLimit", "1"),
        ):
            git.run("config", key, value)
        os.rename(new, place)
    except OSError as error:
        if not place.exists():  # another process made it meanwhile
            raise StoreError(f"cannot make {place}: {error.strerror}", hint="see repositories.folder") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def fetch_mirror(repository: Repository, *, timeout_s: float) -> None:
    """Bring a mirror up to date: all branches of the remote, without those that it has not any more, and its HEAD.

    What runs need for an undo is held by refs of their own, which stay.

    Args:
        repository: the mirror.
        timeout_s: how long the remote may take to send, in seconds.

    Raises:
        RemoteError
        OutOfSpace
        GitError: a ref cannot be moved.

    Source: `git help fetch` (--prune deletes only what a refspec of the command line writes to).
    """
    _, head = remote_tips_and_head(repository, REMOTE)
    # A branch of the name HEAD would be written through the symbolic ref.
    refspecs = (f"+{HEADS}*:{_TRACKING}*", f"^{HEADS}HEAD")
    talk(
        repository,
        "fetch", "--quiet", "--prune", "--refmap=", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance",
        "--no-write-fetch-head", "--end-of-options", REMOTE, *refspecs,
        remote=REMOTE,
        by_hand="fetch",
        timeout_s=timeout_s,
    )  # fmt: skip
    if head is not None and repository.git.run("check-ref-format", ref_of(head), accept=(0, 1)).returncode == 0:
        repository.git.run("symbolic-ref", f"{_TRACKING}HEAD", f"{_TRACKING}{head}")


def is_fetched(repository: Repository) -> bool:
    """True when a mirror knows a branch of its remote.

    Raises:
        GitError
    """
    return bool(repository.git.lines("for-each-ref", "--count=1", "--format=%(refname)", _TRACKING))


def tidy_mirror(repository: Repository, *, timeout_s: float) -> None:
    """Pack what fetches left, where there is enough of it. Unreachable objects stay for two weeks, as git does by itself.

    Raises:
        GitError

    Source: `git help gc` (--auto does nothing below `gc.auto` loose objects and `gc.autoPackLimit` packs).
    """
    keys = (("gc.auto", "6700"), ("gc.autoPackLimit", "50"), ("gc.autoDetach", "false"))
    git = replace(repository.git, config=(*repository.git.config, *keys))
    git.run("gc", "--auto", "--quiet", timeout_s=timeout_s)
