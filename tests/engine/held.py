"""Packs that are held for no run: whatever a run was in the middle of, it leaves none behind."""

from __future__ import annotations

from pathlib import Path

from gitalign.engine.publishing.anchor import anchor_ref


def held_for_nothing(git_dir: Path) -> list[Path]:
    """`.keep` files that are not marks of runs whose anchor is there."""
    packed = git_dir / "packed-refs"
    names = packed.read_text() if packed.exists() else ""
    strays: list[Path] = []
    for keep in git_dir.rglob("*.keep"):
        runs = [line.split(" ")[2] for line in keep.read_text().splitlines() if line.startswith("git-align pin ")]
        refs = [anchor_ref(run) for run in runs]
        if not any((git_dir / ref).exists() or f" {ref}\n" in names for ref in refs):
            strays.append(keep)
    return strays
