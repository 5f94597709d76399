"""Pushing what moved: only where the plan said, only what is safe to publish, each branch under its own lease."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.attention import WITH_HOOKS
from gitalign.core.events import EventKind
from gitalign.core.names import branch_of, is_zero
from gitalign.core.plan import Step
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.push import PushPlace, PushRules, PushSettings, place_words
from gitalign.core.push_orders import NO_EXTRAS, PushExtras, PushOrder
from gitalign.engine.publishing.anchor import present
from gitalign.engine.publishing.push_history import Ancestry, would_lose
from gitalign.engine.publishing.push_planning import Remotes, places_of
from gitalign.engine.publishing.push_private import private_commits
from gitalign.engine.publishing.push_recovery import settled
from gitalign.errors import GitError, RemoteError
from gitalign.git.push import push
from gitalign.git.push_rules import PushConfig
from gitalign.git.repository import Repository
from gitalign.ports import Emitter, Journal

_WRITTEN = (PushState.PUSHED, PushState.UP_TO_DATE)


def to_push(one: Publication, place: PushPlace | None) -> Publication:
    """A publication with where it is to be pushed, as the journal notes it before anything is pushed.

    Args:
        one: the move.
        place: as the plan has it; None when no push was asked for.
    """
    if place is None:
        return one
    state, words = PushState.UNKNOWN, "not pushed yet"
    if place.held:
        state, words = PushState.HELD_BACK, place.held
    elif place.tip is None:
        state, words = PushState.NOT_ON_REMOTE, f"{place.words} does not exist; git push -u makes it"
    return replace(
        one, remote=place.remote, remote_ref=place.ref, remote_before=place.tip, push=state, push_detail=words
    )


def stopped_before_push(one: Publication) -> Publication:
    """A publication of a run that was stopped: nothing of it was sent."""
    if one.push is not PushState.UNKNOWN:
        return one
    return replace(one, push=PushState.NOT_PUSHED, push_detail="the run was stopped before it pushed")


def standing_publication(step: Step) -> Publication | None:
    """What an earlier run made of a branch that does not move now, to be pushed; None when there is nothing."""
    place = step.push_to
    if place is None or place.unpushed is None:
        return None
    one = Publication(
        update=RefUpdate(ref=step.moved_ref, before=place.unpushed, after=place.unpushed),
        stack=step.stack,
        state=MoveState.STANDS,
    )
    return to_push(one, place)


def to_give_back(one: Publication, history: Sequence[Publication], *, of: Publication | None = None) -> Publication:
    """A move of an undo with what a remote is to be given back: what it held before it got what is undone.

    Args:
        one: the move of an undo; what it already says of a remote stays.
        history: what runs made of the branch, oldest first.
        of: what is undone.
    """
    if one.state is MoveState.HELD_BACK or one.push is not PushState.NOT_ASKED:
        return one
    mine = [of] if of is not None and _may_be_there(of) else []
    # What another undo gave a remote back is not a push of what is undone now, though it may be the same commit.
    sent_later = (made for made in reversed(history) if _may_be_there(made) and made.remote_after is None)
    later = [made for made in sent_later if made.pushed_oid == one.update.before]
    sent = next(iter([*mine, *later]), None)
    if sent is None:
        return one
    return replace(
        one,
        remote=sent.remote,
        remote_ref=sent.pushed_ref,
        remote_before=sent.pushed_oid,
        remote_after=sent.remote_before,
        push=PushState.UNKNOWN,
        push_detail="not put back yet",
    )


def _may_be_there(made: Publication) -> bool:
    """Whether a remote may hold it: a push whose process was killed can arrive after the remote was asked."""
    may = (PushState.PUSHED, PushState.UNKNOWN, PushState.NOT_PUSHED)
    return made.push in may and made.remote_before is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pusher:
    """Pushes publications.

    Attributes:
        repository: the repository.
        journal: what runs made of branches.
        run_id: the run that pushes, which this process must hold.
        settings: of the operator.
        targets: names of target branches.
        emit: tells what came of each branch.
        on_remotes: full names of branches of remotes: each goes to where it is, whatever git would do with a local one.
    """

    repository: Repository
    journal: Journal
    run_id: str
    settings: PushSettings
    targets: Sequence[str]
    emit: Emitter
    on_remotes: frozenset[str] = frozenset()

    def forward(self, publications: Sequence[Publication]) -> tuple[Publication, ...]:
        """Push what moved, or was moved before, each leased on what the remote held when planning.

        A remote branch is overwritten only where everything it holds is in what replaces it, or was replaced by runs of
        ours; otherwise it is refused here. Never raises for what a remote says; what is not known stays `unknown`.
        """
        publications = [_as_meant(one) for one in publications]
        chosen = [
            one
            for one in publications
            if one.push is PushState.UNKNOWN and one.state in (MoveState.MOVED, MoveState.STANDS)
        ]
        if not chosen:
            return tuple(publications)
        try:
            config = PushConfig(self.repository)
            reports = self._pushed(chosen, self._refused(chosen, config), config)
        except (GitError, RemoteError) as error:
            reports = {one.update.ref: _nothing_sent(one, error) for one in chosen}
        return self._with_reports(publications, reports)

    def onward(self, publications: Sequence[Publication]) -> tuple[Publication, ...]:
        """Push targets onward that have not moved here yet, each leased on what it was built on. Nothing is overwritten.

        Never raises for what a remote says; what is not known stays `unknown`.
        """
        chosen = [one for one in publications if one.push is PushState.UNKNOWN and one.state is MoveState.INTENDED]
        try:
            config, ancestry = PushConfig(self.repository), Ancestry(self.repository)
            refused = self._held_by_guards(chosen, config)
            for one in chosen:
                if one.remote_before is None or ancestry.holds(one.pushed_oid, one.remote_before) is not True:
                    words = f"{place_words(one.remote or '', one.pushed_ref)} has commits that would be lost"
                    refused[one.update.ref] = (PushState.HELD_BACK, words)
            reports = self._pushed(chosen, refused, config)
        except (GitError, RemoteError) as error:
            reports = {one.update.ref: _nothing_sent(one, error) for one in chosen}
        return self._with_reports(publications, reports)

    def away(self, publications: Sequence[Publication]) -> tuple[Publication, ...]:
        """Delete branches of remotes, each leased on what it held when it was looked at. Never raises for what a remote says."""
        chosen = [one for one in publications if one.push is PushState.UNKNOWN and one.state is MoveState.STANDS]
        try:
            config = PushConfig(self.repository)
            reports = self._pushed(chosen, self._held_by_guards(chosen, config), config)
        except (GitError, RemoteError) as error:
            reports = {one.update.ref: _nothing_sent(one, error) for one in chosen}
        return self._with_reports(publications, reports)

    def back(self, publications: Sequence[Publication]) -> tuple[Publication, ...]:
        """Give remotes back what they held before, where they still hold what a run pushed or deleted.

        What a remote holds is asked first: whether a push that was cut off arrived is not known otherwise.
        """
        chosen = [
            one
            for one in publications
            if one.state in (MoveState.MOVED, MoveState.STANDS)
            and one.push in (PushState.UNKNOWN, PushState.NOT_PUSHED)
        ]
        if not chosen:
            return tuple(publications)
        remotes = Remotes(self.repository)
        looked = {one.update.ref: settled(one, remotes) for one in chosen}
        still = [one for one in looked.values() if one.push is PushState.NOT_PUSHED]
        try:
            config = PushConfig(self.repository)
            gone = self._gone(still)
            here = [one for one in still if one.update.ref not in gone]
            looked |= gone | self._pushed(here, self._held_by_guards(here, config), config)
        except GitError as error:
            looked |= {one.update.ref: _nothing_sent(one, error) for one in still}
        return self._with_reports(publications, looked)

    def _pushed(
        self, chosen: Sequence[Publication], refused: Mapping[str, tuple[PushState, str]], config: PushConfig
    ) -> dict[str, Publication]:
        extras = config.extras() if self.settings.with_hooks else NO_EXTRAS
        reports: dict[str, Publication] = {}
        by_remote: dict[str, list[Publication]] = {}
        for one in chosen:
            if one.update.ref in refused:
                state, words = refused[one.update.ref]
                reports[one.update.ref] = replace(one, push=state, push_detail=words)
            elif one.remote is not None:
                by_remote.setdefault(one.remote, []).append(one)
        for remote, batch in by_remote.items():
            reports |= self._sent(remote, batch, extras)
        return reports

    def _gone(self, batch: Sequence[Publication]) -> dict[str, Publication]:
        """What cannot be sent, for its commit is gone."""
        there = present(self.repository, sorted({one.pushed_oid for one in batch if not is_zero(one.pushed_oid)}))
        return {
            one.update.ref: replace(
                one,
                push=PushState.NOT_PUSHED,
                push_detail=f"commit {one.pushed_oid[:12]} is not in the repository any more",
            )
            for one in batch
            if one.pushed_oid not in there and not is_zero(one.pushed_oid)
        }

    def _sent(self, remote: str, batch: Sequence[Publication], extras: PushExtras) -> dict[str, Publication]:
        gone = self._gone(batch)
        orders = {
            one.pushed_ref: PushOrder(ref=one.pushed_ref, after=one.pushed_oid, lease=one.remote_before)
            for one in batch
            if one.remote_before is not None and one.update.ref not in gone
        }
        self.journal.require_held(self.run_id)
        # The fencing token is compared again; and what was asked before the push says nothing about its end.
        meant = [replace(one, push=PushState.UNKNOWN, push_detail="") for one in batch]
        self.journal.update_publications(self.run_id, meant)
        verdicts = {one.ref: one for one in push(self.repository, remote, list(orders.values()), extras=extras)}
        return gone | {
            one.update.ref: replace(
                one,
                push=verdicts[one.pushed_ref].state,
                push_detail=_words(one, verdicts[one.pushed_ref].state, verdicts[one.pushed_ref].detail),
            )
            for one in batch
            if one.pushed_ref in verdicts
        }

    def _with_reports(
        self, publications: Sequence[Publication], reports: Mapping[str, Publication]
    ) -> tuple[Publication, ...]:
        for one in publications:
            after = reports.get(one.update.ref)
            if after is not None and after.push is not PushState.NOT_ASKED:
                kind = EventKind.BRANCH_PUSHED if after.push in _WRITTEN else EventKind.PUSH_REJECTED
                self.emit(
                    kind,
                    branch=branch_of(after.update.ref),
                    state=after.push.value,
                    to=place_words(after.remote or "", after.pushed_ref),
                    reason=after.push_detail or None,
                )
        return tuple(reports.get(one.update.ref, one) for one in publications)

    def _refused(self, chosen: Sequence[Publication], config: PushConfig) -> dict[str, tuple[PushState, str]]:
        """Branches that are not offered to the remote, with the reason."""
        refused = self._held_by_guards(chosen, config)
        remotes = Remotes(self.repository)
        theirs = [one for one in chosen if one.update.ref in self.on_remotes]
        rules = config.rules(
            default_remote=self.settings.remote,
            insists=self.settings.insists,
            besides={one.remote for one in theirs if one.remote},
        )
        names = [branch_of(one.update.ref) for one in chosen if one.update.ref not in self.on_remotes]
        places = places_of(names, rules, remotes, self.settings, targets=self.targets)
        places |= {branch_of(one.update.ref): _where_it_is(one, rules) for one in theirs}
        going = Counter((one.remote, one.pushed_ref) for one in chosen)
        private = private_commits(self.repository, chosen, remotes, targets=self.targets)
        ancestry = Ancestry(self.repository)
        history = self.journal.history_of(one.update.ref for one in chosen)
        for one in chosen:
            place = places[branch_of(one.update.ref)]
            if place.held:
                why = (PushState.HELD_BACK, place.held)
            elif (place.remote, place.ref) != (one.remote, one.pushed_ref):
                planned = place_words(one.remote or "", one.pushed_ref)
                why = (PushState.HELD_BACK, f"git would push it to {place.words} now, the plan said {planned}")
            elif one.remote is not None and branch_of(one.pushed_ref) == remotes.head(one.remote):
                # Asked now: here it need not be known, and it may be another one since the plan was made.
                why = (PushState.HELD_BACK, f"{place.words} is the branch that HEAD of {one.remote} is on")
            elif going[one.remote, one.pushed_ref] > 1:
                why = (PushState.HELD_BACK, f"another branch of this run is pushed to {place.words}, too")
            elif one.update.ref in private:
                why = (PushState.HELD_BACK, private[one.update.ref])
            elif words := would_lose(one, place, ancestry, history.get(one.update.ref, ())):
                why = (PushState.REJECTED, words)
            else:
                continue
            refused.setdefault(one.update.ref, why)
        return refused

    def _held_by_guards(self, chosen: Sequence[Publication], config: PushConfig) -> dict[str, tuple[PushState, str]]:
        if self.settings.with_hooks or not chosen:
            return {}
        found = config.guards([one.pushed_oid for one in chosen if not is_zero(one.pushed_oid)])
        if not found:
            return {}
        words = f"git push would run or send {' and '.join(found)}; {WITH_HOOKS} does so, too"
        return {one.update.ref: (PushState.HELD_BACK, words) for one in chosen}


def _where_it_is(one: Publication, rules: PushRules) -> PushPlace:
    remote = one.remote or ""
    return PushPlace(remote=remote, ref=one.pushed_ref, tip=one.remote_before, held=rules.fault_of(remote))


def _as_meant(one: Publication) -> Publication:
    """A publication whose push cannot happen says so."""
    if one.push is PushState.UNKNOWN and one.state in (MoveState.HELD_BACK, MoveState.ROLLED_BACK):
        return replace(one, push=PushState.NOT_PUSHED, push_detail="its branch did not move")
    return one


def _nothing_sent(one: Publication, error: GitError | RemoteError) -> Publication:
    return replace(one, push=PushState.NOT_PUSHED, push_detail=f"nothing was pushed: {error.message}")


def _words(one: Publication, state: PushState, said: str) -> str:
    if state in _WRITTEN:
        return ""
    return f"{place_words(one.remote or '', one.pushed_ref)}: {said}"
