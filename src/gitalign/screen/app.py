"""The screen itself: a list of clashes on the left, the chosen one on the right. In a narrow terminal one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, ProgressBar, Static
from textual.widgets.option_list import Option

from gitalign.core.conflict_groups import BranchConflict, Conflicts
from gitalign.engine.runtime.signals import StopSignal
from gitalign.screen.details import DetailsApp
from gitalign.screen.dialogs import Branches, Command, Help
from gitalign.screen.keys import BINDINGS, Situation, is_offered
from gitalign.screen.layout import widgets
from gitalign.screen.listing import Row, matching, place_of, rows_of, shared_rows_of
from gitalign.screen.progress import Following
from gitalign.screen.source import Leaving, Source
from gitalign.screen.style import STYLE
from gitalign.screen.wording import branch_line, chosen, listed, paths_of, row_line


class ConflictsScreen(DetailsApp):
    """Browse conflicts.

    Args:
        source: where they come from.
        stop: the stop button, shared with the handler of signals.
        branch: to be chosen first.
    """

    CSS = STYLE
    TITLE = "git align conflicts --browse"
    AUTO_FOCUS = None  # the filter would take the keys while nothing is found yet
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (90, "-wide")]  # noqa: RUF012 (as the base class declares it)
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(self, source: Source, *, stop: StopSignal, branch: str | None = None) -> None:
        super().__init__(source)
        self._stop = stop
        self._asked_for = branch
        self._following = Following()
        self._found: Conflicts | None = None
        self._lists: tuple[tuple[Row, ...], ...] = ((), ())
        self._rows: tuple[Row, ...] = ()
        self._shown: tuple[Row, ...] = ()
        self._row: Row | None = None
        self._one: BranchConflict | None = None
        self._place = 0
        self._unsubscribe: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """Everything that is ever on it."""
        yield from widgets()

    def on_mount(self) -> None:
        """Begin to look for conflicts."""
        loop = asyncio.get_running_loop()
        self._unsubscribe = self._stop.on_change(partial(self._wake, loop))
        self.query_one("#both").display = False
        self.query_one("#filter").display = False
        self._tell("conflicts")
        self.set_interval(0.1, self._show_progress)
        self._load()

    def on_unmount(self) -> None:
        """What is still looked at is not waited for longer than it takes to stop."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self.stop_looking()
        if self._found is None:
            self._stop.request_stop()

    # -- finding

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self) -> None:
        try:
            found = self.source.load((self._following,), self._stop)
        except BaseException as error:  # reported by the caller that opened the screen, once the terminal is restored
            self.soon(self.exit, Leaving(error=error, stopped=self._stop.stop_requested))
        else:
            self.soon(self._loaded, found)

    def _show_progress(self) -> None:
        if self._found is not None:
            return
        self.query_one("#stage", Static).update(
            "stopping; q once more stops at once" if self._stop.stop_requested else self._following.words
        )
        self.query_one(ProgressBar).update(total=self._following.total, progress=self._following.done)

    def _loaded(self, found: Conflicts) -> None:
        self._found = found
        if self._stop.stop_requested:
            self.exit(Leaving(found=found, stopped=True))
            return
        self._lists = (rows_of(found), shared_rows_of(found))
        self._rows = self._lists[0]
        self.query_one("#loading").display = False
        self.query_one("#both").display = True
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The list has its width now."""
        self._fill("")
        self._go("list")
        if self._asked_for is not None:
            self._choose_branch(self._asked_for)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs inside a signal handler."""
        loop.call_soon_threadsafe(self._signalled)

    def _signalled(self) -> None:
        """A signal asked to stop."""
        if self._found is not None:
            self.exit(Leaving(found=self._found, stopped=True))

    # -- the list

    def _fill(self, words: str) -> None:
        before = self._row
        self._shown = matching(self._rows, words)
        rows = self.query_one("#list", OptionList)
        rows.clear_options()
        rows.add_options([Option(row_line(row, self._list_width)) for row in self._shown])
        found = self._found
        if found is None:
            return
        self._tell(listed(found, self._rows, self._shown, is_shared=self._rows is self._lists[1]))
        if self._shown:
            rows.highlighted = self._shown.index(before) if before in self._shown else 0
        else:
            self._row = self._one = None
            self.stop_looking()
            self.query_one("#words", Static).update("nothing matches this filter" if self._rows else "")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another clash is chosen."""
        if event.option_list.id != "list" or not 0 <= event.option_index < len(self._shown):
            return
        row = self._shown[event.option_index]
        if row is not self._row:
            self._choose(row, row.members[0])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter: on to the details."""
        if event.option_list.id == "list":
            self._go("details")

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter works while it is typed."""
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        """Enter: back to the list."""
        self._go("list")

    @property
    def _list_width(self) -> int:
        return (self.query_one("#list").size.width or self.size.width) - 3

    def on_resize(self) -> None:
        """Another width: lines are set again."""
        if self._found is not None:
            self.call_after_refresh(self._fill, self.query_one("#filter", Input).value)
            self.call_after_refresh(self._show)

    # -- the chosen clash

    def _choose_branch(self, branch: str) -> None:
        place = place_of(branch, self._shown)
        if place is None:
            self.notify("the branch that was asked for does not conflict", markup=False)
            return
        self.query_one("#list", OptionList).highlighted = place[0]
        self._choose(self._shown[place[0]], place[1])

    def _choose(self, row: Row, one: BranchConflict) -> None:
        self._row, self._one, self._place = row, one, 0
        self.stop_looking()
        self._show()
        self.query_one("#details", VerticalScroll).scroll_home(animate=False)
        self.look_soon(one)

    def detail_found(self, one: BranchConflict) -> None:
        """Show it, if it is still the chosen one."""
        if one is self._one:
            self._show()

    def _show(self) -> None:
        if self._row is None or self._one is None:
            return
        detail = self.details.get(self._one.branch)
        words = chosen(
            self._row,
            self._one,
            detail,
            place=self._place,
            command=self.source.command(self._one.branch),
            width=self.query_one("#words").size.width or self.size.width - 3,
        )
        self.query_one("#words", Static).update(words)

    def _tell(self, words: str) -> None:
        self.query_one("#state", Static).update(Content.assemble((" git align ", "bold reverse"), " " + words))

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that make no sense now are not offered."""
        has_dialog = len(self.screen_stack) > 1
        has_list = self._found is not None and not has_dialog
        return is_offered(
            action,
            Situation(
                is_reading=has_list and self._is_reading,
                is_filtered=has_list and bool(self.query_one("#filter").display),
                is_typing=isinstance(self.focused, Input),
                has_dialog=has_dialog,
                has_found=self._found is not None,
                has_shared=bool(self._lists[1]),
                has_rows=bool(self._rows),
                has_choice=self._one is not None,
            ),
        )

    @property
    def _is_reading(self) -> bool:
        return self.query_one("#both").has_class("-reading")

    def _go(self, place: str) -> None:
        self.query_one("#both").set_class(place == "details", "-reading")
        if place == "details":
            self.call_after_refresh(self._show)
        if place != "filter" and not self.query_one("#filter", Input).value:
            self.query_one("#filter").display = False
        self.query_one(f"#{place}").focus()
        self.refresh_bindings()

    def action_filter(self) -> None:
        """Type into the filter."""
        self.query_one("#filter").display = True
        self._go("filter")

    def action_other_side(self) -> None:
        """From the list to the details and back."""
        self._go("list" if self._is_reading else "details")

    def action_retreat(self) -> None:
        """From the details to the list; from the filter or the list, without the filter."""
        if not self._is_reading:
            self.query_one("#filter", Input).value = ""
        self._go("list")

    def action_other_list(self) -> None:
        """From whole stops to shared clashes and back."""
        self._rows = self._lists[0] if self._rows is self._lists[1] else self._lists[1]
        self._row = None
        self._fill(self.query_one("#filter", Input).value)
        self._go("list")

    def action_branches(self) -> None:
        """All branches of the clash, to choose one."""
        if self._row is not None:
            row = self._row
            self.push_screen(
                Branches([branch_line(one) for one in row.members]),
                lambda number: self._choose(row, row.members[number]) if number is not None else None,
            )

    def action_path(self, step: int) -> None:
        """The next conflicted path, or the one before."""
        if self._row is not None and self._one is not None:
            paths = paths_of(self._row, self._one, self.details.get(self._one.branch))
            self._place = (self._place + step) % max(1, len(paths))
            self._show()

    def action_command(self) -> None:
        """The command that resolves the branch, copied and shown."""
        if self._one is not None:
            command = self.source.command(self._one.branch)
            self.copy_to_clipboard(command)
            self.push_screen(Command(command))

    def action_resolve(self) -> None:
        """Leave, and resolve the branch."""
        if self._one is not None:
            self.exit(Leaving(found=self._found, resolve=self._one.branch))

    def action_light_or_dark(self) -> None:
        """The other one."""
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"

    def action_help(self) -> None:
        """What the keys do."""
        if len(self.screen_stack) == 1:
            self.push_screen(Help())

    def action_leave(self) -> None:
        """Leave; while conflicts are looked for, once that has stopped."""
        if self._found is not None:
            self.exit(Leaving(found=self._found))
        elif not self._stop.stop_requested:
            self._stop.request_stop()
        else:
            self._stop.request_cancel()
