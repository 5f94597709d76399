"""Tokens for runs of a CI: an ID token that the CI's issuer signed is exchanged for a short-lived token of this service.

Nothing is believed that the issuer's keys did not sign for this service. An issuer that does not answer is neither a yes nor a
no: the run is asked to try again.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from gitalign.core.accounts import SECRET_BYTES, Actor, Token, token_text
from gitalign.core.names import display
from gitalign.service.ci_settings import CiIssuer, CiRule
from gitalign.service.issuer_keys import IssuerKeys
from gitalign.service.problems import NotAllowed
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.database import ServiceDatabase

_LOG = logging.getLogger("gitalign.service")
_LEEWAY_S = 60
_OLDEST_S = 600
"""A token that was signed longer ago is refused, however long its issuer lets it live: so long a stolen one can be used."""
_LONGEST_NAME = 100
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CiRun:
    """A run of a CI, as its issuer says.

    Attributes:
        issuer: its settings.
        rule: that lets it in.
        subject: what the issuer calls it.
        name: of its token.
    """

    issuer: CiIssuer
    rule: CiRule
    subject: str
    name: str

    @property
    def actor(self) -> Actor:
        """The run as who asks for the token."""
        name = f"ci {self.subject}"
        return Actor(
            name=name[:_LONGEST_NAME],
            id=f"{self.issuer.issuer} {self.subject}",
            role=self.rule.role,
            repositories=self.rule.repositories,
        )


class CiIssuers:
    """The issuers that the settings name.

    Args:
        settings: of each.
    """

    def __init__(self, settings: tuple[CiIssuer, ...]) -> None:
        self._settings = {one.issuer: one for one in settings}
        self._keys = {one.issuer: IssuerKeys(one.issuer) for one in settings}

    def run_of(self, text: str) -> CiRun:
        """Who holds an ID token.

        Raises:
            NotAllowed: something about it is wrong, or no rule fits; the log says what.
            ProviderUnavailable: the issuer cannot be asked for its keys.
        """
        issuer = self._settings.get(_issuer_in(text))
        if issuer is None:
            raise _refused("no issuer of these settings made it")
        try:
            token = self._keys[issuer.issuer].decoded(text)
            claims = dict(token.claims)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_S,
                iss={"essential": True, "value": issuer.issuer},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise _refused(f"{type(error).__name__} {error}") from error
        _require_for_us(claims, issuer.audience)
        _require_young(claims)
        rule = next((one for one in issuer.rules if one.fits(claims)), None)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise _refused("its subject is not a name")
        if rule is None:
            raise _refused(f"no rule fits the run {subject}")
        return CiRun(issuer=issuer, rule=rule, subject=display(subject), name=_name_of(claims, subject))

    @staticmethod
    def new_token(database: ServiceDatabase, run: CiRun) -> tuple[Token, str]:
        """Make the token of a run.

        Returns:
            What is known of it, and the token itself.

        Raises:
            NotFound: the rule names a repository that is not there.
        """
        now, text = datetime.now(UTC), token_text(secrets.token_bytes(SECRET_BYTES))
        token = Token(
            id=secrets.token_hex(8),
            name=run.name,
            role=run.rule.role,
            repositories=run.rule.repositories,
            created_at=now,
            created_by=run.actor.name,
            expires_at=now + timedelta(minutes=run.issuer.minutes),
            issuer=run.issuer.issuer,
        )
        return Accounts(database).add(token, text=text), text


def _issuer_in(text: str) -> str:
    """Who says to have made a token, which is not believed yet."""
    try:
        part = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["iss"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _require_for_us(claims: Mapping[str, Any], audience: str) -> None:
    """Refuse a token that others may hold as well: they could come here with it."""
    if claims.get("aud") not in (audience, [audience]):
        raise _refused("it is not for this service alone")


def _require_young(claims: Mapping[str, Any]) -> None:
    age_s = time.time() - float(claims["iat"])
    if not age_s <= _OLDEST_S + _LEEWAY_S:  # also what is no number
        raise _refused(f"it was made {age_s:.0f} s ago")


def _name_of(claims: Mapping[str, Any], subject: str) -> str:
    """A name of a token: where the run is from, and its number where the issuer says one."""
    whose = next(
        (claims[name] for name in ("repository", "project_path") if isinstance(claims.get(name), str)), subject
    )
    number = claims.get("run_id") or claims.get("pipeline_id") or ""
    words = "-".join(re.findall(r"[A-Za-z0-9._]+", f"ci-{whose}-{number}"))
    return words[:_LONGEST_NAME]


def _refused(why: str) -> NotAllowed:
    _LOG.warning("an ID token of a CI is refused: %s", display(why[:_LONGEST_REASON]))
    return NotAllowed(
        "this ID token gets no token of this service",
        hint="compare its audience and claims with the section `ci` of the settings; the log of the service says more",
        code="ci_refused",
    )
