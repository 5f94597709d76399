"""Signing in with an OpenID provider: authorization code with PKCE. Nothing is believed that its keys did not sign for us."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError, InvalidURL
from joserfc.errors import JoseError

from gitalign.core.accounts import Role
from gitalign.core.names import display
from gitalign.service.issuer_keys import DEADLINE_S, IssuerKeys, unavailable
from gitalign.service.problems import NotAllowed
from gitalign.service.provider_settings import Oidc

_LOG = logging.getLogger("gitalign.service")
_LEEWAY_S = 60
_LONGEST_SUBJECT = 255
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What the browser keeps between its way to the provider and back; no one else knows it."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed in, as the provider says.

    Attributes:
        subject: never given out again by this provider.
        name: that the person likes to be called; others may have it, too.
        groups: of the person.
    """

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]


class OpenIdProvider:
    """The provider that the settings name.

    Args:
        settings: of it.
    """

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._issuer = IssuerKeys(settings.issuer, endpoints=_ENDPOINTS)

    def begin(self, redirect_uri: str) -> tuple[str, Flow]:
        """Where to send the browser, and what it keeps.

        Raises:
            ProviderUnavailable
        """
        flow = Flow(
            state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48)
        )
        with self._client(redirect_uri) as client:
            endpoint = self._issuer.metadata()["authorization_endpoint"]
            url, _ = client.create_authorization_url(
                endpoint, state=flow.state, code_verifier=flow.verifier, nonce=flow.nonce
            )
        return str(url), flow

    def finish(self, flow: Flow, redirect_uri: str, answered: Mapping[str, str]) -> Identity:
        """Who came back.

        Args:
            flow: that the browser kept.
            redirect_uri: as it was for `begin`.
            answered: what the provider put into the address.

        Raises:
            NotAllowed: something about the answer is wrong; the log says what.
            ProviderUnavailable
        """
        if not secrets.compare_digest(answered.get("state", "").encode(), flow.state.encode()):
            raise _refused("the state is not that of this browser")
        if "error" in answered:
            raise _refused(f"the provider says {display(answered['error'][:100])}")
        if answered.get("iss", self.settings.issuer) != self.settings.issuer:
            raise _refused("another issuer answered")
        with self._client(redirect_uri) as client:
            metadata = self._issuer.metadata()
            try:
                token = client.fetch_token(
                    metadata["token_endpoint"],
                    code=answered.get("code", ""),
                    grant_type="authorization_code",
                    code_verifier=flow.verifier,
                )
            except AuthlibBaseError as error:
                raise _refused(f"no token for the code: {error.error}") from error
            except (HTTPError, InvalidURL, ValueError) as error:
                raise unavailable(self.settings.issuer, error) from error
            claims = self._verified(token, flow)
            return self._identity(client, claims)

    def role_of(self, identity: Identity) -> Role | None:
        """The highest role that one of the groups has; None when none has one."""
        roles = [self.settings.roles[group] for group in identity.groups if group in self.settings.roles]
        return max(roles, key=tuple(Role).index, default=None)

    def _verified(self, token: Mapping[str, Any], flow: Flow) -> Mapping[str, Any]:
        text = token.get("id_token")
        if not isinstance(text, str):
            raise _refused("no ID token came")
        try:
            decoded = self._issuer.decoded(text)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.settings.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                },
                params={
                    "nonce": flow.nonce,
                    "client_id": self.settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise _refused(f"the ID token is not valid: {type(error).__name__} {error}") from error
        return dict(claims)

    def _identity(self, client: OAuth2Client, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise _refused("the subject is not a name")
        said: Mapping[str, Any] = claims
        endpoint = self._issuer.metadata().get("userinfo_endpoint")
        if self.settings.groups_claim not in claims and endpoint is not None:
            said = self._document(client, endpoint)
            if said.get("sub") != subject:
                raise _refused("its userinfo is of another person")
            said = {**said, **claims}
        groups = said.get(self.settings.groups_claim, ())
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list | tuple) else []
        name = said.get(self.settings.name_claim) or said.get("email") or subject
        return Identity(
            issuer=self.settings.issuer,
            subject=subject,
            name=str(name),
            groups=tuple(group for group in listed if isinstance(group, str)),
        )

    def _client(self, redirect_uri: str) -> OAuth2Client:
        secret = self.settings.client_secret()
        return OAuth2Client(
            self.settings.client_id,
            secret,
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
            scope=" ".join(self.settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=DEADLINE_S,
            follow_redirects=False,
        )

    def _document(self, client: OAuth2Client, url: str) -> Mapping[str, Any]:
        try:
            answer = client.request("GET", url)
            answer.raise_for_status()
            document = answer.json()
        except AuthlibBaseError as error:
            raise _refused(f"the access token cannot be used: {error.error}") from error
        except (HTTPError, InvalidURL, ValueError) as error:
            raise unavailable(self.settings.issuer, error) from error
        if not isinstance(document, dict):
            raise unavailable(self.settings.issuer, ValueError("no JSON object came"))
        return document


def opened_provider(settings: Oidc) -> OpenIdProvider:
    """The provider; its secret is read now, so that the server does not start without it.

    Raises:
        ConfigError
    """
    settings.client_secret()
    return OpenIdProvider(settings)


def _refused(why: str) -> NotAllowed:
    _LOG.warning("a sign-in with the OpenID provider is refused: %s", display(why[:300]))
    return NotAllowed("the sign-in with your provider did not work", hint="sign in again", code="openid_refused")
