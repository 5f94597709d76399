"""The verb `order`: what can land together, and what first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from gitalign import facade
from gitalign.cli.options import Alignment, Fetch, Input, Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import as_text, console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.order import show_order
from gitalign.cli.rendering.progress import followed
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.cli.working_set import Branches, planned


class Drawing(StrEnum):
    """Forms in which `order` shows an execution plan."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Options of this verb alone."""

    output: Annotated[Path | None, option("--output", "-o", help="Write the execution plan.", metavar="FILE")] = None
    drawing: Annotated[Drawing | None, option("--format", help="Form of it: json (for a file), text or mermaid.")] = (
        None
    )


@verb(paged=True)
def order(
    *, options: Options, input: Input = None, which: Branches, own: Drawn, how: Alignment, fetch: Fetch = False
) -> int:
    """Choose what can land together, and what first. Moves nothing."""
    from gitalign.landing import drawing as draw

    if own.output is not None:
        require_writable(own.output)
    overrides = {**which.settings(), **how.settings()}
    request = options.request(which, input=input, or_remote=True, fetch=fetch, overrides=overrides)
    is_printed = own.drawing is not None and own.output is None
    plan = planned(options, request, beside_output=is_printed)
    with followed(options, plan) as (listeners, stop):
        result = facade.order(request, plan=plan, listeners=listeners, stop=stop)
    forms = {
        Drawing.TEXT: lambda: draw.as_text(result) + "\n",
        Drawing.JSON: lambda: as_text(result.to_dict()),
        Drawing.MERMAID: lambda: draw.as_mermaid(result),
    }
    if own.output is not None:
        write_whole(own.output, forms[own.drawing or Drawing.JSON]())
    if options.json:
        emit_json("execution-plan", result.to_dict())
    elif own.drawing is not None and own.output is None:
        console().print(forms[own.drawing](), markup=False, soft_wrap=True, end="")
    elif not options.quiet:
        show_order(console(), result, everything=options.verbose)
        if own.output is not None:
            console().print(f"written: {safe(str(own.output))}")
    return result.exit_code()
