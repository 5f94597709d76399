"""Certificates of a run, proved again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.certificate import Certificate, Proof
from gitalign.core.names import HEADS
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import (
    journal_of,
    open_for,
    require_state,
    run_folder,
)
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.engine.runtime.signals import StopSignal


def verify(
    request: Request,
    run_id: str = "last",
    *,
    branch: str | None = None,
    certificates: Path | None = None,
    stop: StopSignal | None = None,
) -> tuple[Proof, ...]:
    """Prove the certificates of a run again, from the repository alone. Changes nothing.

    Every branch that the run moved must have one; a move without is reported as not proved. Of a file that is given, only
    what it holds is looked at.

    Args:
        request: which repository.
        run_id: id, unambiguous prefix or `last`; not looked at when a file is given.
        branch: only this one.
        certificates: a file as a run writes it, instead of the run's own.
        stop: ends it when it is cancelled.

    Raises:
        UnknownRun
        UserError: no certificates, or none of that branch.
    """
    from gitalign.engine.gates.certify import FILE, awaited, prove_again, read

    opened = open_for(request, stop)
    wanted: tuple[Certificate, ...] = ()
    if certificates is not None:
        found = read(certificates)
    else:
        require_state(opened, run_id)
        with journal_of(opened) as journal:
            record = journal.run(run_id)
            plan = journal.plan(record.id)
            wanted = awaited(record, plan, journal.publications(record.id))
        place = run_folder(opened.repository, record.id) / FILE
        if not wanted and not place.exists():
            hint = f"git align verify {record.undoes}" if record.undoes else "git align runs"
            raise UserError(f"run {record.id} aligned no branch, so it has no certificates", hint=hint)
        found = read(place) if place.exists() else ()
    if branch is not None:
        found, wanted = (
            tuple(one for one in some if f"{HEADS}{branch}" in (one.ref, one.of)) for some in (found, wanted)
        )
        if not found and not wanted:
            raise UserError(f"no certificate of {branch}: only aligned branches have one", hint="git align show last")
    return prove_again(opened.repository, found, wanted=wanted)
