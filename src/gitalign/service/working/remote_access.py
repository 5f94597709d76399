"""How a job reaches the remote of its repository: the environment that git gets, and what must not be seen of it.

What is allowed is decided here for every job, by the settings and the addresses of that moment, and given to git in a form that it
cannot leave: one scheme, no redirects, the very addresses that were looked at, the credential for that server alone. Nothing of the
operator's own configuration of git counts, for what is in it is not meant for the people of the service.

Sources: `git help git` (GIT_ALLOW_PROTOCOL), `git help config` (http.followRedirects, http.curloptResolve, credential.<url>.helper),
`git help gitcredentials` (helpers that begin with `!`), `man 5 ssh_config`.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from gitalign.core.addresses import AddressRules, RemoteAddress, parsed_address
from gitalign.core.names import display
from gitalign.errors import RemoteError, StoreError, UserError
from gitalign.facade import FencePolicy
from gitalign.service.credentials import BASIC, KEYS_VARIABLE, Credential, Sealer
from gitalign.service.working.secret_files import secret_file
from gitalign.shared_files import make_folder
from gitalign.store.service.credentials import Credentials
from gitalign.store.service.held_jobs import HeldJob

_HIDDEN = "***"
_SHORTEST = 4
"""Shorter secrets are not looked for in what is displayed: they would hide what is none."""
_KEPT = (
    "PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "GIT_EXEC_PATH", "GIT_CONFIG_NOSYSTEM", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "GIT_SSL_CAINFO", "https_proxy", "http_proxy", "no_proxy", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
)  # fmt: skip
_CONFIG = (
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("http.cookieFile", ""),
    ("credential.helper", ""),
    ("core.askPass", ""),
    ("transfer.bundleURI", "false"),
    ("fetch.uriProtocols", ""),
    ("fetch.recurseSubmodules", "false"),
)
_SSH = (
    "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes "
    "-o UpdateHostKeys=no -o CheckHostIP=no -o GlobalKnownHostsFile=/dev/null -o PasswordAuthentication=no "
    "-o KbdInteractiveAuthentication=no -o ForwardAgent=no -o ClearAllForwardings=yes -o PermitLocalCommand=no "
    "-o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """How the service reaches remotes.

    Attributes:
        folder: holds the repositories that are registered by address.
        rules: which addresses are allowed.
        keys: that open credentials, newest first.
        committer: name and e-mail address on commits that are made in these repositories.
        fetch_s: how long a remote may take to send, in seconds.
        most_bytes: largest repository.
        fence: what to do about servers that can have no fence.
    """

    folder: Path = Path("/nowhere")
    rules: AddressRules = field(default_factory=AddressRules)
    keys: tuple[str, ...] = field(default=(), repr=False)
    committer: tuple[str, str] = ("git-align", "git-align@localhost")
    fetch_s: float = 600.0
    most_bytes: int = 20 * 1024**3
    fence: FencePolicy = FencePolicy.PREFERRED


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccess:
    """How git reaches the remote of one repository.

    Attributes:
        environ: what git inherits from.
        secrets: texts that must not be seen.
    """

    environ: Mapping[str, str]
    secrets: Sequence[str] = field(default=(), repr=False)

    def redacted(self, text: str) -> str:
        """A text without secrets, as a server may have said them back."""
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return text


@contextmanager
def remote_access(settings: RemoteSettings, credentials: Credentials, held: HeldJob) -> Iterator[RemoteAccess]:
    """How git reaches the remote of a job's repository, while inside.

    A folder that was registered as such is reached as its operator reaches it.

    Args:
        settings: of the service.
        credentials: of all repositories.
        held: the job.

    Raises:
        UserError: the address is not allowed (any more), or has no credential that it needs, or that is switched off.
        ConfigError: the credential cannot be opened.
        RemoteError: the name of the host is not known.
        StoreError
    """
    if held.url is None:
        yield RemoteAccess(environ={key: word for key, word in os.environ.items() if key != KEYS_VARIABLE})
        return
    address = parsed_address(held.url)
    settings.rules.require(address)
    found = addresses_of(address)
    settings.rules.require_reachable(address.host, found)
    sealed = credentials.use(held.repository)
    credential = (
        None if sealed is None else Sealer(settings.keys).opened(sealed, repository=held.repository_id, address=address)
    )
    with ExitStack() as stack:
        config = [*_CONFIG, ("http.curloptResolve", _resolved(address, found))]
        environ = _clean(settings)
        if address.scheme == "ssh":
            environ["GIT_SSH_COMMAND"] = _ssh(address, found, credential, stack)
            environ["GIT_SSH_VARIANT"] = "ssh"
        elif credential is not None:
            content = f"username={credential.username}\npassword={credential.secret}\n"
            file = stack.enter_context(secret_file(content))
            helper = f'!f() {{ test "$1" = get && cat {file}; }}; f'
            config.append((f"credential.{address.origin}.helper", helper))
        environ["GIT_ALLOW_PROTOCOL"] = address.scheme
        for index, (key, value) in enumerate(config):
            environ |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        environ["GIT_CONFIG_COUNT"] = str(len(config))
        yield RemoteAccess(environ=environ, secrets=_texts_of(credential))


def addresses_of(address: RemoteAddress) -> tuple[str, ...]:
    """Every network address of a host, as the system's resolver says now.

    Raises:
        RemoteError
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RemoteError(
            f"the host {display(address.host)} is not known: {error}", hint="check the address and the network"
        ) from error
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def _resolved(address: RemoteAddress, found: Sequence[str]) -> str:
    """The addresses that curl is to use, so that the name cannot lead elsewhere by then."""
    places = ",".join(f"[{one}]" if ":" in one else one for one in found)
    return f"{address.host}:{address.port}:{places}"


