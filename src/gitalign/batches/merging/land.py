"""Landing a batch: merge in memory, look, test, then one move of the target through the one door. A run like any other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from gitalign.batches.merging.decide import Decision, Fault, decide
from gitalign.batches.merging.gates import Gates
from gitalign.batches.merging.judgement import Judge
from gitalign.batches.merging.landing import Landing, LandOptions
from gitalign.batches.merging.merge_members import MemberMerger, MergeRules
from gitalign.batches.merging.publish_landing import (
    CERTIFICATE,
    landed_words,
    publish_landing,
    require_conserved,
    stays_words,
    stored_plan,
    was_overwritten,
    with_left_out,
    with_reason,
)
from gitalign.batches.merging.target_place import TargetPlace, TargetProblem, TargetReader
from gitalign.batches.running.context import Keeper
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.state import BEST_SUBSET, PUSH, PUSH_HOOKS, BatchRun, Landed, MergeStatus
from gitalign.batches.running.state_document import left_out_of
from gitalign.core.events import EventKind
from gitalign.core.names import Oid, TargetName, display, ref_of
from gitalign.core.plan import Target
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import PushSettings
from gitalign.core.run import RunKind, RunState
from gitalign.documents import plans
from gitalign.documents.formats import opened as opened_document
from gitalign.documents.formats import parsed
from gitalign.documents.reading import Malformed, each
from gitalign.engine.gates.detection import Detection
from gitalign.engine.publishing.guard import Guard
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.publishing.push_recovery import settle_late_landings
from gitalign.engine.publishing.pushing import Pusher
from gitalign.engine.publishing.recorded_run import new_record
from gitalign.engine.run.contexts import Caller, new_run
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.session import OpenRepository, configured_plugins, configured_rules, journal_of
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.space import require_space
from gitalign.errors import RemoteError, UnknownRun
from gitalign.git.identity import operator_ident
from gitalign.git.in_quarantine import in_quarantine
from gitalign.git.quarantine import Quarantine
from gitalign.git.signing import configured_signer
from gitalign.ports import Journal

__all__ = ["CERTIFICATE", "BatchLander", "LandOptions"]


class BatchLander:
    """Lands the results of batches. Implements `Lander`.

    Args:
        opened: repository and settings.
        caller: who asked for it.
        options: how.
    """

    def __init__(self, opened: OpenRepository, caller: Caller, options: LandOptions | None = None) -> None:
        self._opened = opened
        self._caller = caller
        self._options = options or LandOptions()

    def require_ready(self, target: str) -> None:
        """Refuse, before hours of tasks, what would be refused when they have ended: a protected target, settings that cannot be used.

        Raises:
            TargetProblem: nothing may move the target.
            UserError, GitError: settings of detection, house rules, checks or signing cannot be used.
        """
        opened, ref = self._opened, ref_of(target)
        self._gates()
        configured_signer(opened.repository, committer=operator_ident(opened.repository, at=opened.now()))
        if Guard(opened.repository, opened.config.alignment, frozenset({ref})).keeps(ref):
            raise TargetProblem(
                f"{display(target)} is protected: nothing may land on it",
                hint="name another branch with --target, take it out of alignment.protected, or leave landing for later: --no-land",
                code="target_protected",
            )

    def land(self, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        """Land a batch. Asked again after a crash, it finishes what it began, once.

        Raises:
            GitAlignError: nothing moved, or the journal says what did; asked again, it goes on.
        """
        with journal_of(self._opened) as journal:
            recover_dead(self._opened, journal, self._caller)
            known = keeper.run.batches[number].landing_run
            if known and (landed := self._landed_before(journal, known, keeper.run.target)) is not None:
                return landed
            landed = Landed(merge_status=MergeStatus.TARGET_MOVED)
            for _ in range(self._options.attempts):
                landed = self._attempt(journal, keeper, number, members)
                if landed.merge_status is not MergeStatus.TARGET_MOVED or self._caller.stop.stop_requested:
                    break
            return landed

    def _landed_before(self, journal: Journal, run_id: str, target: str) -> Landed | None:
        """What an earlier attempt has done, when it moved the target, here or on its remote, and that was not undone.

        Raises:
            RemoteError: what became of a push is not known, and the remote cannot be asked.
        """
        try:
            record = journal.run(run_id)
            made = [one for one in journal.publications(record.id) if one.update.ref == ref_of(target)]
        except UnknownRun:
            return None
        if any(one.push in (PushState.UNKNOWN, PushState.NOT_PUSHED) for one in made):
            made = list(settle_late_landings(self._opened.repository, made))
            journal.update_publications(run_id, made)
            if any(one.push is PushState.UNKNOWN for one in made):
                words = made[0].push_detail
                raise RemoteError(
                    f"it is not known whether the batch was pushed: {words}", hint="git align batch resume"
                )
        for one in made:
            if was_overwritten(self._opened.repository, one):
                continue
            is_only_pushed = one.state is MoveState.STANDS and one.push is PushState.PUSHED
            if one.state is MoveState.MOVED or (is_only_pushed and record.undone_by is None):
                return self._as_recorded(run_id, one)
        return None

    def _as_recorded(self, run_id: str, publication: Publication) -> Landed:
        """What landed, as the certificate has it, which was written before anything moved."""
        pushed_to, push_detail = landed_words(publication)
        landed = Landed(
            merge_status=MergeStatus.SUCCESS,
            landed=publication.update.after,
            landing_run=run_id,
            pushed_to=pushed_to,
            push_detail=push_detail,
        )
        try:
            text = (self._opened.repository.state_dir / "runs" / run_id / CERTIFICATE).read_text(encoding="utf-8")
            content = opened_document(parsed(text), "batch-certificate")
            left_out = each(content, "left_out", left_out_of, ())
        except (OSError, ValueError, Malformed):
            reason = "it landed; its certificate cannot be read, so it is not known whether all of the batch did"
            return replace(landed, merge_status=MergeStatus.FAILED, reason=reason)
        tests, flaky = str(content.get("tests", "")), tuple(map(str, content.get("flaky", ())))
        landed = with_left_out(replace(landed, tests=tests, flaky=flaky), Decision(left_out=left_out))
        return with_reason(landed, stays_words(publication))

    def _attempt(self, journal: Journal, keeper: Keeper, number: int, members: Sequence[Member]) -> Landed:
        opened, repository = self._opened, self._opened.repository
        try:
            place = self._place(journal, keeper.run, number)
        except TargetProblem as problem:
            return Landed(merge_status=MergeStatus.REFUSED, reason=problem.message)
        require_space(repository)
        plugins = configured_plugins(opened.config)
        with new_run(opened, journal, self._caller, plugins=plugins) as run:
            landing = self._landing(run, keeper.run, number, members, place)
            keeper.change(lambda state: state.with_batch(number, landing_run=run.run_id))
            plan = stored_plan(landing)
            journal.begin_run(new_record(run, RunKind.BATCH, plan_id=plan.id, total=1), plan_json=plans.text_of(plan))
            run.emit(EventKind.RUN_STARTED, branches=len(members))
            best_subset = bool(keeper.run.options.get(BEST_SUBSET))
            settings = opened.config.pushing()
            with_hooks = settings.with_hooks or bool(keeper.run.options.get(PUSH_HOOKS))
            pusher = _pusher(landing, replace(settings, with_hooks=with_hooks))
            try:
                return in_quarantine(
                    repository,
                    run.run_id,
                    lambda quarantine: _merged_and_landed(landing, quarantine, pusher, best_subset=best_subset),
                )
            except BaseException:
                _end_without_moves(run, outcome="failed")
                raise

    def _place(self, journal: Journal, run: BatchRun, number: int) -> TargetPlace:
        """Where the target stands; of the remote, too, where results are pushed.

        Raises:
            TargetProblem, RemoteError, GitError
        """
        reader = TargetReader(repository=self._opened.repository, settings=self._opened.config.pushing())
        if not run.options.get(PUSH):
            return reader.here(run.target)
        ours: dict[Oid, Oid] = {}
        for batch in run.batches[:number]:
            if batch.outcome is not None and batch.outcome.landing_run:
                for one in journal.publications(batch.outcome.landing_run):
                    ours[one.update.after] = one.update.before
        return reader.pushed(run.target, ours=ours, with_hooks=bool(run.options.get(PUSH_HOOKS)))

    def _gates(self) -> Gates:
        config = self._opened.config
        timeout_s = config.limits().detection_timeout_s
        detection = Detection.of(configured_plugins(config), timeout_s=timeout_s)
        return Gates(
            # What a task itself brought counts as well: no person has looked at it.
            detection=replace(detection, rule=replace(detection.rule, introduced_by=("branch", "integration"))),
            rules=configured_rules(self._opened),
            checks=config.checks(),
            access=config.access.rules(),
        )

    def _landing(
        self, run: RunContext, batch_run: BatchRun, number: int, members: Sequence[Member], place: TargetPlace
    ) -> Landing:
        opened, options = self._opened, self._options
        ref = ref_of(batch_run.target)
        ident = operator_ident(opened.repository, at=run.started_at)
        gates = self._gates()
        if batch_run.options.get(BEST_SUBSET):
            checks = replace(gates.checks, rerun=options.reruns > 0, reruns=options.reruns)
            gates = replace(gates, checks=checks)
        return Landing(
            run=run,
            options=options,
            guard=Guard(opened.repository, opened.config.alignment, frozenset({ref})),
            gates=gates,
            rules=MergeRules(
                ident=ident,
                squash=options.squash,
                signer=configured_signer(opened.repository, committer=ident),
                timeout_s=run.limits.integration_timeout_s,
            ),
            batch_id=batch_run.id,
            number=number,
            members=members,
            target=Target(name=TargetName(batch_run.target), ref=ref, oid=place.onto),
            before=place.local,
            push_to=place.push_to,
        )


def _pusher(landing: Landing, settings: PushSettings) -> Pusher:
    """What pushes the target of a landing: for once, a target is what is to be pushed."""
    run = landing.run
    targets = tuple(name for name in settings.targets if name != landing.target.name)
    return Pusher(
        repository=run.repository,
        journal=run.journal,
        run_id=run.run_id,
        settings=replace(settings, targets=targets),
        targets=targets,
        emit=run.emit,
    )


def _merged_and_landed(landing: Landing, quarantine: Quarantine, pusher: Pusher, *, best_subset: bool) -> Landed:
    run, target = landing.run, landing.target
    merging = MemberMerger.opened(
        quarantine, target=target.name, onto=target.oid, members=landing.members, rules=landing.rules
    )
    with merging as merger, ExitStack() as until_then:
        judge = Judge(landing, quarantine, merger, until_then)
        decision = decide(landing, judge, merger, lost=_lost(landing), best_subset=best_subset)
    quarantine.require_memory()
    refusal = decision.refusal
    if run.stop.stop_requested:
        refusal = Landed(merge_status=MergeStatus.WAITING, reason="stopped before the target moved")
    elif refusal is None and (decision.judgement is None or not decision.judgement.merged.merged):
        reason = "" if decision.left_out else "the target holds everything already"
        refusal = with_left_out(Landed(merge_status=MergeStatus.SKIPPED, reason=reason), decision)
        refusal = replace(refusal, conflicts=decision.conflicts)
    if refusal is not None:
        _end_without_moves(run, outcome="attention" if refusal.reason else "ok")
        return refusal
    assert decision.judgement is not None
    require_conserved(landing, quarantine.git, decision.judgement)
    return publish_landing(landing, quarantine, decision, pusher=pusher)


def _lost(landing: Landing) -> list[Fault]:
    """Results whose beginning the target has lost: they would bring that history back."""
    ancestry, onto = Ancestry(landing.run.repository), landing.target.oid
    found: list[Fault] = []
    for number, member in enumerate(landing.members):
        if member.base is not None and not ancestry.holds(onto, member.base):
            reason = (
                f"{landing.target.name} was rewritten: it does not hold {member.base[:12]} any more, "
                f"on which {member.name} began"
            )
            found.append(Fault(members=frozenset({number}), because=MergeStatus.REFUSED, reason=reason))
    return found


def _end_without_moves(run: RunContext, *, outcome: str) -> None:
    """Write down that nothing was to move; a run that is publishing stays as it is, for `resume`."""
    if run.journal.run(run.run_id).state is RunState.INTEGRATING:
        run.journal.set_state(run.run_id, RunState.FINISHED, outcome=outcome, finished_at=run.now())
        run.emit(EventKind.RUN_FINISHED, outcome=outcome)
