"""State machines of hypothesis: other steps in every run of the tests, and the seed that makes the same ones again."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.needs import IS_THOROUGH

_SEED = "GITALIGN_SEED"
_GIVEN = os.environ.get(_SEED)
"""Read before a test begins, which sees no variable of this name."""


def explore(machine: type[RuleBasedStateMachine], *, few: tuple[int, int], many: tuple[int, int]) -> None:
    """Carry out random steps, from a seed that a failure names; `GITALIGN_SEED` sets it.

    Args:
        machine: the rules.
        few: how many examples, and of how many steps each.
        many: the same with `GITALIGN_THOROUGH=1`.
    """
    examples, steps = many if IS_THOROUGH else few
    number = int(_GIVEN or random.SystemRandom().randrange(2**32))
    try:
        run_state_machine_as_test(
            seed(number)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.explicit, Phase.generate),
                database=None,
            ),
        )
    except (Exception, pytest.fail.Exception) as error:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        thorough = "GITALIGN_THOROUGH=1 " if IS_THOROUGH else ""
        error.add_note(f"the same steps again: {thorough}{_SEED}={number} pytest -n 0 '{test}'")
        raise
