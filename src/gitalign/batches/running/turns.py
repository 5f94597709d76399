"""Turns of tasks: so many commands run side by side; trees are laid out before a turn, and results taken over after it."""

from __future__ import annotations

import threading

from gitalign.batches.running.control import LOOK_EVERY_S, Control


def ahead_of(allowed: int) -> int:
    """How many tasks beside those whose commands run may be laid out or taken over; none where one runs after the other."""
    return 1 + allowed // 4 if allowed > 1 else 0


class Turns:
    """Turns of the tasks of a batch. Thread-safe.

    Args:
        control: says when nothing new is to be started.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._changed = threading.Condition()
        self._allowed = 1
        self._taken = 0

    def allow(self, count: int) -> None:
        """Have so many commands side by side from now on; those that run go on."""
        with self._changed:
            self._allowed = count
            self._changed.notify_all()

    def turn(self) -> Turn:
        """The turns of one task."""
        return Turn(self)

    def take(self) -> bool:
        """Wait for a turn; False when the run stops before there is one."""
        with self._changed:
            while not self._control.is_stopping:
                if self._taken < self._allowed and not self._control.is_held_back:
                    self._taken += 1
                    return True
                self._changed.wait(LOOK_EVERY_S)
            return False

    def give(self) -> None:
        """End a turn."""
        with self._changed:
            self._taken -= 1
            self._changed.notify()


class Turn:
    """The turns of one task, one after the other."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._is_taken = False

    def take(self) -> bool:
        """Wait for a turn, unless the task has one; False when the run stops before there is one."""
        self._is_taken = self._is_taken or self._turns.take()
        return self._is_taken

    def give(self) -> None:
        """End the turn, if the task has one."""
        if self._is_taken:
            self._is_taken = False
            self._turns.give()
