"""Which branches take part in a run, and with which target. Pure."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.branch import Branch, ListedBranch
from gitalign.core.checked_out import WorkTrees
from gitalign.core.exclusions import Exclusion, ExclusionCode
from gitalign.core.filters import Filters
from gitalign.core.graph import CommitGraph
from gitalign.core.integration_branches import IntegrationBranches
from gitalign.core.long_lived import Role, known_role, said_of
from gitalign.core.names import (
    HEADS,
    REMOTES,
    BranchName,
    Oid,
    TargetName,
    display,
    is_backup_name,
    name_fault,
    ref_of,
    shell_word,
)
from gitalign.core.plan import Target
from gitalign.core.policy import Policy, UnknownTarget
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.steps import Chosen, counted
from gitalign.core.working_set import difference, remote_of
from gitalign.errors import UserError


class BranchChoice:
    """Which branches take part, and with which target.

    Args:
        snapshot: refs and work trees.
        graph: history behind every branch and target.
        policy: the operator's decisions.
        targets: the targets, in their order.
        filters: which branches were asked for.
        work_trees: of the snapshot.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        graph: CommitGraph,
        policy: Policy,
        *,
        targets: tuple[Target, ...],
        filters: Filters,
        work_trees: WorkTrees,
    ) -> None:
        self._tips = {tip.ref: tip for tip in snapshot.tips if tip.ref.startswith(HEADS)}
        self._remotes_of: dict[str, set[str]] = defaultdict(set)
        for tip in snapshot.tips:
            if tip.ref.startswith(REMOTES):
                remote, slash, name = tip.ref.removeprefix(REMOTES).partition("/")
                if slash:
                    self._remotes_of[name].add(remote)
        self._remotes = set().union(*self._remotes_of.values())
        self._work_trees = work_trees
        self._graph = graph
        self._own_counts: dict[Oid, dict[Oid, int]] = {}
        self._policy = policy
        self._targets = targets
        self._by_name = {target.name: target for target in targets}
        self._snapshot = snapshot
        self._counterparts = dict(snapshot.counterparts)
        self._target_refs = self._never_moved()
        self._filters = filters
        self._lines = dict(snapshot.lines)
        self._line_below = graph.based_on(self._lines, [target.oid for target in targets])
        self.integrations = IntegrationBranches(snapshot, graph, policy, targets, self._target_refs)

    def _never_moved(self) -> dict[str, TargetName]:
        """Refs of the targets and of local branches of their names, and what those are symbolic refs to."""
        refs: dict[str, TargetName] = {}
        for target in self._targets:
            for start in (target.ref, ref_of(target.name)):
                ref: str | None = start
                while ref is not None and ref not in refs:
                    refs[ref] = target.name
                    tip = self._tips.get(ref)
                    ref = tip.symbolic_target if tip is not None else None
        return refs

    def from_refs(self) -> tuple[list[Chosen], list[Exclusion]]:
        """Every branch of the repository, each with the target it is nearest to."""
        chosen: list[Chosen] = []
        excluded: list[Exclusion] = []
        for ref, tip in self._tips.items():
            name = BranchName(ref.removeprefix(HEADS))
            out = self._excluded(name, tip) or self._long_lived(name) or self._default(name) or self._said(name)
            if out is not None:
                excluded.append(out)
                continue
            if not self._targets:
                excluded.append(
                    Exclusion(
                        branch=name,
                        code=ExclusionCode.NO_TARGET,
                        reason="the repository has none of the target branches; set alignment.targets",
                    )
                )
                continue
            if (other := self._other_line(name, tip.oid)) is not None:
                excluded.append(other)
                continue
            target, reason = self._nearest(tip.oid)
            chosen.append(self._chosen(Branch(name=name, target=target.name, reason=reason), target, tip.oid))
        return chosen, excluded

    def from_list(self, listed: Sequence[ListedBranch]) -> tuple[list[Chosen], list[Exclusion]]:
        """The branches of a list, each with the target the list gives it."""
        chosen: list[Chosen] = []
        excluded: list[Exclusion] = []
        seen: dict[str, ListedBranch] = {}
        self._refuse_unknown_targets(listed)
        for entry in listed:
            name = BranchName(entry.name)
            target_name = TargetName(entry.target) if entry.target else None

            def out(
                code: ExclusionCode, reason: str, *, of: BranchName = name, to: TargetName | None = target_name
            ) -> Exclusion:
                return Exclusion(branch=of, code=code, reason=reason, target=to)

            if name in seen:
                first = seen[name]
                named = display(first.target) if first.target else "none"
                other = f", which gives it another target: {named}" if first.target != entry.target else ""
                excluded.append(
                    out(
                        ExclusionCode.DUPLICATE,
                        f"entry {entry.index} repeats entry {first.index}{other}; the first one counts",
                    )
                )
                continue
            seen[name] = entry
            tip = self._tips.get(ref_of(name))
            if tip is None:
                excluded.append(out(*self._missing(entry)))
                continue
            refusal = self._excluded(name, tip) or self._default(name)
            if refusal is not None:
                excluded.append(replace(refusal, target=target_name))
                continue
            if target_name is None:
                excluded.append(out(ExclusionCode.NO_TARGET, f"entry {entry.index} names no target"))
                continue
            target = self._by_name.get(target_name)
            if target is None:
                excluded.append(
                    out(ExclusionCode.UNKNOWN_TARGET, f"entry {entry.index}: {display(target_name)} is no target here")
                )
                continue
            branch = Branch(
                name=name,
                target=target.name,
                reason=entry.reason or "listed",
                priority=entry.priority,
                confidence=entry.confidence,
                tags=entry.tags,
                cluster_id=entry.cluster_id,
            )
            one = self._chosen(branch, target, tip.oid)
            held = replace(one.held, target=target_name) if one.held is not None else None
            chosen.append(replace(one, metrics=entry.metrics, held=held))
        return chosen, excluded

    def _refuse_unknown_targets(self, listed: Sequence[ListedBranch]) -> None:
        if self._policy.unknown_target is not UnknownTarget.REFUSE:
            return
        unknown = [
            f"entry {entry.index} ({display(entry.name)}): {display(entry.target)}"
            for entry in listed
            if entry.target and TargetName(entry.target) not in self._by_name and self._filters.names(entry.name)
        ]
        if unknown:
            known = ", ".join(display(target.name) for target in self._targets) or "none"
            raise UserError(
                f"unknown targets in the branch list: {'; '.join(unknown)}",
                code="unknown_target",
                hint=f"known targets: {known}; see alignment.targets",
            )

    def _missing(self, entry: ListedBranch) -> tuple[ExclusionCode, str]:
        """Code and words for an entry whose branch is not in the repository."""
        fault = name_fault(entry.name)
        if fault is not None:
            return ExclusionCode.INVALID_NAME, f"entry {entry.index}: the name {fault}, which git allows in no branch"
        where = f"entry {entry.index}: no such branch in the repository"
        for prefix in (HEADS, *(f"{remote}/" for remote in sorted(self._remotes))):
            short = entry.name.removeprefix(prefix)
            if short != entry.name and ref_of(short) in self._tips:
                return ExclusionCode.MISSING, f"{where}; did you mean {display(short)}?"
        remotes = self._remotes_of.get(entry.name)
        if remotes:
            place = f"{sorted(remotes)[0]}/{entry.name}"
            return ExclusionCode.MISSING, f"{where}; it exists as {display(place)} only: git branch --track it first"
        return ExclusionCode.MISSING, where

    def _chosen(self, branch: Branch, target: Target, tip: Oid) -> Chosen:
        held = self._work_trees.holding(ref_of(branch.name))
        out = self._work_trees.refusal(branch.name, ref_of(branch.name)) or self._differs(branch.name, tip)
        return Chosen(branch, target, tip, held[0].path if held else None, held=out)

    def _excluded(self, name: BranchName, tip: Tip) -> Exclusion | None:
        def out(code: ExclusionCode, reason: str) -> Exclusion:
            return Exclusion(branch=name, code=code, reason=reason)

        if tip.ref in self._target_refs:
            target = self._target_refs[tip.ref]
            which = "" if ref_of(target) == tip.ref else f" ({display(target)} is a symbolic ref to it)"
            return out(ExclusionCode.IS_TARGET, f"is a target{which}; targets are never moved")
        if (filtered := self._filters.left_out(name, tip.oid)) is not None:
            return out(*filtered)
        if tip.symbolic_target is not None:
            return out(
                ExclusionCode.SYMBOLIC_REF,
                f"is a symbolic ref to {display(tip.symbolic_target)}, which is treated under its own name",
            )
        if tip.object_type == "missing" and (remote := remote_of(self._snapshot, name)) is not None:
            words = f"{remote} has {tip.oid[:12]} there, which a fetch does not bring: git remote --verbose"
            return out(ExclusionCode.DIFFERS, words)
        if tip.object_type != "commit":
            missing = "its commit is missing: fetch the missing objects, then plan again"
            words = missing if tip.object_type == "missing" else f"points to a {tip.object_type}, not to a commit"
            return out(ExclusionCode.NOT_A_COMMIT, words)
        if is_backup_name(name, prefix=self._policy.backup_prefix):
            return out(ExclusionCode.BACKUP, "is a backup branch")
        if role := self.integrations.role_of(tip):
            return out(ExclusionCode.INTEGRATION, role)
        for glob in self._policy.protected:
            if fnmatch.fnmatchcase(name, glob):
                return out(ExclusionCode.PROTECTED, f"protected by the pattern {glob}")
        return None

    def _long_lived(self, name: BranchName) -> Exclusion | None:
        """Why a branch that was not asked for by its name is no feature branch."""
        known = None if name in self._filters.only else known_role(name)
        if known is None:
            return None
        code = ExclusionCode.BOT if known.role is Role.BOT else ExclusionCode.LONG_LIVED
        ask = "" if known.role is Role.BOT else "; name it with --only, or as a target"
        return Exclusion(branch=name, code=code, reason=f"{known.reason}{ask}")

    def _said(self, name: BranchName) -> Exclusion | None:
        """Why a branch that was not asked for by its name is long-lived, as the repository itself says."""
        known = None if name in self._filters.only else said_of(name, self._snapshot.evidence)
        if known is None:
            return None
        words = f"is {known.reason}; name it with --only, or as a target"
        return Exclusion(branch=name, code=ExclusionCode.LONG_LIVED, reason=words)

    def _other_line(self, name: BranchName, tip: Oid) -> Exclusion | None:
        """Why a branch that was started on a long-lived branch that is no target would not be aligned as it should."""
        line = self._line_below(tip)
        if line is None or name in self._lines:
            return None
        there = f"--only {shell_word(name)} --target {shell_word(line)}"
        words = f"is based on {display(line)}, which is not a target; to align it with that: {there}"
        return Exclusion(branch=name, code=ExclusionCode.OTHER_LINE, reason=words)

    def _differs(self, name: BranchName, tip: Oid) -> Exclusion | None:
        """Why a branch that is here and on the remote is left alone."""
        other = self._counterparts.get(name)
        words = None if other is None else difference(self._snapshot, self._graph, name, tip, other)
        return None if words is None else Exclusion(branch=name, code=ExclusionCode.DIFFERS, reason=words)

    def _default(self, name: BranchName) -> Exclusion | None:
        """Why the repository's default branch stays where it is, though it is no target."""
        default = self._snapshot.default_branch
        if default is None or name != default[0]:
            return None
        words = f"is the default branch ({default[1]}), which is never moved"
        return Exclusion(branch=name, code=ExclusionCode.DEFAULT_BRANCH, reason=words)

    def _own_count(self, tip: Oid, target: Target) -> int:
        """Own commits of a tip; those of all branches are counted with the first one."""
        counts = self._own_counts.get(target.oid)
        if counts is None:
            tips = {one.oid for one in self._tips.values() if one.oid in self._graph}
            counts = self._own_counts[target.oid] = self._graph.own_counts(tips, target.oid)
        return counts[tip] if tip in counts else self._graph.own_count(tip, target.oid)

    def _nearest(self, tip: Oid) -> tuple[Target, str]:
        """The target with the fewest commits between, and why."""
        if tip not in self._graph:
            return self._targets[0], "history cannot be read; first target taken"
        known = [target for target in self._targets if target.oid in self._graph]
        if not known:
            return self._targets[0], "history of the targets cannot be read; first target taken"
        own = {target.name: self._own_count(tip, target) for target in known}
        fewest = min(own.values())
        near = [target for target in known if own[target.name] == fewest]
        reason = f"{counted(fewest, 'own commit')} not in it"
        if len(near) == 1:
            return near[0], reason + (f", fewest of {len(known)} targets" if len(known) > 1 else "")
        # How far the targets themselves have gone on since says nothing about the branch: a stale line would win every tie.
        return (
            near[0],
            f"{reason}, as many as for each of {', '.join(display(target.name) for target in near)}; first in order taken",
        )
