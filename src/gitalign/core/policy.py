"""Policy: what the operator decided, as one frozen value that travels with the plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How a branch takes in its target."""

    REBASE = "rebase"
    REBASE_MERGES = "rebase-merges"
    """Rebase; merges among the commits of the branch are made again on their rewritten parents."""
    MERGE = "merge"
    ITERATIVE = "iterative"
    """Rebase in steps along the target's own line, so that each step has little to merge."""
    AUTO = "auto"
    """Rebase; where that conflicts, merge the target in."""
    INTEGRATION_BRANCH = "integration-branch"
    """The branch stays; a branch of its own holds the merge of it into the target."""


class MergesPolicy(StrEnum):
    """What happens to a branch that contains merge commits when the strategy is rebase."""

    REFUSE = "refuse"
    FLATTEN = "flatten"
    MERGE_INSTEAD = "merge-instead"
    RECREATE = "recreate"


class AlreadyMerged(StrEnum):
    """What happens to a branch that has nothing of its own left."""

    FAST_FORWARD = "fast-forward"
    LEAVE = "leave"


class CheckedOut(StrEnum):
    """What happens to a branch checked out in a clean work tree."""

    MOVE = "move"
    HOLD = "hold"


class CommitterPolicy(StrEnum):
    """Who stands as committer of rewritten commits."""

    OPERATOR = "operator"
    PRESERVE = "preserve"


class GroupExecution(StrEnum):
    """Whether target groups run side by side or one after another."""

    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


class UnknownTarget(StrEnum):
    """What to do with a listed branch whose target does not exist."""

    SKIP = "skip"
    REFUSE = "refuse"


class AutoResolver(StrEnum):
    """Ways in which conflicts may be settled without a person, by the names the configuration knows them by."""

    SQUASH_MERGED = "squash_merged"
    """The target has at that path what the branch itself had further up: its lower part was squashed into the target."""
    WHITESPACE = "whitespace"
    """The sides differ in blanks and line ends alone, or one side changed nothing else."""
    SAME_LINES = "same_lines"
    """Both sides added lines where there were none, and one side's are all of the other's, in one piece."""
    IMPORTS = "imports"
    """Python imports, one to a line: both sides' additions and removals."""
    UNION = "union"
    """Files declared as lists: both sides' additions, where no one removed or changed a line."""
    DRIVER = "driver"
    """A merge driver of the operator's, run on the three contents."""
    EXTERNAL = "external"
    """A command of the operator's that is given the conflict as JSON and proposes content."""
    REGENERATE = "regenerate"
    """Files that are made from others: made again by a command of the operator's, when all else is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRule:
    """A strategy for the branches that fit; every condition given must hold.

    Attributes:
        merges: for branches that contain merges; None leaves it to `Policy.merges`.
        match: glob over the whole name.
        target: name of the target.
        tag: one of the branch list's tags.
        metric: `own_commits`, `behind`, `merges`, or a number the branch list gives.
        at_least, at_most: bounds of that number, both included.
    """

    strategy: Strategy
    merges: MergesPolicy | None = None
    match: str | None = None
    target: str | None = None
    tag: str | None = None
    metric: str | None = None
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that changes what a run does to branches. Part of the plan's hash.

    `workers` and the limits beside it are not here: they change how fast a run is, never its result.
    """

    strategy: Strategy = Strategy.REBASE
    strategies: tuple[StrategyRule, ...] = ()
    """For single branches; the first that fits wins over `strategy`."""
    merges: MergesPolicy = MergesPolicy.MERGE_INSTEAD
    already_merged: AlreadyMerged = AlreadyMerged.LEAVE
    checked_out: CheckedOut = CheckedOut.MOVE
    committer: CommitterPolicy = CommitterPolicy.OPERATOR
    unknown_target: UnknownTarget = UnknownTarget.SKIP
    iterative_step: int = 20
    """Commits of the target's own line (first parents) that an iterative rebase takes at a time."""
    integration_prefix: str = "integration"
    """What stands before the slash in the names of integration branches."""
    partial: bool = False
    """Whether conflicting branches go as far as they align."""
    backups: bool = False
    """Make a branch at the place that each branch leaves. The anchor of the run holds that place in any case."""
    backup_prefix: str = "backup"
    protected: tuple[str, ...] = ()
    """Glob patterns of branches that are never touched."""
    apply_resolutions: bool = False
    """Settle conflicts by resolutions that were recorded before."""
    read_rr_cache: bool = True
    """Take in those that git itself has recorded in this clone."""
    auto_resolvers: tuple[AutoResolver, ...] = ()
    """Ways in which conflicts may be settled without a person, in the order in which they are tried; none by default."""
    union_files: tuple[str, ...] = ()
    """Patterns, as in .gitignore, of files that are lists: the rung `union` is for them alone."""
    programs: str = ""
    """Digest of the commands behind the rungs; empty when none of the rungs has one. The commands are the configuration's."""

    def merges_under(self, strategy: Strategy) -> MergesPolicy:
        """What happens to a branch that contains merges under a strategy other than merge."""
        if strategy is Strategy.REBASE_MERGES:
            return MergesPolicy.RECREATE
        # `auto` comes to merging the target in by itself.
        may_climb = strategy is Strategy.AUTO and self.merges is MergesPolicy.MERGE_INSTEAD
        return MergesPolicy.RECREATE if may_climb else self.merges

    def stride_under(self, strategy: Strategy) -> int:
        """Commits of the target to a step, under strategies that may rebase in steps; 0 under others."""
        return self.iterative_step if strategy in (Strategy.ITERATIVE, Strategy.AUTO) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When to stop starting new branches.

    Trips when `failures >= count` **and** `failures / finished >= percent / 100`; a threshold of None always holds,
    both None switches it off.
    """

    enabled: bool = True
    count: int | None = 5
    percent: float | None = 50.0
    counts_conflicts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a run. Durations in seconds, sizes in bytes."""

    workers: int = 4
    """Workers per target group."""
    max_git_processes: int = 8
    branch_timeout_s: float = 300.0
    integration_timeout_s: float = 60.0
    detection_timeout_s: float = 30.0
    max_memory_bytes: int = 500 * 1024 * 1024
    """Of the whole process tree; no new branch is started above it."""
    max_attempts: int = 2
    """Tries per branch; only transient failures are tried again."""
    group_execution: GroupExecution = GroupExecution.PARALLEL
    breaker: BreakerPolicy = BreakerPolicy()
