"""What operations can be given by name: the members of their bodies, as the API takes them. All can be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

StrategyName = Literal["rebase", "rebase-merges", "merge", "iterative"]
MergesName = Literal["refuse", "flatten", "merge-instead", "recreate"]
RoleName = Literal["viewer", "operator", "lander", "admin"]
ReportForm = Literal["md", "json", "html", "junit", "sarif"]


class Choosing(TypedDict, total=False):
    """Which branches, and how."""

    only: Sequence[str]
    exclude: Sequence[str]
    targets: Sequence[str]
    strategy: StrategyName
    merges: MergesName
    fetch: bool


class Planning(Choosing, total=False):
    """A plan; with `push` it says what remotes hold, so that its results can be pushed."""

    push: bool


class Forecasting(Choosing, total=False):
    """A forecast; with `pairs` also which branches conflict with one another."""

    pairs: bool


class Conflicting(Choosing, total=False):
    """Conflicts; with `branch` all about one branch."""

    branch: str


class Categorizing(Choosing, total=False):
    """Categories in a form; `as_of` is the day that ages are counted to, as `2026-01-31`."""

    format: Literal["simple", "detailed", "clustered"]
    clusters: bool
    as_of: str


class PruningMerged(Choosing, total=False):
    """Merged branches; with `squashed` also squashed and rebased ones."""

    squashed: bool
    dry_run: bool


class Scheduling(Planning, total=False):
    """A schedule; `zone` is a time zone, `quiet` hours in it as `22:00-06:00`."""

    zone: str
    quiet: str


class Placing(TypedDict, total=False):
    """Where a repository is: a folder on the machine of the workers, or an address of a git server."""

    path: str
    url: str
    config_file: str


class Crediting(TypedDict, total=False):
    """A credential: the name for a password, the hosts that a private key may be shown to."""

    username: str
    known_hosts: str


class AddingUser(TypedDict, total=False):
    """A person; without `repositories` for all of them, without `password` not able to sign in yet."""

    role: RoleName
    repositories: Sequence[str]
    password: str


class ChangingUser(TypedDict, total=False):
    """Changes: either `disabled`, or the others."""

    role: RoleName
    repositories: Sequence[str]
    all_repositories: bool
    disabled: bool


class AddingToken(TypedDict, total=False):
    """A token; `days` until it expires."""

    role: RoleName
    repositories: Sequence[str]
    days: int


class Claiming(TypedDict, total=False):
    """A claim; `holder` is the token's name when it is not given."""

    holder: str
    minutes: int
    note: str


class Releasing(TypedDict, total=False):
    """Which claims end; all of the holder when none is named."""

    holder: str
    claim_id: str


class Importing(TypedDict, total=False):
    """Resolutions of others: an `archive` in base64, or a `ref` that was fetched."""

    archive: str
    ref: str
    again: bool


class Taking(TypedDict, total=False):
    """What resolves `path`: `side`, or `content` in base64."""

    path: str
    side: Literal["ours", "theirs", "as-is"]
    content: str


class Pruning(TypedDict, total=False):
    """What old runs left."""

    older_than_days: int
    backups: bool
    dry_run: bool


class Restoring(TypedDict, total=False):
    """Back to before which run; the newest one that moved the branch when none is named."""

    run_id: str
    push: bool
    dry_run: bool


class Pushing(TypedDict, total=False):
    """What one run moved when it is named."""

    run_id: str
    dry_run: bool


class BatchPlanning(TypedDict, total=False):
    """A plan of a batch; `tasks` says how the tasks of a plan are run that does not say so itself."""

    tasks_name: str
    tasks: str
    command: Sequence[str]
    target: str
    commit_leftovers: bool
    most_tasks: int


class BatchLanding(TypedDict, total=False):
    """How results land."""

    best_subset: bool
    push: bool
    push_hooks: bool


class BatchRunning(BatchLanding, total=False):
    """How a batch runs."""

    max_concurrency: int
    squash: bool
    lands: bool
    fetch: bool
    again: bool


class ProjectBuilding(TypedDict, total=False):
    """A task list as a document, or as a text whose name says how it is written; without either, the plan is made again."""

    task_list: Mapping[str, object]
    name: str
    text: str
    most_tasks: int
    strategy: Literal["dependency", "priority"]


class ProjectPatching(TypedDict, total=False):
    """Work trees by task, and members of batches by number from 0."""

    worktree_assignments: Mapping[str, str]
    batch_overrides: Mapping[str, Mapping[str, object]]
