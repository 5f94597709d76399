"""What agents can ask and do, as plain functions over the facade: each answers with the members of a document.

Names of branches in a document are JSON strings; bytes of names that are not UTF-8 are replaced, because an agent cannot send
them back.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.agents.long_work import LongWork
from gitalign.core.names import shell_word
from gitalign.core.path_claim import PathClaim
from gitalign.core.plan import Permit
from gitalign.documents.forecasts import dump_forecast
from gitalign.documents.formats import stamped
from gitalign.documents.paths import dump_path_claims
from gitalign.documents.reports import dump_report
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import NotPermitted, UserError

MOST_BYTES = 200_000
_MOST_WAIT_S = 50.0
_PERMIT = Permit(plan_id="*", given_by="mcp")


class Tools:
    """The tools of one repository.

    Args:
        repository: any path inside it.
        config: the operator's configuration file.
        may_move: whether tools may move branches.
    """

    def __init__(self, repository: Path, *, config: Path | None = None, may_move: bool = False) -> None:
        self._repository = repository
        self._config = config
        self.may_move = may_move
        self.work = LongWork()

    def forecast(self, only: Sequence[str] = (), *, wait_s: float = 20.0) -> dict[str, Any]:
        """How branches would align, without moving them."""
        request = self._request(only)

        def work(stop: StopSignal) -> Mapping[str, Any]:
            return stamped("forecast", dump_forecast(facade.forecast(request, stop=stop)))

        return self._answered("forecast", work, wait_s)

    def clashes(self, branch: str, *, wait_s: float = 20.0) -> dict[str, Any]:
        """Branches that conflict with a branch once both are aligned, and where."""
        request = self._request()

        def work(stop: StopSignal) -> Mapping[str, Any]:
            found = facade.forecast(request, pairs=True, stop=stop)
            if all(one.branch != branch for one in found.branches):
                raise _no_branch(branch)
            mine = replace(
                found,
                branches=tuple(one for one in found.branches if one.branch == branch),
                clashes=tuple(one for one in found.clashes if branch in (one.one, one.other)),
                contests=tuple(one for one in found.contests if branch in (*one.stopping, *one.changing)),
            )
            return stamped("forecast", dump_forecast(mine))

        return self._answered("clashes", work, wait_s)

    def who_touches(self, patterns: Sequence[str]) -> dict[str, Any]:
        """Branches that change paths, and claims on them."""
        request = self._request()
        touches = facade.touches_content(patterns, facade.touching(request, patterns))
        claims = [one for one in facade.path_claims(request) if one.overlaps(patterns)]
        answer = {**stamped("path-touches", touches), "claims": dump_path_claims(claims)["claims"]}
        return _bounded(answer, hint="ask about fewer paths")

    def claim(self, holder: str, patterns: Sequence[str], minutes: int, note: str) -> dict[str, Any]:
        """Claim paths for a while."""
        answer = facade.claim_paths(self._request(), holder=holder, patterns=patterns, minutes=minutes, note=note)
        return _claims(answer.held or [answer.claim], refused=bool(answer.held))

    def claims(self) -> dict[str, Any]:
        """Claims that hold now."""
        return _bounded(_claims(facade.path_claims(self._request())), hint="git align paths claims")

    def release(self, holder: str, claim_id: str | None) -> dict[str, Any]:
        """Give claims back."""
        released = facade.release_paths(self._request(), holder=holder, claim_id=claim_id)
        return _claims(facade.path_claims(self._request()), released=released)

    def align(self, branch: str, *, wait_s: float = 20.0) -> dict[str, Any]:
        """Align one branch and publish the result.

        Raises:
            NotPermitted: the server may not move branches.
        """
        self._require_permission()
        request = self._request([glob.escape(branch)])

        def work(stop: StopSignal) -> Mapping[str, Any]:
            plan = facade.plan(request)
            if not plan.steps:
                raise _no_branch(branch)
            return stamped("report", dump_report(facade.run(request, plan=plan, permit=_PERMIT, stop=stop)))

        return self._answered("align", work, wait_s, moves=True)

    def undo(self, run: str, *, wait_s: float = 20.0) -> dict[str, Any]:
        """Put back what a run moved.

        Raises:
            NotPermitted: the server may not move branches.
        """
        self._require_permission()

        def work(stop: StopSignal) -> Mapping[str, Any]:
            return stamped("report", dump_report(facade.undo(self._request(), run, permit=_PERMIT, stop=stop)))

        return self._answered("undo", work, wait_s, moves=True)

    def report(self, run: str) -> dict[str, Any]:
        """A run written up."""
        report = stamped("report", dump_report(facade.show(self._request(), run)))
        return _bounded(report, hint=f"git align show {shell_word(run)}")

    def batches(self, batch: str | None) -> dict[str, Any]:
        """Batch runs, or one with its tasks."""
        if batch is None:
            views = facade.batch_list(self._request())
            shown = _as_many_as_fit(facade.batch_content(view) for view in views)
            return stamped("batch-runs", {"batch_runs": shown, "older": len(views) - len(shown)})
        view = facade.batch_status(self._request(), batch)
        return _bounded(stamped("batch-run", facade.batch_content(view)), hint="git align batch status")

    def job(self, handle: str, *, wait_s: float = 20.0) -> dict[str, Any]:
        """How a job stands that was begun earlier."""
        return self._told(handle, wait_s)

    def stop(self, handle: str) -> dict[str, Any]:
        """Ask a job to end early."""
        self.work.stop(handle)
        return self._told(handle, 5.0)

    def _answered(self, name: str, work: Any, wait_s: float, *, moves: bool = False) -> dict[str, Any]:
        return self._told(self.work.begin(name, work, moves=moves), wait_s)

    def _told(self, handle: str, wait_s: float) -> dict[str, Any]:
        answer = self.work.answer(handle, wait_s=max(0.0, min(wait_s, _MOST_WAIT_S)))
        return _bounded(answer, hint="name fewer branches (only), or use the command line with --json")

    def _request(self, only: Sequence[str] = ()) -> facade.Request:
        return facade.Request(repo=self._repository, config_file=self._config, needs_branches=True, only=tuple(only))

    def _require_permission(self) -> None:
        if not self.may_move:
            raise NotPermitted("this server may not move branches", hint="start it with: git align mcp --allow-moves")


def _as_many_as_fit(documents: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first ones, with room for what stands around them."""
    shown: list[dict[str, Any]] = []
    left = MOST_BYTES - 1000
    for document in documents:
        text = json.dumps(document, separators=(",", ":"))
        left -= len(text) + 1
        if left < 0:
            break
        shown.append(json.loads(text.encode("utf-8", "replace")))
    return shown


def _claims(claims: Iterable[PathClaim], **more: Any) -> dict[str, Any]:
    return stamped("path-claims", dump_path_claims(claims, **more))


def _no_branch(branch: str) -> UserError:
    return UserError(
        f"{branch} is not a branch that would be aligned", hint="git align plan --verbose", code="no_branch"
    )


def _bounded(answer: Mapping[str, Any], *, hint: str) -> dict[str, Any]:
    """An answer that fits into an agent's context; nothing is left out without a word.

    Raises:
        UserError: too long.
    """
    text = json.dumps(answer, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        raise UserError(f"the answer has {len(text)} bytes; at most {MOST_BYTES} are sent", hint=hint, code="too_long")
    cleaned: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return cleaned
