"""`run_error_detection`, `check_factory_pattern_support` and `generate_final_report`, as the original requests name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.core.branch_rules import RuleState
from gitalign.detect.factory import FactorySupport, factory_support
from gitalign.documents.findings import dump_finding
from gitalign.documents.protections import dump_protection
from gitalign.git.command import raw
from gitalign.git.objects import FileReader
from gitalign.git.refs import commit_of
from gitalign.git.repository import open_repository
from gitalign.output_file import require_writable, write_whole

_LONGEST = 2_000_000
_TIMEOUT_S = 60.0


def run_error_detection(
    changed_files: Sequence[str] | None, base_ref: str, current_ref: str, *, repo_path: str | Path = "."
) -> list[dict[str, Any]]:
    """What is wrong with `current_ref`, seen from `base_ref`.

    Args:
        changed_files: only these; None for all that differ.
        base_ref: the target it was aligned with.
        current_ref: the aligned branch.
        repo_path: any path inside the repository.

    Returns:
        Findings as `code, severity, message, path, line, detector, introduced_by`; an empty list means looked and found none.

    Raises:
        GitAlignError
    """
    request = facade.Request(repo=repo_path)
    found = facade.detect(request, onto=base_ref, branch=current_ref, after=current_ref, paths=changed_files)
    return [dict(dump_finding(finding)) for finding in found]


def check_factory_pattern_support(
    branch: str, *, repo_path: str | Path = ".", module: str = "src/main.py"
) -> FactorySupport:
    """Whether `uvicorn <module>:create_app --factory` can start the service of a branch; read from its syntax tree.

    Raises:
        UserError: there is no such branch.
        GitAlignError
    """
    repository = open_repository(repo_path)
    commit = commit_of(repository, branch)
    reader = FileReader(repository.git, timeout_s=_TIMEOUT_S)
    try:
        (source,) = reader.read([raw(f"{commit}:{module}")], most_bytes=_LONGEST)
    finally:
        reader.close()
    return factory_support(source)


def verify_branch_protections(
    repo_path: str | Path = ".", critical_branches: Sequence[str] = ("main", "scientific", "orchestration-tools")
) -> dict[str, Any]:
    """Whether the hosting service enforces on branches what the settings ask for (`protection`).

    Offline, without a token that may see it, or without a service that can be asked, the answer is `unknown`.

    Returns:
        `state` of all together, and `branches`: name -> `{state, reason, rules: [{rule, state, detail}]}`; states are
        `satisfied`, `violated`, `unknown`.

    Raises:
        UserError, GitError, PluginError
    """
    found = facade.protections(facade.Request(repo=repo_path), tuple(critical_branches))
    states = {one.state for one in found}
    worst = (RuleState.VIOLATED, RuleState.UNKNOWN, RuleState.SATISFIED)
    return {
        "state": next((state.value for state in worst if state in states), RuleState.UNKNOWN.value),
        "branches": {one.branch: {k: v for k, v in dump_protection(one).items() if k != "branch"} for one in found},
    }


def generate_final_report(
    run_id: str = "last", *, repo_path: str | Path = ".", format: str = "md", output: str | Path | None = None
) -> str:
    """A run written up; also written to `output` when that is given.

    Args:
        run_id: id, unambiguous prefix or `last`.
        repo_path: any path inside the repository.
        format: `md`, `json`, `html`, `junit` or `sarif`.
        output: a file.

    Raises:
        GitAlignError: also when `output` cannot be written.
        ValueError: an unknown format.
    """
    form = facade.ReportFormat(format)
    if output is not None:
        require_writable(Path(output))
    made = facade.write_up(facade.Request(repo=repo_path), run_id, form=form)
    if output is not None:
        write_whole(Path(output), made)
    return made
