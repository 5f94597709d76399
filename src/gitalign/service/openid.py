"""Signing in with an OpenID provider: authorization code with PKCE. Nothing is believed that its keys did not sign for us."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError, InvalidURL
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gitalign.core.accounts import Role
from gitalign.core.names import display
from gitalign.service.problems import NotAllowed, ProviderUnavailable
from gitalign.service.provider_settings import Oidc, is_safe_url

_LOG = logging.getLogger("gitalign.service")
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Of public keys alone: with `none`, or with a secret that others know, anybody could sign."""
_DEADLINE_S = 10.0
_KEPT_S = 3_600.0
_KEYS_AGAIN_S = 60.0
_LEEWAY_S = 60
_LONGEST_SUBJECT = 255


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
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")

    def begin(self, redirect_uri: str) -> tuple[str, Flow]:
        """Where to send the browser, and what it keeps.

        Raises:
            ProviderUnavailable
        """
        flow = Flow(
            state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24), verifier=secrets.token_urlsafe(48)
        )
        with self._client(redirect_uri) as client:
            endpoint = self._metadata_of(client)["authorization_endpoint"]
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
            metadata = self._metadata_of(client)
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
                raise _unavailable(self.settings.issuer, error) from error
            claims = self._verified(client, token, flow)
            return self._identity(client, claims)

    def role_of(self, identity: Identity) -> Role | None:
        """The highest role that one of the groups has; None when none has one."""
        roles = [self.settings.roles[group] for group in identity.groups if group in self.settings.roles]
        return max(roles, key=tuple(Role).index, default=None)

    def _verified(self, client: OAuth2Client, token: Mapping[str, Any], flow: Flow) -> Mapping[str, Any]:
        text = token.get("id_token")
        if not isinstance(text, str):
            raise _refused("no ID token came")
        try:
            decoded = self._decoded(client, text)
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

    def _decoded(self, client: OAuth2Client, text: str) -> jwt.Token:
        try:
            return jwt.decode(text, self._keys_of(client), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            if not self._may_ask_for_keys_again():
                raise
        return jwt.decode(text, self._keys_of(client), algorithms=_ALGORITHMS)  # the provider has changed its keys

    def _may_ask_for_keys_again(self) -> bool:
        with self._lock:
            if time.monotonic() - self._keys_at < _KEYS_AGAIN_S:
                return False
            self._keys = None
            return True

    def _identity(self, client: OAuth2Client, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise _refused("the subject is not a name")
        said: Mapping[str, Any] = claims
        endpoint = self._metadata_of(client).get("userinfo_endpoint")
        if self.settings.groups_claim not in claims and endpoint is not None:
            said = self._document(client, endpoint, withhold_token=False)
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
            timeout=_DEADLINE_S,
            follow_redirects=False,
        )

    def _metadata_of(self, client: OAuth2Client) -> Mapping[str, Any]:
        with self._lock:
            if time.monotonic() - self._metadata_at < _KEPT_S:
                return self._metadata
        issuer = self.settings.issuer
        found = self._document(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise _unavailable(issuer, ValueError("it calls itself otherwise"))
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_safe_url(str(found.get(name, ""))):
                raise _unavailable(issuer, ValueError(f"its {name} is not an https address"))
        with self._lock:
            self._metadata, self._metadata_at = found, time.monotonic()
        return found

    def _keys_of(self, client: OAuth2Client) -> KeySet:
        with self._lock:
            if self._keys is not None and time.monotonic() - self._keys_at < _KEPT_S:
                return self._keys
        document = self._document(client, self._metadata_of(client)["jwks_uri"])
        keys = KeySet.import_key_set({"keys": document.get("keys", [])})
        with self._lock:
            self._keys, self._keys_at = keys, time.monotonic()
        return keys

    def _document(self, client: OAuth2Client, url: str, *, withhold_token: bool = True) -> Mapping[str, Any]:
        try:
            answer = client.request("GET", url, withhold_token=withhold_token)
            answer.raise_for_status()
            document = answer.json()
        except AuthlibBaseError as error:
            raise _refused(f"the access token cannot be used: {error.error}") from error
        except (HTTPError, InvalidURL, ValueError) as error:
            raise _unavailable(self.settings.issuer, error) from error
        if not isinstance(document, dict):
            raise _unavailable(self.settings.issuer, ValueError("no JSON object came"))
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


def _unavailable(issuer: str, error: Exception) -> ProviderUnavailable:
    _LOG.warning(
        "the OpenID provider %s cannot be used: %s %s", issuer, type(error).__name__, display(str(error)[:300])
    )
    return ProviderUnavailable(
        f"the OpenID provider {display(issuer)} cannot be used now", hint="try again, or ask an administrator"
    )