def _clean(settings: RemoteSettings) -> dict[str, str]:
    home = settings.folder / "home"
    try:
        make_folder(home)
    except OSError as error:
        raise StoreError(f"cannot make {home}: {error.strerror}", hint="see repositories.folder") from error
    name, email = settings.committer
    ours = {key: word for key, word in os.environ.items() if key.startswith("GITALIGN_") and key != KEYS_VARIABLE}
    return {
        **{key: os.environ[key] for key in _KEPT if key in os.environ},
        **ours,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_ASKPASS": "",
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
    }


def _ssh(address: RemoteAddress, found: Sequence[str], credential: Credential | None, stack: ExitStack) -> str:
    """The command for ssh; all that is put into it was checked to need no quotes."""
    if credential is None or credential.kind == BASIC:
        raise UserError(
            "an address with ssh needs a key and known hosts",
            hint="git align repo credential NAME --ssh-key FILE --known-hosts FILE",
            code="no_credential",
        )
    key = stack.enter_context(secret_file(credential.secret.rstrip("\n") + "\n"))
    known = stack.enter_context(secret_file(credential.known_hosts.rstrip("\n") + "\n"))
    alias = address.host if address.port == 22 else f"[{address.host}]:{address.port}"
    return (
        f"{_SSH} -o HostName={found[0]} -o 'HostKeyAlias={alias}' -o IdentityFile={key} -o UserKnownHostsFile={known}"
    )


def _texts_of(credential: Credential | None) -> tuple[str, ...]:
    if credential is None or credential.kind != BASIC:
        return ()
    pair = base64.b64encode(f"{credential.username}:{credential.secret}".encode()).decode("ascii")
    read_wrongly = credential.secret.encode("utf-8").decode(
        "latin-1"
    )  # as git reads a page that names no character set
    texts = [credential.secret, read_wrongly, quote(credential.secret, safe=""), pair]
    texts += [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in texts[:2] for ascii_only in (True, False)]
    return tuple(dict.fromkeys(text for text in texts if len(text) >= _SHORTEST))
