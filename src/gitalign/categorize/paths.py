"""What kind of file a path is: documentation, test, configuration, core or other code."""

from __future__ import annotations

import re
from enum import StrEnum


class PathKind(StrEnum):
    """Kinds of files, known by their paths alone."""

    DOCS = "docs"
    TEST = "test"
    CONFIG = "config"
    CODE = "code"


_TEST = re.compile(r"(^|/)(tests?|__tests__|spec)/|(^|/)test_[^/]*$|(^|/)conftest\.py$|(_test|\.test|\.spec)\.[^/.]+$")
_DOCS = re.compile(r"(^|/)docs?/|\.(md|rst|adoc|txt)$|(^|/)(license|copying|authors|changelog|notice)[^/]*$")
_REQUIREMENTS = re.compile(r"(^|/)(requirements|constraints)[^/]*\.(txt|in)$")
_CONFIG = re.compile(
    r"(^|/)(\.github|\.circleci|\.vscode|config|settings)/|\.(toml|ya?ml|json|jsonc|ini|cfg|conf|lock|properties)$"
    r"|(^|/)(\.env[^/]*|dockerfile[^/]*|makefile|setup\.py|\.git(ignore|attributes|modules)|\.pre-commit[^/]*|\.[a-z]+rc)$"
)
_SECURITY = re.compile(
    r"(^|[/_\-.])(auth|authn|authz|oauth|login|password|passwords|secret|secrets|credential|credentials|token|tokens|crypto|security"
    r"|permission|permissions|session|sessions)([/_\-.]|$)|(^|/)\.env[^/]*$|\.(pem|key|crt|p12)$"
)
_CORE = re.compile(r"^((src|tests|config|build|dist)/|(requirements\.txt|setup\.py|pyproject\.toml)$)")
_CRITICAL = re.compile(r"(^|/)(config|settings|core)/|(^|/)\.env[^/]*$|secrets|(^|/)(main|__init__)\.py$")
_HIGH = re.compile(r"(^|/)tests?/|(^|/)(test_[^/]*|setup\.py|requirements[^/]*\.txt)$")
_LOW = re.compile(r"(^|/)docs?/|\.(md|rst|txt)$")
_MEDIUM_RISK = 0.2


def kind_of(path: bytes) -> PathKind:
    """The kind of a file."""
    name = _folded(path)
    if _TEST.search(name):
        return PathKind.TEST
    if _REQUIREMENTS.search(name):
        return PathKind.CONFIG
    if _DOCS.search(name):
        return PathKind.DOCS
    return PathKind.CONFIG if _CONFIG.search(name) else PathKind.CODE


def is_security(path: bytes) -> bool:
    """True when the path speaks of authentication, secrets or permissions."""
    return bool(_SECURITY.search(_folded(path)))


def is_core(path: bytes) -> bool:
    """True for what 002.2 calls core modules: sources, tests, build files at the top of the repository."""
    return bool(_CORE.search(_folded(path)))


def risk_of(path: bytes) -> float:
    """Weight of a changed file in 002.3: critical .8, high .5, medium .2, low .05."""
    name = _folded(path)
    if _CRITICAL.search(name):
        return 0.8
    if _HIGH.search(name):
        return 0.5
    return 0.05 if _LOW.search(name) else _MEDIUM_RISK


def folder_of(path: bytes, depth: int) -> bytes:
    """The folder a path lies in, at most so deep; empty for a file at the top."""
    return b"/".join(path.split(b"/")[:-1][:depth])


def _folded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape").casefold()
