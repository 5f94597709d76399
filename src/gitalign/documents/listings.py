"""Documents of verbs that list: each is an object with its lists under their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from gitalign.core.certificate import Proof
from gitalign.core.diagnosis import Diagnosis
from gitalign.core.manual_resolution import Look
from gitalign.core.merged import MergedBranch
from gitalign.core.publication import Publication
from gitalign.core.report import Report
from gitalign.core.rules import Compliance, RulePack
from gitalign.core.run import RunRecord
from gitalign.documents.house_rules import dump_judged_compliance
from gitalign.documents.merged_branches import dump_merged_branch
from gitalign.documents.moves import dump_move
from gitalign.documents.proofs import dump_proof
from gitalign.documents.reports import dump_report
from gitalign.documents.rule_packs import dump_rule_pack
from gitalign.documents.runs import dump_run
from gitalign.documents.status import dump_diagnosis, dump_look

if TYPE_CHECKING:
    from gitalign.documents.models.house_rules import HouseRulesDocument
    from gitalign.documents.models.listings import (
        ChecksDocument,
        MergedBranchesDocument,
        MovesDocument,
        ProofsDocument,
        ResolutionsUnderWayDocument,
        RulePacksDocument,
        RunsDocument,
    )
    from gitalign.documents.models.reports import ReportsDocument


def dump_runs(values: Iterable[RunRecord]) -> RunsDocument:
    """Runs, newest first."""
    return {"runs": [dump_run(value) for value in values]}


def dump_moves(values: Iterable[Publication]) -> MovesDocument:
    """What would move."""
    return {"moves": [dump_move(value) for value in values]}


def dump_reports(values: Iterable[Report]) -> ReportsDocument:
    """Reports of several runs."""
    return {"reports": [dump_report(value) for value in values]}


def dump_proofs(values: Iterable[Proof]) -> ProofsDocument:
    """Certificates, looked at again."""
    return {"proofs": [dump_proof(value) for value in values]}


def dump_checks(values: Iterable[Diagnosis]) -> ChecksDocument:
    """What `doctor` looked at."""
    return {"checks": [dump_diagnosis(value) for value in values]}


def dump_house_rules(values: Iterable[Compliance]) -> HouseRulesDocument:
    """What the house rules say of branches."""
    return {"branches": [dump_judged_compliance(value) for value in values]}


def dump_rule_packs(values: Iterable[RulePack]) -> RulePacksDocument:
    """Packs of house rules."""
    return {"packs": [dump_rule_pack(value) for value in values]}


def dump_resolutions_under_way(values: Iterable[Look]) -> ResolutionsUnderWayDocument:
    """Manual resolutions that are under way."""
    return {"resolutions": [dump_look(value) for value in values]}


def dump_merged_branches(
    values: Iterable[MergedBranch], *, chosen: Collection[str], dry_run: bool
) -> MergedBranchesDocument:
    """Branches that are merged; `chosen` are the names of those that are deleted, or would be."""
    return {
        "merged": [{**dump_merged_branch(value), "would_delete": value.branch in chosen} for value in values],
        "dry_run": dry_run,
    }
