"""The command line that is built for one verb is the same as the one with all verbs."""

from __future__ import annotations

import pytest
import typer

from gitalign.cli.main import app
from gitalign.cli.narrowed import narrowed

WHOLE = typer.main.get_group(app)


@pytest.mark.parametrize("verb", sorted(WHOLE.commands))
def test_a_verb_alone_has_the_options_it_has_among_all(verb: str) -> None:
    made = typer.main.get_group(narrowed(app, [verb, "--json"]))
    assert list(made.commands) == [verb]
    alone, among_all = made.commands[verb], WHOLE.commands[verb]
    assert [(one.name, one.opts) for one in alone.params] == [(one.name, one.opts) for one in among_all.params]
    assert (alone.help, sorted(getattr(alone, "commands", ()))) == (
        among_all.help,
        sorted(getattr(among_all, "commands", ())),
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["--repo", "plan", "run"], ["plam"], ["-h", "plan"]])
def test_whatever_does_not_begin_with_a_verb_is_looked_at_by_all(words: list[str]) -> None:
    assert narrowed(app, words) is app


def test_a_shell_that_completes_is_offered_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_GIT_ALIGN_COMPLETE", "complete_bash")
    assert narrowed(app, ["plan"]) is app
