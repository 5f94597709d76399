"""Credentials in files: keys, tokens and passwords, by the rules of the library detect-secrets (extra `secrets`).

Its rule classes are used one by one, never its scanner: that one keeps settings for the whole process, writes values to its log and
may call a service to verify what it found. Nothing here does any of the three, and no value leaves this module.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from gitalign.core.findings import Severity
from gitalign.detect.spots import Spot, is_text
from gitalign.errors import PluginError
from gitalign.git.command import text

if TYPE_CHECKING:
    from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
    from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin

_LONGEST = 1_000_000
_LEAST_WHOLE = 12
_LONGEST_S = 5.0
_MOST = 50
# Some of the library's patterns take quadratic or cubic time on a line without end.
_WINDOW, _OVERLAP = 1_000, 200
_REFERENCE = 500
_AROUND = 12
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40,}")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
"""Digests, of which repositories are full; with a telling name before it one is still seen."""
_SPACES = re.compile(r"\s+")
_NOT_SECRET = frozenset({"IPPublicDetector"})
_UNSURE = frozenset({"ArtifactoryDetector", "BasicAuthDetector", "JwtTokenDetector"})
"""Forms that ordinary words, addresses of examples and tokens without power have, too."""
_MORE_LOCK_FILES = frozenset({"pnpm-lock.yaml", "npm-shrinkwrap.json", "bun.lockb"})
_SAMPLE = re.compile(
    r"example|placeholder|change[_-]?me|your[_-]|dummy|(.)\1{7}|xxxx|abcdefghijk|nopqrstuvwx|[_-]here$"
    r"|^(none|null|true|false|undefined|inherit|tests?|testing|passw?d?|password|secret|string|.{0,3})$",
    re.IGNORECASE,
)
"""What stands for a value without being one."""


@dataclass(frozen=True, slots=True)
class _Hit:
    plugin: BasePlugin
    value: str
    severity: Severity


class SecretScanner:
    """`secret_suspected`: a line that holds what looks like a credential.

    Raises:
        PluginError: the library is not installed.
    """

    name = "secrets"

    def __init__(self) -> None:
        try:
            from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
            from detect_secrets.filters import allowlist, heuristic
            from detect_secrets.plugins import keyword
            from detect_secrets.plugins.base import RegexBasedDetector
            from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin
            from detect_secrets.util.code_snippet import get_code_snippet
            from detect_secrets.util.filetype import determine_file_type
        except ImportError as error:
            raise PluginError(
                "detector 'secrets' needs the library detect-secrets, which is not installed",
                hint="pip install 'git-align[secrets]', or take it out of detection.detectors",
            ) from error
        classes: list[type[BasePlugin]] = sorted(
            get_mapping_from_secret_type_to_class().values(), key=lambda one: one.__name__
        )
        plugins: list[BasePlugin] = [one() for one in classes if one.__name__ not in _NOT_SECRET]
        self._typed: list[RegexBasedDetector] = [one for one in plugins if isinstance(one, RegexBasedDetector)]
        self._random: list[HighEntropyStringsPlugin] = [
            one for one in plugins if isinstance(one, HighEntropyStringsPlugin)
        ]
        self._plainly = RegexBasedDetector.analyze_string
        self._keyword = keyword.KeywordDetector()
        self._words = re.compile("|".join(keyword.DENYLIST), re.IGNORECASE)
        self._rules_of = keyword.REGEX_BY_FILETYPE
        self._other_rules = keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP
        self._file_type = determine_file_type
        self._heuristic = heuristic
        self._is_allowed = allowlist.is_line_allowlisted
        self._around = get_code_snippet
        self.version = f"detect-secrets {version('detect-secrets')} {','.join(type(one).__name__ for one in plugins)}"

    def wants(self, path: bytes) -> bool:
        """False for lock files, descriptions of interfaces and endings of binary files."""
        name, rules = text(path), self._heuristic
        return not (
            rules.is_lock_file(name)
            or rules.is_non_text_file(name)
            or rules.is_swagger_file(name)
            or name.rpartition("/")[2] in _MORE_LOCK_FILES
        )

    def scan(self, path: bytes, data: bytes) -> Sequence[Spot]:
        """One spot for each value, with its type and line; never the value.

        Raises:
            TimeoutError: the file takes too long to be judged.
        """
        if len(data) > _LONGEST or not is_text(data):
            return ()
        lines = data.decode("utf-8", "replace").split("\n")
        name = text(path)
        # Few files match anything: a pattern that matches nowhere in the whole need not look at every line.
        whole = "\n".join(part for line in lines for part in _windows(line))
        typed = [one for one in self._typed if any(pattern.search(whole) is not None for pattern in one.denylist)]
        random = [one for one in self._random if one.regex.search(whole) is not None]
        if not typed and not random and self._words.search(whole) is None:
            return ()
        until = time.monotonic() + _LONGEST_S
        found: list[Spot] = []
        for number, line in enumerate(lines, 1):
            hits: list[_Hit] = []
            for part in _windows(line):
                if time.monotonic() > until:
                    raise TimeoutError(f"not judged within {_LONGEST_S:g} s")
                hits += self._hits(name, part, typed, random)
            if not hits or self._is_excused(name, line, lines[number - 2] if number > 1 else ""):
                continue
            told = dict.fromkeys(hit.value for hit in hits if hit.severity is Severity.CRITICAL) or dict.fromkeys(
                hit.value for hit in hits
            )
            for value in told:
                hit = next(one for one in hits if one.value == value)
                proof = value
                if hit.plugin.secret_type == "Private Key":
                    # The line is the same for every key; what follows is the key, unless someone only speaks of one.
                    proof = "\n".join(lines[number - 1 : number + 100]).partition("END ")[0]
                    if _KEY_BODY.search("\n".join(lines[number - 1 : number + _AROUND])) is None:
                        continue
                found.append(_spot(hit, proof, number))
            if len(found) >= _MOST:
                break
        return found

    def _hits(
        self, path: str, line: str, typed: Sequence[RegexBasedDetector], random: Sequence[HighEntropyStringsPlugin]
    ) -> Iterator[_Hit]:
        for one in typed:
            severity = Severity.WARNING if type(one).__name__ in _UNSURE else Severity.CRITICAL
            for value in self._values(one, line):
                if not self._is_nothing(value):
                    yield _Hit(one, value, severity)
        guesses: list[_Hit] = []
        if self._words.search(line) is not None:
            rules = self._rules_of.get(self._file_type(path), self._other_rules)
            guesses += [
                _Hit(self._keyword, value, Severity.WARNING)
                for value in self._keyword.analyze_string(line, denylist_regex_to_group=rules)
                if not self._heuristic.is_prefixed_with_dollar_sign(value)
                # Sentences, and `password = "new_password"`.
                and not _SPACES.search(value.strip())
                and self._words.search(value) is None
            ]
        for entropic in random:
            guesses += [
                _Hit(entropic, value, Severity.WARNING)
                for value in entropic.analyze_string(line)
                if entropic.calculate_shannon_entropy(value) > entropic.entropy_limit
                and _OBJECT_ID.fullmatch(value) is None
            ]
        if not guesses:
            return
        # Runs of spaces would cost the pattern for references cubic time.
        if self._heuristic.is_indirect_reference(_SPACES.sub(" ", line)[:_REFERENCE]):
            return
        for hit in guesses:
            if not self._is_nothing(hit.value) and not self._heuristic.is_likely_id_string(hit.value, line, hit.plugin):
                yield hit

    def _values(self, plugin: RegexBasedDetector, line: str) -> Iterator[str]:
        """What a plugin takes for credentials in a line, whole: some rules capture nothing but the prefix of a token."""
        if type(plugin).analyze_string is not self._plainly:
            yield from plugin.analyze_string(line)
            return
        for pattern in plugin.denylist:
            for match in pattern.finditer(line):
                inner = max(filter(None, match.groups()), key=len, default="")
                yield inner if len(inner) >= _LEAST_WHOLE else match[0]

    def _is_excused(self, path: str, line: str, previous: str) -> bool:
        """True for a line that says itself, or whose forerunner says, that it holds no secret (`pragma: allowlist secret`)."""
        if "pragma" not in line and "pragma" not in previous:
            return False
        told = [_SPACES.sub(" ", previous)[:_REFERENCE].rstrip(), _SPACES.sub(" ", line)[-_REFERENCE:].rstrip()]
        return self._is_allowed(path, told[1], self._around(told, 2))

    def _is_nothing(self, value: str) -> bool:
        rules = self._heuristic
        return (
            rules.is_sequential_string(value)
            or rules.is_potential_uuid(value)
            or rules.is_templated_secret(value)
            or rules.is_not_alphanumeric_string(value)
            or _SAMPLE.search(value) is not None
        )


def _windows(line: str) -> Iterator[str]:
    """The line, or overlapping parts of a long one."""
    if len(line) <= _WINDOW:
        yield line
        return
    for start in range(0, len(line), _WINDOW - _OVERLAP):
        yield line[start : start + _WINDOW]


def _spot(hit: _Hit, proof: str, line: int) -> Spot:
    kind = hit.plugin.secret_type
    return Spot(
        code="secret_suspected",
        severity=hit.severity,
        message=f"looks like a credential: {kind}",
        line=line,
        key=f"{kind} {hashlib.sha256(proof.encode('utf-8', 'surrogatepass')).hexdigest()}",
    )
