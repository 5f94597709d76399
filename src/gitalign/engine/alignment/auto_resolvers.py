"""What settles conflicts in a run without a person: recorded resolutions and rungs, as the plan has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.configuration.load import Config
from gitalign.core.policy import AutoResolver, Policy
from gitalign.core.programs import Program
from gitalign.engine.runtime.limits import processors
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import PlanRefused
from gitalign.git.repository import Repository
from gitalign.git.scratch import leftovers, sweep
from gitalign.ports import ActivePlugins, ConflictResolver, ProgramRunner, Regenerator, VerdictCache
from gitalign.validate.watch import end_orphans
from gitalign.worktrees.pool import work_tree_home

if TYPE_CHECKING:
    from gitalign.validate.programs import ProgramHost


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoResolution:
    """What resolvers need of a run.

    Attributes:
        cache: of what was proposed before.
        surroundings: the time, the environment, unpredictable names.
        only_looks: nothing will be published: programs that the repository's own configuration names are not started.
    """

    repository: Repository
    config: Config
    cache: VerdictCache
    stop: StopSignal
    surroundings: Surroundings
    only_looks: bool = False

    @property
    def hidden(self) -> tuple[str, ...]:
        """Patterns of files that no program is given: hidden for any branch, because a conflict is of two sides."""
        rules = self.config.access.rules()
        return rules.hidden if rules is not None else ()

    def withheld(self, policy: Policy) -> tuple[AutoResolver, ...]:
        """Rungs whose programs are not started."""
        if not self.only_looks:
            return ()
        keys = {AutoResolver.DRIVER: "driver", AutoResolver.EXTERNAL: "external", AutoResolver.REGENERATE: "regenerate"}
        return tuple(
            resolver
            for resolver in policy.auto_resolvers
            if resolver in keys and self.config.is_of_repository(f"resolutions.{keys[resolver]}")
        )


@contextmanager
def resolving(auto_resolution: AutoResolution, policy: Policy, plugins: ActivePlugins) -> Iterator[ActivePlugins]:
    """The plug-ins, with what the plan's policy lets settle conflicts.

    Args:
        auto_resolution: the run.
        policy: of the plan.
        plugins: configured ones.

    Raises:
        GitError
        UserError: a confinement is required that this machine does not offer.
        PlanRefused: the plan was made while other commands were configured.
    """
    repository = auto_resolution.repository
    if leftovers():
        end_orphans()
        sweep()
    configured = auto_resolution.config.resolutions.programs().digest(policy.auto_resolvers)
    if configured != policy.programs:
        raise PlanRefused(
            "the plan was made while other commands stood behind its rungs", hint="make a new one: git align plan"
        )
    found: list[ConflictResolver] = []
    notices: list[str] = []
    with ExitStack() as until_then:
        if policy.apply_resolutions:
            from gitalign.resolve.recorded import RecordedResolver
            from gitalign.resolve.recorded_resolutions import read_resolutions

            on_record = read_resolutions(repository, rr_cache=policy.read_rr_cache)
            if not on_record.is_empty:
                recorded = RecordedResolver(on_record, repository)
                until_then.callback(recorded.close)
                found.append(recorded)
        withheld = auto_resolution.withheld(policy)
        notices += [
            f"resolutions.{resolver} of {auto_resolution.config.own_file} was not started: looking runs no program that a repository "
            f"names. A run starts it, and so does this with --config {auto_resolution.config.own_file}"
            for resolver in withheld
        ]
        policy = replace(
            policy, auto_resolvers=tuple(resolver for resolver in policy.auto_resolvers if resolver not in withheld)
        )
        found += _resolvers(auto_resolution, policy, notices)
        regenerator = _regenerator(auto_resolution, policy, until_then, notices)
        plugins = replace(plugins, notices=(*plugins.notices, *notices))
        if not found and regenerator is None:
            yield plugins
        elif len(found) == 1 and regenerator is None and AutoResolver.SQUASH_MERGED not in policy.auto_resolvers:
            yield replace(plugins, resolver=found[0])
        else:
            from gitalign.resolve.composite import CompositeResolver

            # What a command makes tomorrow is not known: no verdict is taken from an earlier run.
            beside = auto_resolution.surroundings.token(8) if regenerator is not None else str(policy.auto_resolvers)
            yield replace(plugins, resolver=CompositeResolver(found, beside=beside), regenerator=regenerator)


def _regenerator(
    auto_resolution: AutoResolution, policy: Policy, until_then: ExitStack, notices: list[str]
) -> Regenerator | None:
    if AutoResolver.REGENERATE not in policy.auto_resolvers:
        return None
    from gitalign.validate.regenerate import ConfinedRegenerator

    checks = auto_resolution.config.checks()
    regenerator = ConfinedRegenerator(
        auto_resolution.config.resolutions.programs().regenerate,
        _host(auto_resolution),
        home=work_tree_home(
            checks.directory, auto_resolution.repository.common_dir, environ=auto_resolution.surroundings.environ
        ),
        name=f"regenerate-{auto_resolution.surroundings.token(6)}",
        most=checks.work_trees or processors(),
    )
    notices += regenerator.prepare()
    until_then.callback(regenerator.close)
    return regenerator


def _resolvers(auto_resolution: AutoResolution, policy: Policy, notices: list[str]) -> Iterator[ConflictResolver]:
    """Resolvers in the order of the rungs; pure ones that follow one another settle a file together."""
    if not policy.auto_resolvers:
        return
    from gitalign.resolve.driver import DriverResolver
    from gitalign.resolve.external import ExternalResolver
    from gitalign.resolve.resolver_chain import ResolverChain
    from gitalign.resolve.withholding import WithholdingResolver

    programs = auto_resolution.config.resolutions.programs()
    behind = {AutoResolver.DRIVER: programs.driver, AutoResolver.EXTERNAL: programs.external}
    object_format = auto_resolution.repository.object_format
    # Files that are made again come last, whatever the order.
    hidden = auto_resolution.hidden
    for program, resolvers in groupby(
        (resolver for resolver in policy.auto_resolvers if resolver is not AutoResolver.REGENERATE), key=behind.get
    ):
        named = tuple(resolvers)
        if program is None:
            yield ResolverChain(named, union_files=policy.union_files, repository=auto_resolution.repository)
        elif named == (AutoResolver.DRIVER,):
            driver = DriverResolver(
                program, runner=_runner(auto_resolution, program, notices), object_format=object_format
            )
            yield WithholdingResolver(driver, hidden) if hidden else driver
        else:
            kept = _Kept(auto_resolution)
            external = ExternalResolver(
                program,
                runner=_runner(auto_resolution, program, notices),
                object_format=object_format,
                recall=kept.recall,
                keep=kept.keep,
            )
            yield WithholdingResolver(external, hidden) if hidden else external


def _host(auto_resolution: AutoResolution) -> ProgramHost:
    from gitalign.validate.programs import ProgramHost

    return ProgramHost(
        auto_resolution.config.checks(),
        Path(auto_resolution.repository.common_dir),
        auto_resolution.surroundings.environ,
        lambda: auto_resolution.stop.cancel_requested,
        auto_resolution.hidden,
    )


def _runner(auto_resolution: AutoResolution, program: Program, notices: list[str]) -> ProgramRunner:
    from gitalign.validate.programs import ConfinedPrograms

    runner = ConfinedPrograms(_host(auto_resolution))
    notices += filter(None, [runner.prepare(program)])
    return runner


class _Kept:
    """Proposals of earlier runs and forecasts, so that the same conflict is given the same bytes."""

    def __init__(self, auto_resolution: AutoResolution) -> None:
        self._settling = auto_resolution

    def recall(self, key: str) -> str | None:
        """What was kept under a key."""
        known: Mapping[str, str] = self._settling.cache.look_up([_hashed(key)])
        return known.get(_hashed(key))

    def keep(self, key: str, answer: str) -> None:
        """Keep it."""
        self._settling.cache.keep({_hashed(key): answer}, at=self._settling.surroundings.now())


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8")).hexdigest()
