"""Keys of the screen, and when each makes sense."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

BINDINGS: list[BindingType] = [
    Binding("escape", "retreat", "back", key_display="esc"),
    Binding("tab", "other_side", "details", priority=True),
    Binding("slash", "filter", "filter", key_display="/"),
    Binding("s", "other_list", "shared"),
    Binding("b", "branches", "branches"),
    Binding("r", "resolve", "resolve"),
    Binding("y", "command", "copy"),
    Binding("q", "leave", "quit"),
    Binding("question_mark", "help", "help", key_display="?"),
    Binding("n", "path(1)", "path"),
    Binding("p", "path(-1)", "path", show=False),
    Binding("t", "light_or_dark", "light/dark", show=False),
    Binding("ctrl+c", "leave", "quit", show=False, priority=True),
    Binding("ctrl+q", "leave", "quit", show=False, priority=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is on the screen, as far as keys depend on it.

    Attributes:
        is_reading: the details have the focus.
        is_filtered: the filter is shown.
        is_typing: a key would go into the filter.
        has_dialog: another screen lies on top.
        has_found: conflicts were looked for to the end.
        has_shared: there are conflicts that several groups share.
        has_rows: the list holds something, whatever the filter shows of it.
        has_choice: a branch is chosen.
    """

    is_reading: bool
    is_filtered: bool
    is_typing: bool
    has_dialog: bool
    has_found: bool
    has_shared: bool
    has_rows: bool
    has_choice: bool


def is_offered(action: str, now: Situation) -> bool:
    """Whether an action makes sense now."""
    if action in ("leave", "light_or_dark"):
        return True
    if action == "retreat":
        return not now.has_dialog and (now.is_reading or now.is_filtered)
    if now.is_typing or now.has_dialog or not now.has_found:
        return False
    needs = {"help": True, "other_list": now.has_shared, "filter": now.has_rows, "other_side": now.has_rows}
    return needs.get(action, now.has_choice)
