"""A digest of settings that is the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

from gitalign.configuration.section import Section


def digest_of(sections: Mapping[str, Section], origins: Mapping[str, str]) -> str:
    """Changes with every setting, and with where one comes from.

    Args:
        sections: all of them, by name.
        origins: by dotted key.
    """
    values = [(name, _plain(section)) for name, section in sections.items()]
    return hashlib.sha256(repr((values, sorted(origins.items()))).encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: Any) -> Any:
    """A setting as something whose `repr` is the same in every process."""
    match value:
        case Section():
            return [(name, _plain(each)) for name, each in sorted(vars(value).items())]
        case Mapping():
            return sorted((repr(_plain(key)), _plain(each)) for key, each in value.items())
        case set() | frozenset():
            return sorted(repr(_plain(each)) for each in value)
        case tuple() | list():
            return [_plain(each) for each in value]
        case Enum():
            return value.value
    return repr(value)
