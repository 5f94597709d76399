"""`Idempotency-Key` of requests that write no job: sent again, they have no second effect, and get the answer of the first."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cryptography.fernet import Fernet, InvalidToken
from fastapi import Depends, Header, Request
from fastapi.responses import Response

from gitalign.core.accounts import Actor
from gitalign.errors import Contradiction, GitAlignError, StoreError
from gitalign.service.access import cookie_name
from gitalign.service.state import service_of
from gitalign.store.service.answers import Answers, Earlier

IdempotencyKey = Annotated[str | None, Header(pattern=r"^[\x21-\x7e]{1,200}$")]
_KEPT_HEADERS = ("location", "content-type", "etag")
_WAIT_S = 2.0
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """A request that may be sent again.

    Attributes:
        request: of the client.
        key: of the client; None when it gave none.
        body: as it was sent.
    """

    request: Request
    key: str | None
    body: bytes

    def answered(
        self, actor: Actor, make: Callable[[], Response], *, is_harmless_again: bool = False, proof: str = ""
    ) -> Response:
        """The answer that `make` gives; for a key that was sent before, the answer from then.

        Args:
            actor: who asks.
            make: has the effect.
            is_harmless_again: a second effect changes nothing more, so it is carried out again when the answer is not known.
            proof: what the sender has and the database has not, where that is neither a token nor a session.

        Raises:
            Contradiction: the key was used for another request, or what became of the first one is not known.
        """
        if self.key is None:
            return make()
        secret = _secret(self.request, actor, self.key, proof)
        digest = _digest(secret)
        asked = hmac.new(secret, self._asked(), hashlib.sha256).hexdigest()
        answers = Answers(service_of(self.request).database)
        if answers.known(digest) is None and service_of(self.request).jobs.has_key(actor.name, self.key):
            raise _reused()
        earlier = answers.claim(digest, asked)
        if earlier is not None:
            if earlier.request != asked:
                raise _reused()
            sealed = _waited_for(answers, digest, earlier)
            if sealed is not None:
                return _opened(sealed, secret)
            if not is_harmless_again:
                raise _not_known()
        try:
            answer = make()
        except StoreError:
            raise  # what was written is not known
        except GitAlignError:
            answers.release(digest)
            raise
        answers.keep(digest, _sealed(answer, secret))
        return answer

    def _asked(self) -> bytes:
        try:
            body = json.dumps(json.loads(self.body), sort_keys=True) if self.body.strip() else "{}"
        except (ValueError, RecursionError):
            body = self.body.decode("latin-1")
        return f"{self.request.method} {self.request.url.path}\n{body}".encode()


def require_unanswered(request: Request, actor: Actor, key: str | None) -> None:
    """Refuse a request that writes a job when its key was used for one that writes none.

    Raises:
        Contradiction
    """
    if key is None:
        return
    if Answers(service_of(request).database).known(_digest(_secret(request, actor, key))) is not None:
        raise _reused()


def _secret(request: Request, actor: Actor, key: str, proof: str = "") -> bytes:
    """What the sender has and the database has not: the token, the session or other proof, with the key."""
    given = request.headers.get("Authorization") or request.cookies.get(cookie_name(service_of(request)), "")
    text = "\0".join((actor.name, given, key, *filter(None, (proof,))))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _digest(secret: bytes) -> str:
    return hashlib.sha256(b"key\0" + secret).hexdigest()


async def _repeatable(request: Request, idempotency_key: IdempotencyKey = None) -> Repeatable:
    return Repeatable(request=request, key=idempotency_key, body=await request.body())


Once = Annotated[Repeatable, Depends(_repeatable)]


def _waited_for(answers: Answers, digest: str, earlier: Earlier | None) -> str | None:
    """The answer of a request that is being carried out; None when it does not come soon."""
    ends = time.monotonic() + _WAIT_S
    while earlier is not None and earlier.sealed is None and time.monotonic() < ends:
        time.sleep(_PAUSE_S)
        earlier = answers.known(digest)
    return None if earlier is None else earlier.sealed


def _sealed(answer: Response, secret: bytes) -> str:
    kept = {name: value for name, value in answer.headers.items() if name in _KEPT_HEADERS}
    content = {
        "status": answer.status_code,
        "headers": kept,
        "body": base64.b64encode(bytes(answer.body)).decode("ascii"),
    }
    return _cipher(secret).encrypt(json.dumps(content).encode("ascii")).decode("ascii")


def _opened(sealed: str, secret: bytes) -> Response:
    try:
        content = json.loads(_cipher(secret).decrypt(sealed.encode("ascii")))
    except InvalidToken:
        raise _reused() from None
    body = base64.b64decode(content["body"])
    headers = {**content["headers"], "Idempotent-Replayed": "true"}
    return Response(body or None, status_code=content["status"], headers=headers)


def _cipher(secret: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"answer\0" + secret).digest()))


def _reused() -> Contradiction:
    return Contradiction(
        "this Idempotency-Key was used for another request",
        hint="use a new key for every request",
        code="idempotency_key_reused",
    )


def _not_known() -> Contradiction:
    return Contradiction(
        "a request with this Idempotency-Key was begun, and what became of it is not known",
        hint="look whether it was carried out; if not, send it with a new key",
        code="idempotency_answer_unknown",
    )
