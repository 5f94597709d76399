"""The verbs of schedules of the service: add, list, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from gitalign.cli.options import Options
from gitalign.cli.parameters import argument, option
from gitalign.cli.rendering.console import console, emit_json
from gitalign.cli.rendering.tables import safe
from gitalign.cli.server_options import ServerOptions, require_service
from gitalign.cli.verb import Group, verb
from gitalign.core.schedules import Schedule, ScheduledKind
from gitalign.documents.service import dump_schedules

Name = Annotated[str, argument(help="Name of the repository.", metavar="NAME")]
Kind = Annotated[ScheduledKind, argument(help="What is done: forecast, or run.", metavar="forecast|run")]
Cron = Annotated[str, argument(help="When: minute, hour, day, month, weekday.", metavar="CRON")]
Id = Annotated[str, argument(help="Id of a schedule, as list shows it.", metavar="ID")]


@dataclass(frozen=True, kw_only=True)
class Adding:
    """Options of `add` alone."""

    zone: Annotated[str, option("--zone", help="Time zone of the expression.", metavar="ZONE")] = "UTC"
    quiet_hours: Annotated[
        str | None,
        option("--quiet-hours", help="A run publishes nothing in these hours of the zone.", metavar="HH:MM-HH:MM"),
    ] = None
    only: Annotated[
        tuple[str, ...],
        option("--only", help="Glob over whole branch names; may be given several times.", metavar="GLOB"),
    ] = ()
    push: Annotated[bool, option("--push", help="Push what a run moved.")] = False


@verb(acts=True, without=("repo", "config", "yes"))
def add(*, name: Name, kind: Kind, cron: Cron, own: Adding, which: ServerOptions, options: Options) -> int:
    """Have the service forecast or run by itself."""
    require_service()
    from gitalign.service.administration import WantedSchedule, new_schedule

    params: dict[str, Any] = {"only": list(own.only)} if own.only else {}
    if own.push:
        params["push"] = True
    wanted = WantedSchedule(kind=kind, cron=cron, zone=own.zone, quiet=own.quiet_hours, params=params)
    with which.database() as database:
        made = new_schedule(database, name, wanted)
    if options.json:
        emit_json("schedules", dump_schedules([made]))
    elif not options.quiet:
        console().print(f"added: {made.id}, first at {made.next_at:%Y-%m-%d %H:%M} UTC", soft_wrap=True)
    return 0


@verb("list", without=("repo", "config", "yes"))
def list_(name: Name, which: ServerOptions, options: Options) -> int:
    """List the schedules of a repository."""
    from gitalign.store.service.schedules import Schedules

    with which.database() as database:
        schedules = Schedules(database).of(name)
    if options.json:
        emit_json("schedules", dump_schedules(schedules))
        return 0
    for one in schedules:
        quiet = f"quiet {one.quiet}" if one.quiet else ""
        cells = (one.id, one.kind, safe(one.cron), safe(one.zone), quiet, _next(one))
        console().print("  ".join(filter(None, cells)), soft_wrap=True, highlight=False)
    return 0


def _next(one: Schedule) -> str:
    return "switched off" if one.disabled_at else f"next {one.next_at:%Y-%m-%d %H:%M} UTC"


@verb(acts=True, without=("repo", "config", "yes"))
def remove(name: Name, id: Id, which: ServerOptions, options: Options) -> int:
    """Forget a schedule; a job that it wrote goes on."""
    require_service()
    from gitalign.service.administration import ACTOR
    from gitalign.store.service.schedules import Schedules

    with which.database() as database:
        Schedules(database).remove(name, id, actor=ACTOR)
        left = Schedules(database).of(name)
    if options.json:
        emit_json("schedules", dump_schedules(left))
    elif not options.quiet:
        console().print(f"removed: {safe(id)}", soft_wrap=True)
    return 0


schedule = Group("schedule", add, list_, remove, help="Schedules of the service: forecasts and runs at set times.")
