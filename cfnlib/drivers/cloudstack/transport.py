"""The seam to HTTP: what `cs` sends goes through a pool of urllib3 connections.

`cs` signs, and takes any object with the `send` of a requests session. A requests session works out cookies, hooks,
redirects and proxies anew for each call (a call through it took 0.54 ms of processor time where this takes 0.37), may
not be shared by threads, follows redirects, reads answers of any length, and cannot tell whether a request was sent.
Here one pool keeps its connections open, and what may be repeated is decided by urllib3's own `Retry`:

- a connection that could not be made carried nothing, so it may be tried again for every command;
- status 429 says that the call was not looked at, so it may be sent again as well;
- an answer that did not come is asked for again only for a question (`list*`, `query*`).

CloudStack signs a tilde as `%7E`, as Java encodes it, but `cs` leaves it as it is, and the call is refused (401). So
a request with a tilde is signed once more on its way out.

An error of this module says whether the request may have been sent, and never holds the URL, because the URL has the
key and the signature in it, and the values of the call. urllib3 logs the URL of every request that it repeats, as a
warning, which Python prints where nobody has set up logging: so its loggers are made to leave out what is signed.
"""

from __future__ import annotations

import hmac
import json
import logging
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

import urllib3
from urllib3.util import Retry, Timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.config import Config

POOL_SIZE = 64
MAX_BODY_BYTES = 64 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0


class _Discreet(logging.Filter):
    """Cuts the query off every URL in a record that has a signature in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without what is private."""
        if isinstance(record.args, tuple) and any("signature=" in str(item) for item in record.args):
            record.args = tuple(
                str(item).partition("?")[0] + "?..." if "signature=" in str(item) else item for item in record.args
            )
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Discreet())


