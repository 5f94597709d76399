"""The screen itself: a list of clashes on the left, the chosen one on the right. In a narrow terminal one at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Footer, Input, OptionList, ProgressBar, Static
from textual.widgets.option_list import Option

from gitalign import child
from gitalign.core.conflict_groups import BranchConflict, ConflictDetail, Conflicts
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError
from gitalign.screen.dialogs import Branches, Command, Help
from gitalign.screen.listing import Row, matching, rows_of, shared_rows_of
from gitalign.screen.progress import Following
from gitalign.screen.source import Leaving, Source
from gitalign.screen.style import STYLE
from gitalign.screen.wording import branch_line, chosen, many, paths_of, row_line

_KEPT_DETAILS = 64
_LOOK_AFTER_S = 0.15
"""How long a choice must stand before both sides are looked at: whoever only passes by costs nothing."""


class ConflictsScreen(App[Leaving]):
    """Browse conflicts.

    Args:
        source: where they come from.
        stop: the stop button, shared with whoever handles signals.
        branch: to be chosen first.
    """

    CSS = STYLE
    TITLE = "git align conflicts --browse"
    AUTO_FOCUS = None  # the filter would take the keys while nothing is found yet
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (90, "-wide")]  # noqa: RUF012 (as the base class declares it)
    BINDINGS: ClassVar[list[BindingType]] = [
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

    def __init__(self, source: Source, *, stop: StopSignal, branch: str | None = None) -> None:
        super().__init__()
        self._source = source
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
        self._details: OrderedDict[str, ConflictDetail | str] = OrderedDict()
        self._looking: StopSignal | None = None
        self._waiting: Timer | None = None
        self._leave_signals: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """Everything that is ever on it."""
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

    def on_mount(self) -> None:
        """Begin to look for conflicts."""
        loop = asyncio.get_running_loop()
        self._leave_signals = self._stop.on_change(partial(self._wake, loop))
        self.query_one("#both").display = False
        self.query_one("#filter").display = False
        self._tell("conflicts")
        self.set_interval(0.1, self._show_progress)
        self._load()

    def on_unmount(self) -> None:
        """What is still looked at is not waited for longer than it takes to stop."""
        if self._leave_signals is not None:
            self._leave_signals()
        self._stop_looking()
        if self._found is None:
            self._stop.request_stop()

    # -- finding

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self) -> None:
        try:
            found = self._source.load((self._following,), self._stop)
        except BaseException as error:  # told by whoever opened the screen, once the terminal is restored
            self._soon(self.exit, Leaving(error=error, stopped=self._stop.stop_requested))
        else:
            self._soon(self._loaded, found)

    def _soon(self, call: Callable[..., object], *values: object) -> None:
        """Have something done by the screen's own thread, without waiting for it: the screen may be gone."""
        try:
            self.call_later(call, *values)
        except RuntimeError:  # its loop is closed
            pass

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
        if not found.targets:
            self._tell(
                "there is no target branch here; name yours: --target NAME, or alignment.targets in the configuration"
            )
        elif not self._rows:
            self._tell(f"no conflicts: {many(found.aligned, 'branch', 'branches')} looked at")
        elif self._rows is self._lists[1]:
            of = f" of {len(self._rows)}" if len(self._shown) != len(self._rows) else ""
            self._tell(f"{many(len(self._shown), 'shared clash', 'shared clashes')}{of}; s shows whole stops")
        else:
            held = sum(len(row.group.branches) for row in self._shown)
            clashes = many(len(self._shown), "clash", "clashes")
            of = f" of {len(self._rows)}" if len(self._shown) != len(self._rows) else ""
            self._tell(f"{many(held, 'branch conflicts', 'branches conflict')}, at {clashes}{of}")
        if self._shown:
            rows.highlighted = self._shown.index(before) if before in self._shown else 0
        else:
            self._row = self._one = None
            self._stop_looking()
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
        """Another width: lines are set anew."""
        if self._found is not None:
            self.call_after_refresh(self._fill, self.query_one("#filter", Input).value)
            self.call_after_refresh(self._show)

    # -- the chosen clash

    def _choose_branch(self, branch: str) -> None:
        for number, row in enumerate(self._shown):
            for one in row.members:
                if one.branch == branch:
                    self.query_one("#list", OptionList).highlighted = number
                    self._choose(row, one)
                    return
        self.notify("the branch that was asked for does not conflict", markup=False)

    def _choose(self, row: Row, one: BranchConflict) -> None:
        self._row, self._one, self._place = row, one, 0
        self._stop_looking()
        self._show()
        self.query_one("#details", VerticalScroll).scroll_home(animate=False)
        if one.branch not in self._details:
            self._waiting = self.set_timer(_LOOK_AFTER_S, partial(self._look, one))

    def _look(self, one: BranchConflict) -> None:
        self._looking = StopSignal()
        self._look_at(one, self._looking)

    @work(thread=True, exit_on_error=False, group="look")
    def _look_at(self, one: BranchConflict, stop: StopSignal) -> None:
        try:
            found: ConflictDetail | str = self._source.detail(one, stop)
        except GitAlignError as error:
            found = error.message
        except Exception as error:  # the list is still good
            found = f"a bug of git-align: {type(error).__name__}: {error}"
        if not stop.stop_requested:
            self._soon(self._looked_at, one, found)

    def _looked_at(self, one: BranchConflict, found: ConflictDetail | str) -> None:
        self._details[one.branch] = found
        while len(self._details) > _KEPT_DETAILS:
            self._details.popitem(last=False)
        if one is self._one:
            self._show()

    def _stop_looking(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None
        if self._looking is not None:
            self._looking.request_stop()
            self._looking = None

    def _show(self) -> None:
        if self._row is None or self._one is None:
            return
        detail = self._details.get(self._one.branch)
        words = chosen(
            self._row,
            self._one,
            detail,
            place=self._place,
            command=self._source.command(self._one.branch),
            width=self.query_one("#words").size.width or self.size.width - 3,
        )
        self.query_one("#words", Static).update(words)

    def _tell(self, words: str) -> None:
        self.query_one("#state", Static).update(Content.assemble((" git align ", "bold reverse"), " " + words))

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that make no sense now are not offered."""
        if action in ("leave", "light_or_dark"):
            return True
        if action == "retreat":
            return len(self.screen_stack) == 1 and (self._is_reading or bool(self.query_one("#filter").display))
        if isinstance(self.focused, Input):
            return False
        if len(self.screen_stack) > 1 or self._found is None:
            return False
        if action == "help":
            return True
        if action == "other_list":
            return bool(self._lists[1])
        if action in ("filter", "other_side"):
            return bool(self._rows)
        return self._one is not None

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
            paths = paths_of(self._row, self._one, self._details.get(self._one.branch))
            self._place = (self._place + step) % max(1, len(paths))
            self._show()

    def action_command(self) -> None:
        """The command that resolves the branch, copied and shown."""
        if self._one is not None:
            command = self._source.command(self._one.branch)
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
            child.REGISTER.end_all()
