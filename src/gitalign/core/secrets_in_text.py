"""Secrets in logs and problems are replaced by a sign: the last line of defence, where something printed one. Pure."""

from __future__ import annotations

import re

HIDDEN = "…"
_SECRETS = (
    (re.compile(r"\bgal_[a-z2-7]{8,}"), f"gal_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(https?|ssh|postgresql|postgres)://[^\s/@:]+:[^\s/@]+@"), rf"\1://{HIDDEN}@"),
    (re.compile(r"/sign-in/[A-Za-z0-9_-]{20,}"), f"/sign-in/{HIDDEN}"),
    (re.compile(r"\$argon2[a-z]*\$[^\s'\"]+"), f"$argon2{HIDDEN}"),
)


def without_secrets(text: str) -> str:
    """Text in which tokens, credentials of headers and addresses, links that sign in and hashes of passwords are hidden."""
    for pattern, sign in _SECRETS:
        text = pattern.sub(sign, text)
    return text
