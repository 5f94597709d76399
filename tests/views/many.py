"""A forecast and a report of thousands of branches, built of values alone; names that Markdown and HTML would like to read."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache

from gitalign.core.branch import Branch
from gitalign.core.conflict import Conflict
from gitalign.core.conflict_groups import ConflictGroup
from gitalign.core.findings import Finding, Severity
from gitalign.core.forecast import Author, BranchForecast, CommitNote, Forecast, Owner, Prospect
from gitalign.core.hosting import links_of
from gitalign.core.hunks import Hunk, HunkSide
from gitalign.core.names import BranchName, Oid, StepId, TargetName
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, StepResult
from gitalign.core.outlook import Aftermath, Outlook, Published, StopHunks, StoppedWork
from gitalign.core.pair_conflicts import Basis, Contest, PairConflict, PairCount
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.core.policy import Policy, Strategy
from gitalign.core.report import Report
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.core.shared_conflicts import SharedConflict
from gitalign.core.snapshot import Snapshot

AS_OF = datetime(2026, 11, 27, tzinfo=UTC)
_TARGETS = ("main", "next")
_WORDS = ("cache", "login", "search", "worker", "schema", "parser", "report", "upload", "mailer", "theme")
_AUTHORS = tuple(Author(name=f"Person {at} | <b>", email=f"person{at}@example.org") for at in range(25))
_COMMON = "CONFLICT (contents)"


def _oid(dice: random.Random) -> Oid:
    return Oid(f"{dice.getrandbits(160):040x}")


def _name(dice: random.Random, number: int) -> str:
    return f"{dice.choice(('feature', 'fix', 'bolt', 'jules'))}/{'-'.join(dice.sample(_WORDS, 3))}-{number}*"


def _hunk(dice: random.Random, path: str) -> Hunk:
    def side() -> HunkSide:
        first = dice.randrange(1, 900)
        text = tuple(f"    {dice.choice(_WORDS)} = {dice.choice(_WORDS)}(<{dice.random():.12f}>)" for _ in range(6))
        return HunkSide(first=first, last=first + 9, text=text)

    return Hunk(path=path, one=side(), other=side())


def _stops(dice: random.Random) -> tuple[str, ...]:
    return tuple(
        sorted(
            {
                f"src/{dice.choice(_WORDS)}/{dice.choice(_WORDS)}_{dice.randrange(12)}.py"
                for _ in range(dice.randrange(1, 20))
            }
        )
    )


@cache
def outlook_of(branches: int, *, with_pairs: bool = True) -> Outlook:
    """Two thirds of the branches stop, some at the same clash; the others clash in pairs; everybody contests."""
    dice = random.Random(branches)
    targets = tuple(Target(name=TargetName(name), ref=f"refs/heads/{name}", oid=_oid(dice)) for name in _TARGETS)
    made: list[BranchForecast] = []
    owners: list[Owner] = []
    for number in range(branches):
        name, target = _name(dice, number), targets[number % len(targets)]
        stops = number % 3 != 0
        paths = _stops(dice) if stops else ()
        made.append(
            BranchForecast(
                branch=name,
                target=target.name,
                tip=_oid(dice),
                onto=target.oid,
                kind=StepKind.REPLAY,
                assigned=True,
                prospect=Prospect.CONFLICT if stops else Prospect.CLEAN,
                own_commits=dice.randrange(1, 30),
                behind=dice.randrange(2_500),
                reason=f"conflicts at commit 1 of 3: {', '.join(paths)}" if stops else "",
                commit=_oid(dice) if stops else None,
                subject=f"{dice.choice(_WORDS)}: change `{number}` & more" if stops else "",
                position=1 if stops else 0,
                total=3 if stops else 0,
                conflicts=tuple(Conflict(kind=_COMMON, paths=(path,), message="") for path in paths),
                paths=paths,
            )
        )
        at = AS_OF - timedelta(days=dice.randrange(200))
        owners.append(Owner(branch=name, authors=tuple(dice.sample(_AUTHORS, 2)), last_commit_at=int(at.timestamp())))
    by_target = {name: [one for one in made if one.target == name] for name in _TARGETS}
    clashes = [
        _clash(dice, found, name) for name, found in by_target.items() for _ in range(branches if with_pairs else 0)
    ]
    contests = [
        Contest(
            target=name,
            path=f"src/{dice.choice(_WORDS)}/contested_{number}.py",
            stopping=tuple(sorted(one.branch for one in dice.sample(found, min(len(found), 12)))),
            changing=(),
        )
        for name, found in by_target.items()
        for number in range(branches if with_pairs else 0)
    ]
    stopping = [one for one in made if one.prospect is Prospect.CONFLICT]
    published = links_of("git@github.com:team/shop.git", {})
    assert published is not None
    return Outlook(
        forecast=Forecast(
            targets=targets,
            branches=tuple(sorted(made, key=lambda one: (one.target, one.branch))),
            excluded=(),
            owners=tuple(sorted(owners, key=lambda one: one.branch)),
            pairs=tuple(_count(name, len(found)) for name, found in by_target.items()),
            clashes=tuple({(one.one, one.other): one for one in clashes}.values()),
            contests=tuple(contests),
            commits=tuple(
                CommitNote(commit=oid, author=dice.choice(_AUTHORS), subject="a change")
                for one in clashes
                for oid in one.one_commits
            ),
        ),
        stopped=_stopped(dice, stopping),
        merged=tuple(sorted(one.branch for one in made if one.prospect is Prospect.CLEAN)[::7]),
        published=Published(links=published, tips={one.branch: one.tip for one in made}),
    )


def _count(target: str, branches: int) -> PairCount:
    return PairCount(
        target=target,
        branches=branches,
        partial=0,
        left_out=0,
        pairs=branches * (branches - 1) // 2,
        pruned=0,
        merged=0,
        undecided=0,
        failed=0,
        clashing=branches,
    )


def _clash(dice: random.Random, found: list[BranchForecast], target: str) -> PairConflict:
    one, other = sorted(branch.branch for branch in dice.sample(found, 2))
    paths = _stops(dice)[:3]
    return PairConflict(
        one=one,
        other=other,
        target=target,
        basis=Basis.ALIGNED,
        conflicts=tuple(Conflict(kind=_COMMON, paths=(path,), message="") for path in paths),
        paths=paths,
        hunks=tuple(_hunk(dice, path) for path in paths),
        one_commits=(_oid(dice),),
        other_commits=(_oid(dice),),
    )


def _stopped(dice: random.Random, stopping: list[BranchForecast]) -> StoppedWork:
    names = sorted(one.branch for one in stopping)
    return StoppedWork(
        names=tuple(names),
        groups=tuple(
            ConflictGroup(
                signature=str(at),
                kinds=(_COMMON,),
                paths=("src/cache.py",),
                targets=("main",),
                branches=tuple(names[at : at + 5]),
                commits=(),
                causes=(),
            )
            for at in range(0, len(names), 5)
        ),
        shared=(
            SharedConflict(
                signature="x", paths=("uv.lock",), pieces=2, example=None, branches=tuple(names[::2]), freed=()
            ),
        ),
        hunks=tuple(
            StopHunks(
                branch=one.branch,
                target=one.target,
                hunks=tuple(_hunk(dice, path) for path in one.paths[:5]),
                left_out=max(0, len(one.paths) - 5),
            )
            for one in stopping
        ),
    )


def report_of(branches: int, *, findings: int) -> tuple[Report, Aftermath]:
    """A run that aligned half of the branches; the others conflict. Every branch has so many findings, a warning to every error."""
    outlook = outlook_of(branches, with_pairs=False)
    dice = random.Random(branches)
    targets = {one.name: one for one in outlook.forecast.targets}
    steps: list[Step] = []
    results: list[StepResult] = []
    for number, one in enumerate(outlook.forecast.branches):
        target = targets[TargetName(one.target)]
        steps.append(
            Step(
                id=StepId(number),
                branch=Branch(name=BranchName(one.branch), target=target.name),
                target=target,
                kind=StepKind.REPLAY,
                strategy=Strategy.REBASE,
                seen=one.tip,
                onto=one.onto,
                own_commits=one.own_commits,
                behind=one.behind,
                stack=number,
            )
        )
        told = tuple(
            Finding(
                code="symbol_removed",
                severity=Severity.CRITICAL if at % 2 else Severity.WARNING,
                message=f"name_{at} is not there any more | see `{dice.choice(_WORDS)}`",
                path=f"src/{dice.choice(_WORDS)}_{at}.py",
                line=at + 1,
                introduced_by="integration",
            )
            for at in range(findings)
        )
        outcome = (
            Aligned(
                how=AlignedKind.REPLAYED,
                before=one.tip,
                after=_oid(dice),
                onto=one.onto,
                tree=_oid(dice),
                findings=told,
            )
            if number % 2
            else Conflicted(
                commit=one.commit or one.tip, position=1, total=3, onto=one.onto, conflicts=one.conflicts, entries=()
            )
        )
        results.append(StepResult(step_id=number, branch=one.branch, outcome=outcome))
    plan = Plan(
        id="plan",
        snapshot=Snapshot(repository="/srv/shop", object_format="sha1", taken_at=AS_OF, tips=()),
        policy=Policy(),
        targets=outlook.forecast.targets,
        steps=tuple(steps),
        excluded=(),
    )
    run = RunRecord(
        id="20261127-120000-abcdef",
        kind=RunKind.ALIGN,
        state=RunState.FINISHED,
        started_at=AS_OF,
        finished_at=AS_OF,
        outcome="attention",
        moved=branches // 2,
        plan_id="plan",
    )
    report = Report(run=run, plan=plan, results=tuple(results), publications=(), executed_at=AS_OF)
    after = Aftermath(
        owners=outlook.forecast.owners, stopped=outlook.stopped, merged=outlook.merged, published=outlook.published
    )
    return report, after
