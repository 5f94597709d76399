"""Names and messages inside Markdown: nothing in them may be read as markup."""

from __future__ import annotations

import re

from gitalign.core.names import display

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")


def markdown(words: str) -> str:
    """Words as Markdown shows them literally, on one line, in a table too."""
    plain = display(words).replace("\n", " ")
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", plain)
