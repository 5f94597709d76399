"""Running the main job in tests, and finding one branch in its report."""

from __future__ import annotations

from pathlib import Path

from gitalign import facade
from gitalign.core.exclusions import Exclusion
from gitalign.core.plan import Permit
from gitalign.core.report import BranchReport, Report


def request(repository: Path, *, only: tuple[str, ...] = (), push: bool = False, **settings: object) -> facade.Request:
    """A request; settings without a section are `alignment.…`, others are written `orchestration__key`."""
    overrides = {
        (key.replace("__", ".") if "__" in key else f"alignment.{key}"): value for key, value in settings.items()
    }
    return facade.Request(repo=repository, only=only, push=push, overrides=overrides)


def run(repository: Path, *, only: tuple[str, ...] = (), push: bool = False, **settings: object) -> Report:
    """Plan and run."""
    asked = request(repository, only=only, push=push, **settings)
    plan = facade.plan(asked)
    return facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=push))


def branch(report: Report, name: str) -> BranchReport:
    """One branch of a report."""
    return next(one for one in report.branches() if one.step.branch.name == name)


def excluded(report: Report, name: str) -> Exclusion:
    """Why a branch was left out."""
    return next(one for one in report.plan.excluded if one.branch == name)
