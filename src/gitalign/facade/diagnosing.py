"""Everything that a run depends on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitalign.core.plan import Plan
from gitalign.core.programs import Program
from gitalign.core.validation import ValidationPlan
from gitalign.engine.run.planning import make_plan
from gitalign.engine.run.session import Request as Request
from gitalign.engine.run.session import configured_rules, journal_place, open_for
from gitalign.engine.runtime.surroundings import of_process
from gitalign.errors import GitAlignError
from gitalign.facade.protecting import protections
from gitalign.ports import Journal

if TYPE_CHECKING:
    from gitalign.core.diagnosis import Diagnosis


def doctor(request: Request) -> tuple[Diagnosis, ...]:
    """Check git, the repository, the store, the disk, work trees and settings. Changes nothing and does not raise for what it finds."""
    from gitalign.engine.analysis.doctor import examine
    from gitalign.engine.analysis.hidden_files import hidden_file_diagnoses
    from gitalign.engine.analysis.protection import protection_diagnoses

    def journal(state_dir: Path) -> Journal | None:
        place = journal_place(open_for(request))
        return place.open() if place.exists else None

    def programs() -> tuple[tuple[Program, ...], ValidationPlan]:
        config = open_for(request).config
        return config.resolutions.programs().all(), config.checks()

    def planned() -> Plan:
        asked = replace(request, input=None, only=(), fetch=False, push=False, needs_branches=False)
        return make_plan(open_for(asked), asked)

    seen = examine(
        request.repo,
        surroundings=of_process() if request.surroundings is None else request.surroundings,
        load=lambda: configured_rules(open_for(request)),
        journal=journal,
        programs=programs,
        plan=planned,
    )
    hidden: tuple[Diagnosis, ...] = ()
    with suppress(GitAlignError):  # what cannot be opened or read has been said above
        opened = open_for(request)
        place, environ = Path(opened.repository.common_dir), opened.surroundings.environ
        hidden = tuple(hidden_file_diagnoses(opened.config.access.rules(), opened.config.checks(), place, environ))
    return (*seen, *hidden, *protection_diagnoses(lambda: protections(request)))
