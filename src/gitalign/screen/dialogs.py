"""What lies over the screen for a moment: help, branches to choose from, a command to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

KEYS = (
    ("up down", "choose a clash; scroll the details"),
    ("enter, tab", "details, and back"),
    ("/", "filter by branch, path, person, subject, kind; every word must be there"),
    ("esc", "back; takes the filter away"),
    ("s", "what branches of different clashes share, and back"),
    ("b", "all branches of the clash, to choose one"),
    ("n, p", "next and previous conflicted path"),
    ("y", "copy the command that resolves the branch, and show it"),
    ("r", "leave, and resolve the branch: git align resolve"),
    ("t", "light or dark"),
    ("q", "quit"),
)


class Help(ModalScreen[None]):
    """What the keys do."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,space,q", "dismiss(None)", "close", key_display="?")
    ]

    def compose(self) -> ComposeResult:
        """Keys and words."""
        lines: list[Content] = [Content.assemble(("keys\n", "bold"))]
        lines += [Content.assemble((f"{keys:<12}", "bold"), f"{words}\n") for keys, words in KEYS]
        lines.append(
            Content(
                "\nBranches that stop at the same clash are one row: the same kinds of conflict, at the same paths, with the same lines. "
                "A resolution for one of them is a resolution for all.\nNothing is moved here.\n"
            )
        )
        with VerticalScroll(classes="dialog"):
            yield Static(Content("").join(lines), markup=False)


class Branches(ModalScreen[int | None]):
    """Branches of a clash; the number of the chosen one, None when none was.

    Args:
        lines: one for each.
    """

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,b,q", "dismiss(None)", "close", key_display="b")]

    def __init__(self, lines: Sequence[Content]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled("branches of this clash: enter chooses", "bold"), markup=False)
            yield OptionList(*(Option(line) for line in self._lines), markup=False, id="branches")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        self.dismiss(event.option_index)


class Command(ModalScreen[None]):
    """A command, to be copied by hand where the terminal did not take it.

    Args:
        command: fit to be typed.
    """

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,y,enter,space,q", "dismiss(None)", "close", key_display="y")
    ]

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command = command

    def compose(self) -> ComposeResult:
        """The command on lines of its own."""
        with VerticalScroll(classes="dialog"):
            yield Static(Content.styled("copied, where the terminal allows it:\n", "bold"), markup=False)
            yield Static(Content.styled(self._command + "\n", "bold"), markup=False, id="command")
