"""How a password is given: typed at a question without being displayed, or on standard input. Never as an argument."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import click

from gitalign.cli.asking import may_ask
from gitalign.cli.parameters import option
from gitalign.errors import UserError

_LONGEST = 4_096


@dataclass(frozen=True, kw_only=True)
class PasswordOptions:
    """Where the password comes from."""

    password_stdin: Annotated[
        bool, option("--password-stdin", help="Read the password from the first line of standard input.")
    ] = False

    def password(self) -> str:
        """The password.

        Raises:
            UserError: no one can be asked, or standard input holds none.
        """
        if self.password_stdin:
            line = sys.stdin.buffer.readline(_LONGEST)
            text = line.rstrip(b"\r\n").decode("utf-8", "replace")
            if not text:
                raise UserError(
                    "standard input holds no password",
                    hint="give it from a file: --password-stdin < FILE",
                    code="usage",
                )
            return text
        if not may_ask():
            raise UserError(
                "a password is needed, and there is no terminal to ask at", hint="add --password-stdin", code="usage"
            )
        return str(click.prompt("password", hide_input=True, confirmation_prompt="again", err=True))
