"""What settles conflicts in a run without a person: recorded resolutions and rungs, as the plan has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from gitalign.core.policy import Policy
from gitalign.git.repository import Repository
from gitalign.ports import ConflictResolver, Sockets


@contextmanager
def resolving(repository: Repository, policy: Policy, sockets: Sockets) -> Iterator[Sockets]:
    """The sockets, with what the plan's policy lets settle conflicts.

    Args:
        repository: the repository.
        policy: of the plan.
        sockets: configured plug-ins.

    Raises:
        GitError
    """
    found: list[ConflictResolver] = []
    with ExitStack() as until_then:
        if policy.apply_resolutions:
            from gitalign.resolve.memory import read_memory
            from gitalign.resolve.recorded import RecordedResolver

            memory = read_memory(repository, rr_cache=policy.read_rr_cache)
            if not memory.is_empty:
                recorded = RecordedResolver(memory, repository)
                until_then.callback(recorded.close)
                found.append(recorded)
        if policy.rungs:
            from gitalign.resolve.ladder import LadderResolver

            found.append(LadderResolver(policy.rungs, union_files=policy.union_files, repository=repository))
        if not found:
            yield sockets
        elif len(found) == 1:
            yield replace(sockets, resolver=found[0])
        else:
            from gitalign.resolve.composite import CompositeResolver

            yield replace(sockets, resolver=CompositeResolver(found))
