"""Every command that README, the skill file and the page about the original requests name exists, with its options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gitalign.cli.lazy_group import verb_named, verbs_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "docs/coverage-of-requests.md", "docs/agents.md", "docs/framework.md", "docs/protection.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_named_exist_with_their_options(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    commands = re.findall(r"(?:`|^|\$ )git align ([a-z][^`#\n|]*)", text, flags=re.MULTILINE)
    assert commands
    for named in commands:
        words = named.split()
        command: click.Command = verb_named(words.pop(0))
        while (verbs := verbs_of(command)) and words and words[0] in verbs:
            command = verbs[words.pop(0)]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        options = {word.strip("[]").partition("=")[0] for word in words if word.strip("[").startswith("--")}
        assert options <= known, named
        assert not verbs_of(command) or not words or not words[0].isalpha(), f"no such verb: {named}"
