"""Two options of a verb never share a name: the value of one would be taken for that of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.verb import verb


@dataclass(frozen=True, kw_only=True)
class SameField:
    quiet: Annotated[str | None, option("--quiet-hours", help="A field that every verb has.")] = None


@dataclass(frozen=True, kw_only=True)
class SameOption:
    silent: Annotated[bool, option("--quiet", help="An option that every verb has.")] = False


def with_same_field(own: SameField, options: Options) -> int:
    return 0


def with_same_option(own: SameOption, options: Options) -> int:
    return 0


@pytest.mark.parametrize("function", [with_same_field, with_same_option])
def test_a_name_that_is_taken_is_refused_at_import(function: Callable[..., int]) -> None:
    with pytest.raises(TypeError, match="quiet"):
        verb()(function)
    assert verb(without=["quiet"])(function).params
