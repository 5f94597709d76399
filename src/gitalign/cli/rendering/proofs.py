"""Certificates that were proved again, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.rendering.tables import many, safe
from gitalign.core.certificate import Proof
from gitalign.core.names import branch_of

if TYPE_CHECKING:
    from rich.console import Console


def show_proofs(out: Console, proofs: Sequence[Proof], *, everything: bool = False) -> None:
    """Which certificates hold, and what is wrong with the others."""
    shown = proofs if everything else [proof for proof in proofs if not proof.holds]
    for proof in shown:
        one = proof.certificate
        word = "[green]proved[/]" if proof.holds else "[red]not proved[/]"
        out.print(f"{safe(branch_of(one.ref))}: {word}; {proof.standing}")
        how = f" ({one.how.value})" if one.checks else ""
        out.print(f"  {one.before[:12]} on {one.onto[:12]} gave {one.after[:12]}{how}")
        for pair in one.commits if everything else ():
            out.print(f"    {pair.old[:12]} -> {pair.new[:12]}  {pair.patch.value}")
        for fault in proof.faults:
            out.print(f"  [red]{safe(fault)}[/]")
        for check in proof.checks:
            if everything or not check.passed:
                what = check.name.value.replace("_", " ")
                out.print(
                    f"  {'yes' if check.passed else '[red]no[/] '}  {what}"
                    + (f": {safe(check.detail)}" if check.detail else "")
                )
    held = sum(proof.holds for proof in proofs)
    out.print(f"{many(len(proofs), 'branch', 'branches')}: {held} proved, {len(proofs) - held} not")
