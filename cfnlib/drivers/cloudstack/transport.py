"""The seam to HTTP: a signed call goes to the cloud, straight or by a proxy, and its answer comes back whole.

What may be repeated is decided by urllib3's `Retry`:

- a connection that could not be made carried nothing, so it may be tried again for every command;
- status 429 says that the call was not looked at, so it may be sent again as well;
- an answer that did not come is asked for again only for a question (`list*`, `query*`).

Redirects are not followed, answers have a longest length. By a proxy urllib3 leads; without one `direct` does.

An error of this module says whether the request may have been sent, and never holds the URL, because the URL has the
key and the signature in it, and the values of the call. urllib3 logs the URL of every request that it repeats, as a
warning, which Python prints where nobody has set up logging: so its loggers are made to leave out what is signed.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.util import Retry, Timeout
from urllib3.util.ssl_ import create_urllib3_context

from cfnlib.drivers.cloudstack.direct import FORM, Answer, Direct, HalfAnswerError, TooLateError
from cfnlib.errors import ConfigError

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
    """An answer. The names of `headers` are in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status_code = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body as JSON. Raises `ValueError`."""
        return json.loads(self.body)


class Pool:
    """Connections to the endpoint of a configuration, shared by all threads."""

    def __init__(self, config: Config) -> None:
        self._endpoint = str(config.endpoint)
        self._headers = {"User-Agent": "cfnlib", **config.headers}
        self._proxied = connections(config) if config.proxy else None
        self._direct: Direct | None = None
        if self._proxied is None:
            connect_s = min(CONNECT_TIMEOUT_S, config.timeout_s)
            try:
                self._direct = Direct(
                    self._endpoint, self._headers, partial(_tls, config), connect_s=connect_s, read_s=config.timeout_s
                )
            except urllib3.exceptions.LocationValueError as error:
                raise ConfigError(
                    f"the endpoint of CloudStack, or a header for it, cannot be used: {error}"
                ) from None

    def send(self, method: str, form: str, retry: Retry, until: float | None = None) -> Response:
        """Send a call and read the whole answer. Raises `TransportError`.

        From `until` on (seconds since the epoch) it is not sent any more, nor sent again.
        It is repeated here and not by urllib3, which would write the whole URL, with key and signature in it, to the
        log as a warning, and so to the terminal, each time.
        """
        while True:
            try:
                found = self._once(method, form, until)
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

    def _once(self, method: str, form: str, until: float | None) -> Response:
        query, body = (form, None) if method == "GET" else ("", form.encode())
        if self._direct is not None:
            answer = self._direct.exchange(method, query, body, MAX_BODY_BYTES, until)
        else:
            answer = self._by_proxy(method, query, body, until)
        if len(answer.body) > MAX_BODY_BYTES:
            raise TransportError(f"the answer is longer than {MAX_BODY_BYTES >> 20} MiB", sent=True)
        return Response(answer.status, answer.headers, answer.body)

    def _by_proxy(self, method: str, query: str, body: bytes | None, until: float | None) -> Answer:
        if until is not None and time.time() >= until:
            raise TooLateError
        url = f"{self._endpoint}?{query}" if query else self._endpoint
        headers = self._headers if body is None else {**self._headers, "Content-Type": FORM}
        assert self._proxied is not None  # noqa: S101 - the two ways are made in one place
        answer = self._proxied.request(
            method, url, body=body, headers=headers, retries=False, redirect=False, preload_content=False
        )
        try:
            content = answer.read(MAX_BODY_BYTES + 1)
        except urllib3.exceptions.HTTPError as error:
            answer.close()
            raise HalfAnswerError(_kind(error)) from None
        if len(content) > MAX_BODY_BYTES:
            answer.close()
        answer.release_conn()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, answer.reason or "", headers, content)

    def close(self) -> None:
        """Close every connection."""
        if self._proxied is not None:
            self._proxied.clear()
        if self._direct is not None:
            self._direct.close()


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


def _tls(config: Config) -> ssl.SSLContext:
    """How TLS is spoken as the configuration says: whom to trust, who we are."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE if config.verify is False else ssl.CERT_REQUIRED)
    if config.verify is not False:
        trusted = config.verify if isinstance(config.verify, str) else _bundle()
        kind = "capath" if Path(trusted).is_dir() else "cafile"
        context.load_verify_locations(**{kind: trusted})
    if isinstance(config.cert, tuple):
        context.load_cert_chain(*config.cert)
    elif config.cert:
        context.load_cert_chain(config.cert)
    return context


def _bundle() -> str:
    """The certificates that `cs` trusts: those that requests brings."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - of use only where TLS is

    return str(DEFAULT_CA_BUNDLE_PATH)


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
    if isinstance(error, TooLateError):
        return TransportError("its time was over before it was sent", sent=False)
    if isinstance(error, HalfAnswerError):
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