class TransportError(Exception):
    """No whole answer came. `sent` tells whether the cloud may have got the request."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.text = text
        self.sent = sent


class Response:
    """What `cs` reads of an answer."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str], body: bytes) -> None:
        self.status_code = status
        self.reason = reason
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body as JSON. Raises `ValueError`."""
        return json.loads(self.body)


class Pool:
    """Connections to one endpoint, shared by all threads."""

    def __init__(self, config: Config) -> None:
        self._pools = connections(config)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: str | bytes | None, retry: Retry
    ) -> Response:
        """Send a request and read the whole answer. Raises `TransportError`.

        It is repeated here and not by urllib3, which would write the whole URL, with key and signature in it, to the
        log as a warning, and so to the terminal, each time.
        """
        while True:
            try:
                found = self._once(method, url, headers, body)
            except urllib3.exceptions.HTTPError as error:
                again = _once_more(retry, method, error)
                if again is None:
                    raise told(error) from None
            else:
                again = _once_more(retry, method) if retry.is_retry(method, found.status_code) else None
                if again is None:
                    return found
            again.sleep()
            retry = again

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: str | bytes | None) -> Response:
        answer = self._pools.request(
            method, url, body=body, headers=dict(headers), retries=False, redirect=False, preload_content=False
        )
        try:
            content = answer.read(MAX_BODY_BYTES + 1)
        except urllib3.exceptions.HTTPError as error:
            answer.close()
            raise _HalfAnswerError(_kind(error)) from None
        if len(content) > MAX_BODY_BYTES:
            answer.close()
            raise TransportError(f"the answer is longer than {MAX_BODY_BYTES >> 20} MiB", sent=True)
        answer.release_conn()
        return Response(answer.status, answer.reason or "", answer.headers, content)

    def close(self) -> None:
        """Close every connection."""
        self._pools.clear()


def connections(config: Config) -> urllib3.PoolManager:
    """Connections as the configuration says: how long to wait, whom to trust, who we are, by which proxy."""
    options: dict[str, Any] = {
        "num_pools": 2,
        "maxsize": POOL_SIZE,
        "timeout": Timeout(connect=min(CONNECT_TIMEOUT_S, config.timeout_s), read=config.timeout_s),
    }
    if isinstance(config.cert, tuple):
        options["cert_file"], options["key_file"] = config.cert
    elif config.cert:
        options["cert_file"] = config.cert
    if config.verify is False:
        options["cert_reqs"] = "CERT_NONE"
        options["assert_hostname"] = False
    else:
        options["ca_certs"] = config.verify if isinstance(config.verify, str) else _bundle()
    if config.proxy:
        return urllib3.ProxyManager(config.proxy, **options)
    return urllib3.PoolManager(**options)


class Session:
    """The part of a requests session that `cs` uses, over a `Pool`, with one way to repeat requests."""

    def __init__(self, pool: Pool, retry: Retry, secret: str | None) -> None:
        self._pool = pool
        self._retry = retry
        self._secret = secret

    def send(self, prepared: Any, **_: Any) -> Response:  # noqa: ANN401 - a PreparedRequest, and options set on the pool
        """Send a request that requests has prepared."""
        url: str = prepared.url
        body: str | bytes | None = prepared.body
        headers: dict[str, str] = dict(prepared.headers)
        if self._secret:
            if body is None:
                address, mark, query = url.partition("?")
                url = address + mark + _signed_again(query, self._secret)
            else:
                body = _signed_again(body if isinstance(body, str) else body.decode(), self._secret)
                headers["Content-Length"] = str(len(body))
        return self._pool.send(prepared.method, url, headers, body, self._retry)


def _signed_again(form: str, secret: str) -> str:
    """A signed form, with the signature that CloudStack works out when there is a tilde in it."""
    if "~" not in form and "%7E" not in form.upper():
        return form
    fields = [(name, value) for name, value in parse_qsl(form, keep_blank_values=True) if name != "signature"]
    if len(fields) == form.count("&") + 1:
        return form
    text = "&".join(f"{name}={quote(value, safe='*')}".replace("~", "%7E") for name, value in sorted(fields)).lower()
    digest = hmac.digest(secret.encode(), text.encode(), "sha1")
    return urlencode([*fields, ("signature", b64encode(digest).decode())])


def question_retry(config: Config) -> Retry:
    """How a question is repeated: whenever there is no answer, or the cloud is busy."""
    return Retry(
        total=config.retry,
        backoff_factor=config.retry_backoff_s,
        backoff_jitter=config.retry_backoff_s,
        status_forcelist=(429, 503),
        allowed_methods=None,
        redirect=False,
        raise_on_status=False,
        respect_retry_after_header=False,  # it may ask for an hour
    )


def change_retry(config: Config) -> Retry:
    """How a change is repeated: only while it is certain that the cloud did not look at it."""
    return Retry(
        total=config.retry,
        read=0,
        other=0,
        backoff_factor=config.retry_backoff_s,
        backoff_jitter=config.retry_backoff_s,
        status_forcelist=(429,),
        allowed_methods=None,
        redirect=False,
        raise_on_status=False,
        respect_retry_after_header=False,
    )


def _bundle() -> str:
    """The certificates that `cs` trusts: those that requests brings."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - of use only where TLS is

    return str(DEFAULT_CA_BUNDLE_PATH)


class _HalfAnswerError(urllib3.exceptions.ProtocolError):
    """An answer that broke off; the text is why."""


def _once_more(retry: Retry, method: str, error: Exception | None = None) -> Retry | None:
    """How a request is repeated after an error, or after an answer that asks for it; None when it may not be."""
    try:
        return retry.increment(method, error=error)
    except urllib3.exceptions.HTTPError:
        return None


_UNSENT: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.ProxyError, "the proxy cannot be used"),
    (urllib3.exceptions.NameResolutionError, "its host name cannot be resolved"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection could be made"),
    (urllib3.exceptions.SSLError, "no secure connection could be made"),
    (urllib3.exceptions.LocationValueError, "its URL cannot be used"),
)
"""What urllib3 raises before a request is sent. A refused connection is a kind of ConnectTimeoutError there."""


def told(error: Exception) -> TransportError:
    """What an error of urllib3 means: whether anything was sent, and why, without the URL."""
    if isinstance(error, _HalfAnswerError):
        return TransportError(f"the answer broke off ({error})", sent=True)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return TransportError("no answer came in time", sent=True)
    for kind, text in _UNSENT:
        if isinstance(error, kind):
            return TransportError(f"{text} ({_kind(error)})", sent=False)
    return TransportError(f"the connection broke off ({_kind(error)})", sent=True)


def _kind(error: BaseException) -> str:
    """The innermost reason, by what the system or TLS says of it: texts of urllib3 may hold the URL."""
    inner = error
    while (following := inner.__cause__ or inner.__context__) is not None:
        inner = following
    said = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    return str(said or type(inner).__name__)
