"""Everything that is ever on the screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, OptionList, ProgressBar, Static


def widgets() -> ComposeResult:
    """Progress while conflicts are looked for; after that the list and the details side by side."""
    yield Static(id="state", markup=False)
    with Vertical(id="loading"):
        yield Static("looking for conflicts", id="stage", markup=False)
        yield ProgressBar(id="bar", show_eta=False)
        yield Static("q stops; nothing is moved either way", classes="quiet", markup=False)
    yield Input(placeholder="branch, path, person, kind", id="filter")
    with Horizontal(id="both"):
        yield OptionList(id="list", markup=False)
        with VerticalScroll(id="details"):
            yield Static(id="words", markup=False)
    yield Footer(compact=True, show_command_palette=False)
