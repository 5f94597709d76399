"""Dates as git reads them, but never one that git would take for another by accident.

git makes something of every text: `foo` is now, `90d` is a day in 1990, `2026-13-45` is the day 45 of this month. So the shape is
checked first, and git is asked for the moment.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gitalign.errors import UserError
from gitalign.git.command import text
from gitalign.git.repository import Repository

_DAY_S = 86_400
_UNIT = r"(?:second|minute|hour|day|week|month|year)s?"
_COUNT = r"(?:\d{1,5}|one|two|three|four|five|six|seven|eight|nine|ten)"
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?"
_ZONE = r"(?:z|utc|gmt|[+-]\d{2}:?\d{2})"
_OF_DAY = rf"(?:[t ]{_TIME}(?: ?{_ZONE})?)"
_RELATIVE = re.compile(
    rf"{_COUNT} ?{_UNIT}(?: {_COUNT} ?{_UNIT})*(?: ago)?|last (?:{_UNIT}|{_WEEKDAY})|yesterday|midnight|noon"
)
_ISO = re.compile(rf"(\d{{4}})([-/])(\d{{1,2}})\2(\d{{1,2}})({_OF_DAY})?")
_NAMED = re.compile(
    rf"(?:{_WEEKDAY} )?(?:\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}})(?: \d{{4}})?({_OF_DAY}(?: \d{{4}})?(?: ?{_ZONE})?)?"
)
_SECONDS = re.compile(rf"@?\d{{9,11}}(?: {_ZONE})?")
_SHORT = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}


def moment(repository: Repository, given: str, *, option: str, now: int) -> int:
    """A date or an age as git reads it, in seconds since the epoch; a day without a time is its beginning, in the operator's time zone.

    Args:
        repository: its git is asked.
        given: such as `2 weeks ago`, `90 days`, `2026-11-01`, `3 Nov 2026 10:00`, `last friday`.
        option: where it was given, for messages.
        now: seconds since the epoch.

    Raises:
        UserError: it is no date, or one in the future.
        GitError

    Source: `git help rev-parse` (--since); date.c (approxidate).
    """
    words = " ".join(re.sub(r"(?<=[a-z])[.,_-]+|[.,_-]+(?=[a-z])", " ", given.strip().lower()).split())
    iso, named = _ISO.fullmatch(words), _NAMED.fullmatch(words)
    day = _day(*map(int, (iso[1], iso[3], iso[4]))) if iso is not None else None
    if day is None and (iso is not None or not (named or _RELATIVE.fullmatch(words) or _SECONDS.fullmatch(words))):
        raise UserError(f"{option} {given!r} is not a date", hint=_hint(option, words), code="bad_date")
    is_whole_day = (iso is not None and not iso[5]) or (named is not None and not named[1])
    done = repository.operator.run("rev-parse", f"--since={words}{' 00:00:00' if is_whole_day else ''}")
    seconds = int(text(done.stdout).strip().removeprefix("--max-age="))
    if seconds > now or (day is not None and day > now + 2 * _DAY_S):
        raise UserError(f"{option} {given!r} is in the future", hint=_hint(option, ""), code="bad_date")
    if day is not None and abs(day - seconds) > 2 * _DAY_S:  # such as a year that git does not know
        raise UserError(f"{option} {given!r} is not a date that git knows", hint=_hint(option, ""), code="bad_date")
    return seconds


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return int(datetime(year, month, day, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _hint(option: str, words: str) -> str:
    short = re.fullmatch(r"(\d{1,5}) ?([a-z]{1,3})", words)
    if short is not None and short[2] in _SHORT:
        return f'did you mean {option} "{short[1]} {_SHORT[short[2]]}"?'
    return f'for example: {option} "2 weeks ago", {option} 2026-01-31'
