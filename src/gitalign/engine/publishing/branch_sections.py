"""Configuration of branches that a run deletes: it goes after the branch is gone, and comes back after the branch does."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.events import EventKind
from gitalign.core.names import branch_of, is_zero
from gitalign.core.publication import MoveState, Publication
from gitalign.errors import GitError
from gitalign.git.branch_config import read_sections, remove_section, write_section
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Emitter


def settle_sections(repository: Repository, publications: Sequence[Publication], *, emit: Emitter) -> None:
    """Make the configuration of deleted and recreated branches follow where they stand. Done twice it is the same.

    What cannot be written is named in a notice: the branch stands where it was meant to.

    Args:
        repository: the repository.
        publications: of a run; those that moved and have a section are looked at.
        emit: the event stream.
    """
    chosen = [one for one in publications if one.section and one.state is MoveState.MOVED]
    if not chosen:
        return
    stands = read_refs(repository, "refs/heads")
    known = read_sections(repository, [branch_of(one.update.ref) for one in chosen])
    for one in chosen:
        name = branch_of(one.update.ref)
        try:
            if is_zero(one.update.after) and one.update.ref not in stands and name in known:
                remove_section(repository, name)
            elif is_zero(one.update.before) and one.update.ref in stands and name not in known:
                write_section(repository, name, one.section)
        except GitError as error:
            emit(EventKind.NOTICE, text=f"configuration of {name} stays as it is: {error.message}")
