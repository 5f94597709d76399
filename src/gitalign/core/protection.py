"""Which branches a repository itself calls long-lived: in the files of hosting services and of continuous integration, and in git's
configuration. Pure: documents and settings in, evidence out; what has another shape than expected says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from glob import escape
from typing import Any

from gitalign.core.long_lived import Evidence
from gitalign.core.names import HEADS, name_fault

_GUARDING = frozenset({"pull_request", "non_fast_forward", "update", "required_linear_history", "merge_queue"})
"""Rules of a ruleset that keep a branch from being rewritten, or that make it a base of pull requests."""
_TRIGGERS = ("push", "pull_request", "pull_request_target", "merge_group")
_BASE = re.compile(r"\s*base\s*=\s*([^\s~^$*\\]+)\s*")
_IN_A_CONDITION = re.compile(
    r"\$CI_(?:COMMIT_BRANCH|COMMIT_REF_NAME|MERGE_REQUEST_TARGET_BRANCH_NAME)\s*==\s*(?:\"([^\"]*)\"|'([^']*)')"
)
_KINDS_OF_REFS = frozenset(
    [
        "api",
        "branches",
        "chat",
        "external",
        "external_pull_requests",
        "merge_requests",
        "pipelines",
        "pushes",
        "schedules",
        "tags",
        "triggers",
        "web",
    ]
)
_LONG_LIVED_PREFIXES = frozenset({"release", "hotfix", "support"})


def of_settings(document: Any) -> Iterator[Evidence]:
    """`.github/settings.yml` (https://github.com/repository-settings/app): branches with protection, and rulesets."""
    for branch in _items(_at(document, "branches")):
        name = _at(branch, "name")
        if isinstance(name, str) and _at(branch, "protection"):
            yield from _literal(name, "protected by .github/settings.yml")
    for ruleset in _items(_at(document, "rulesets")):
        yield from of_ruleset(ruleset, ".github/settings.yml")


def of_ruleset(document: Any, place: str) -> Iterator[Evidence]:
    """A ruleset as GitHub exports it (https://docs.github.com/rest/repos/rules): the branches that it guards."""
    kinds = {_at(rule, "type") for rule in _items(_at(document, "rules"))}
    if _at(document, "target") not in (None, "branch") or _at(document, "enforcement") == "disabled":
        return
    if not any(isinstance(kind, str) and kind in _GUARDING for kind in kinds):
        return
    names = _at(_at(document, "conditions"), "ref_name")
    if _items(_at(names, "exclude")):
        # A glob says which branches are guarded; with exceptions it would take more than is guarded.
        return
    for include in _items(_at(names, "include")):
        if isinstance(include, str) and include.startswith(HEADS):
            yield from _glob(include.removeprefix(HEADS), f"protected by {place}")


def of_workflow(document: Any, place: str) -> Iterator[Evidence]:
    """A workflow of GitHub Actions: branches that its triggers name in full. Patterns there often mean feature branches."""
    triggers = _at(document, "on") or _at(document, True)  # `on` is a truth value in YAML 1.1
    for trigger in _TRIGGERS:
        for name in _items(_at(_at(triggers, trigger), "branches"), or_one=True):
            if isinstance(name, str) and not set("*?+[]!") & set(name):
                yield from _literal(name, f"named by {place}")


def of_gitlab(document: Any) -> Iterator[Evidence]:
    """`.gitlab-ci.yml`: branches that `only` names, and those that conditions compare with."""
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            only = _at(one, "only")
            for name in _items(_at(only, "refs") if isinstance(only, Mapping) else only, or_one=True):
                if isinstance(name, str) and name not in _KINDS_OF_REFS and not set("/*$@") & set(name):
                    yield from _literal(name, "named by .gitlab-ci.yml")
            waiting += list(one.values())
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            for match in _IN_A_CONDITION.finditer(one):
                yield from _literal(match[1] or match[2] or "", "named by .gitlab-ci.yml")


def of_asf(document: Any) -> Iterator[Evidence]:
    """`.asf.yaml` of the Apache foundation (https://s.apache.org/asfyaml): `github.protected_branches`."""
    branches = _at(_at(document, "github"), "protected_branches")
    for name in branches if isinstance(branches, Mapping) else ():
        if isinstance(name, str | int):
            yield from _literal(str(name), "protected by .asf.yaml")


def of_mergify(document: Any, place: str) -> Iterator[Evidence]:
    """Mergify's rules: the base branches that their conditions name in full."""
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += list(one.values())
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and (match := _BASE.fullmatch(one)):
            yield from _literal(match[1], f"a base of pull requests in {place}")


def of_bors(document: Any, place: str) -> Iterator[Evidence]:
    """bors: the branches in which it tries what it merges."""
    if isinstance(document, Mapping):
        for name in ("staging", "trying"):
            yield Evidence(pattern=name, reason=f"belongs to the merge queue of {place}", is_queue=True)


def of_config(entries: Iterable[tuple[str, str]]) -> Iterator[Evidence]:
    """git's configuration: base branches of git-flow, git-flow-next and git-town, and branches that others track as their base.

    Args:
        entries: full keys as `git config --list` spells them, with values.
    """
    settings: dict[str, str] = {}
    for key, value in entries:
        settings[key] = value
    for key, value in settings.items():
        section, _, rest = key.partition(".")
        middle, _, last = rest.rpartition(".")
        if section == "gitflow":
            yield from _git_flow(middle, last, value, settings)
        elif section == "git-town" and last in ("perennial-branches", "main-branch"):
            for name in value.split():
                yield from _literal(name, f"a long-lived branch of git-town ({key})")
        elif section == "git-town-branch" and last == "branchtype" and value in ("perennial", "main"):
            yield from _literal(middle, f"a long-lived branch of git-town ({key})")
        elif section == "branch" and last == "merge" and value.startswith(HEADS):
            yield from _base_of(middle, value.removeprefix(HEADS), settings)


def _git_flow(middle: str, last: str, value: str, settings: Mapping[str, str]) -> Iterator[Evidence]:
    if middle == "branch" and last in ("master", "main", "develop"):
        yield from _literal(value, f"a base branch of git-flow (gitflow.branch.{last})")
    elif middle == "prefix" and last in _LONG_LIVED_PREFIXES and len(value) > 1:
        yield Evidence(pattern=f"{escape(value)}*", reason=f"a {last} branch of git-flow (gitflow.prefix.{last})")
    elif middle.startswith("branch.") and last == "type" and value == "base":
        yield from _literal(middle.removeprefix("branch."), "a base branch of git-flow-next")
    elif middle.startswith("branch.") and last == "parent" and settings.get(f"gitflow.{middle}.type") == "base":
        yield from _literal(value, "a base branch of git-flow-next")
    elif middle.startswith("branch.") and last == "prefix" and len(value) > 1:
        kind = middle.removeprefix("branch.")
        if kind in _LONG_LIVED_PREFIXES:
            yield Evidence(pattern=f"{escape(value)}*", reason=f"a {kind} branch of git-flow-next")


def _base_of(branch: str, base: str, settings: Mapping[str, str]) -> Iterator[Evidence]:
    """A remote's branch that another branch was started on and tracks: git sets that up by itself (`branch.autoSetupMerge`).

    A local upstream makes a stack of feature branches. An upstream whose last part is the branch's own name is its copy on the remote,
    and so is every upstream where git pushes to upstreams (`push.default`).
    """
    if settings.get("push.default") in ("upstream", "tracking"):
        return
    remote = settings.get(f"branch.{branch}.remote", "")
    if remote not in ("", ".") and base.rpartition("/")[2] != branch.rpartition("/")[2]:
        yield from _literal(base, f"the upstream of {branch}, which has another name")


def _literal(name: str, reason: str) -> Iterator[Evidence]:
    if name_fault(name) is None:
        yield Evidence(pattern=escape(name), reason=reason)


def _glob(glob: str, reason: str) -> Iterator[Evidence]:
    """A glob as GitHub has it; one that takes every branch says nothing."""
    if glob.strip("*/?") and name_fault(re.sub(r"[*?\[\]]", "x", glob)) is None:
        yield Evidence(pattern=glob.replace("**/*", "*").replace("**", "*"), reason=reason)


def _at(document: Any, key: Any) -> Any:
    return document.get(key) if isinstance(document, Mapping) else None


def _items(value: Any, *, or_one: bool = False) -> list[Any]:
    if isinstance(value, list):
        return value
    return [value] if or_one and isinstance(value, str) else []
