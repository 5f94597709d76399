"""Validation: what the checks said of an aligned branch, and whether it may be published. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class CheckKind(StrEnum):
    """What a check looks at."""

    FILE = "file"
    """Single files of the result, read from the object store."""
    COMMAND = "command"
    """A command of the operator, run in a work tree that holds the result."""
    STARTUP = "startup"
    """The service of the branch is started and asked for a page."""


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    OVER_LIMIT = "over_limit"
    """Ended because it used too much memory, disk or too many processes."""
    MISSING_TOOL = "missing_tool"
    """The command it needs is not there. Never taken for a pass."""
    NOT_POSSIBLE = "not_possible"
    """The result could not be laid out for it."""
    FLAKY = "flaky"
    """Failed, then passed on the very same files."""
    FAILED_BEFORE = "failed_before"
    """Fails on the target itself, so it says nothing against the branch."""
    SKIPPED = "skipped"
    """Not wanted here by the configuration: another target, or no path it is needed for was changed."""


_CLEAN = frozenset({CheckStatus.PASSED, CheckStatus.FLAKY, CheckStatus.FAILED_BEFORE, CheckStatus.SKIPPED})
_ENVIRONMENT = frozenset({CheckStatus.MISSING_TOOL, CheckStatus.NOT_POSSIBLE})


class ValidationStatus(StrEnum):
    """What all checks of a branch come to."""

    NOT_CONFIGURED = "not_configured"
    SKIPPED = "skipped"
    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    """Nothing speaks against the branch, and nothing for it: what could have, fails on the target itself."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check of one branch.

    Attributes:
        required: a failure keeps the branch from being published.
        reason: why it ended so; empty for a plain pass.
        command: words of the command; empty for file checks.
        exit_code: of the command; None when it did not end by itself.
        output: the beginning and the end of what it wrote, for people.
        output_bytes: how much it wrote.
        attempts: times it was run; 0 when it was not run at all.
        from_memory: the same command passed on the very same tree in an earlier run.
        coverage_percent: as the command reports it; None when not asked for or not reported.
    """

    name: str
    kind: CheckKind
    status: CheckStatus
    required: bool = True
    reason: str = ""
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    duration_s: float = 0.0
    output: str = ""
    output_bytes: int = 0
    attempts: int = 1
    from_memory: bool = False
    coverage_percent: float | None = None

    @property
    def refuses(self) -> bool:
        """True when the branch must not be published with this result."""
        return self.required and self.status not in _CLEAN

    @property
    def is_environment(self) -> bool:
        """True when it says something about this machine rather than about the branch."""
        return self.status in _ENVIRONMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """All checks of one branch.

    Attributes:
        checks: in the order of the configuration: files, commands, start-up.
        tests: how the command named as the tests ended, `not_configured` when none is.
        confinement: in words, what kept the commands away from network and files; empty when no command was run.
    """

    status: ValidationStatus
    checks: tuple[CheckResult, ...] = ()
    tests: str = "not_configured"
    confinement: str = ""
    reason: str = ""
    duration_s: float = 0.0

    @property
    def refusing(self) -> tuple[CheckResult, ...]:
        """Checks that keep the branch from being published."""
        return tuple(check for check in self.checks if check.refuses)


TESTS = "tests"
"""Name of the check made from `test_command`."""


def judged(checks: Sequence[CheckResult], *, confinement: str, duration_s: float) -> Validation:
    """What checks come to together.

    A branch of which nothing was looked at has not passed: it is `skipped` when the configuration says so of every
    check, `not_configured` when there is none.
    """
    if not checks:
        status = ValidationStatus.NOT_CONFIGURED
    elif any(check.refuses for check in checks):
        status = ValidationStatus.FAILED
    elif all(check.status is CheckStatus.SKIPPED for check in checks):
        status = ValidationStatus.SKIPPED
    elif any(check.required and check.status is CheckStatus.FAILED_BEFORE for check in checks):
        status = ValidationStatus.INCONCLUSIVE
    else:
        status = ValidationStatus.PASSED
    tests = next((check.status.value for check in checks if check.name == TESTS), "not_configured")
    return Validation(status=status, checks=tuple(checks), tests=tests, confinement=confinement, duration_s=duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck:
    """A command to be run on results.

    Attributes:
        argv: words of the command; no shell.
        targets: globs of target names it is for; empty for all.
        paths: patterns of changed paths it is needed for, as in a `.gitignore`; empty for always.
        coverage_pattern: regular expression whose first group is a percentage in a line of the output.
    """

    name: str
    argv: tuple[str, ...]
    targets: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    timeout_s: float = 600.0
    environment: tuple[tuple[str, str], ...] = ()
    required: bool = True
    coverage_pattern: str | None = None
    min_coverage_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """A file of the result and what must be true of it.

    Attributes:
        asks: any of `exists`, `non_empty`, `valid_json`.
    """

    path: str
    asks: tuple[str, ...] = ("exists",)
    targets: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupCheck:
    """A service to be started and asked for a page.

    Attributes:
        module: path of the file that holds the service.
        server: words before `module:name`.
        page: path part of the URL to ask for.
    """

    module: str = "src/main.py"
    factory: str = "create_app"
    application: str = "app"
    server: tuple[str, ...] = ("uvicorn",)
    page: str = "/"
    timeout_s: float = 30.0
    targets: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one command and everything it starts may use."""

    memory_bytes: int = 2 * 1024**3
    disk_bytes: int = 2 * 1024**3
    processes: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPlan:
    """Every check of a run, and how checks are run.

    Attributes:
        enabled: False when the operator switched validation off for this run.
        work_trees: how many commands are run at once; None for one per processor.
        keep: patterns of files in a work tree that may stay from one branch to the next.
        pass_environment: names of variables that commands may see beside the few they always do.
        read_only_paths: files and folders that confined commands may read beside the system and its tools.
        network: commands may use it.
        confinement: `require`, `prefer` or `none`.
        new_only: what fails on the target, too, does not condemn a branch.
        rerun: a failed command is run again before it counts.
        reruns: how often at most; the first pass ends it, and says that the command is flaky.
        directory: where work trees are made; None for the user's cache.
    """

    enabled: bool = True
    commands: tuple[CommandCheck, ...] = ()
    files: tuple[FileCheck, ...] = ()
    startup: StartupCheck | None = None
    work_trees: int | None = None
    keep: tuple[str, ...] = ()
    pass_environment: tuple[str, ...] = ()
    read_only_paths: tuple[str, ...] = ()
    network: bool = False
    confinement: str = "prefer"
    new_only: bool = True
    rerun: bool = True
    reruns: int = 1
    bounds: Bounds = Bounds()
    directory: str | None = None

    @property
    def is_configured(self) -> bool:
        """True when there is anything to check."""
        return bool(self.commands or self.files or self.startup)


def skipped(name: str, kind: CheckKind, reason: str, required: bool) -> CheckResult:
    """A check that the configuration does not want here."""
    return CheckResult(name=name, kind=kind, status=CheckStatus.SKIPPED, required=required, reason=reason, attempts=0)


def failed_before(found: CheckResult, *, target: str) -> CheckResult:
    """A failure that the target has as well."""
    reason = f"{found.reason or found.status.value}; it fails on {target} itself, too"
    return replace(found, status=CheckStatus.FAILED_BEFORE, reason=reason)


def cached_pass(check: CommandCheck, kind: CheckKind) -> CheckResult:
    """A pass of an earlier run on the same tree."""
    return CheckResult(
        name=check.name,
        kind=kind,
        status=CheckStatus.PASSED,
        required=check.required,
        reason="passed on the very same files in an earlier run",
        command=check.argv,
        attempts=0,
        from_memory=True,
    )
