"""Templates by URL: from the service's own bucket, or from where the operator allows.

A URL is the client's word, and the service stands where clients do not: so it asks nowhere but where the operator
says. A host may be allowed by its name, or its addresses by their networks; then every address that the name has must
be allowed, and the connection goes to the very address that was looked at, so a name that changes in between leads
nowhere. A redirect is looked at in the same way. URLs of S3 itself mean the bucket of the service, since that is
where `aws cloudformation package` has put the file.
"""

from __future__ import annotations

import re
import socket
import time
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import urllib3

from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Network

    from cfnlib.identity.keyring import Caller
    from cfnlib.server.bucket import Bucket

    Resolve = Callable[[str, int], Iterable[str]]

MAX_BYTES = 1_048_576
TIMEOUT_S = 10.0
REDIRECTS = 3
_OF_S3 = re.compile(r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_NAT64 = ip_network("64:ff9b::/96")


class Place(NamedTuple):
    """Where to connect to: a checked address, for a host and port."""

    address: str
    host: str
    port: int
    secure: bool


def fetch_template(
    url: str,
    caller: Caller,
    *,
    bucket: Bucket | None,
    allowed: Sequence[str],
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    resolve: Resolve | None = None,
) -> str:
    """The text at a URL, of at most `max_bytes` bytes, within `timeout_s` seconds. Raises `SaidError`."""
    stored = _stored(url, bucket)
    if stored is not None and bucket is not None:
        return _text(bucket.read(caller, *stored), max_bytes)
    until = time.monotonic() + timeout_s
    for _ in range(REDIRECTS + 1):
        place = checked(url, allowed, resolve or _addresses)
        answer = _asked(place, url, until, max_bytes)
        if isinstance(answer, bytes):
            return _text(answer, max_bytes)
        url = urljoin(url, answer)
    raise SaidError("TemplateURL leads from one place to the next without an end")


def checked(url: str, allowed: Sequence[str], resolve: Resolve) -> Place:
    """Where a URL leads, when that is allowed. Raises `SaidError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SaidError("TemplateURL must be a supported URL.") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or not url.isprintable():
        raise SaidError("TemplateURL must be a supported URL.")
    port = port or (443 if parts.scheme == "https" else 80)
    names, networks = _split(allowed)
    try:
        found = [ip_address(text.partition("%")[0]) for text in resolve(host, port)]
    except (OSError, ValueError, UnicodeError):
        found = []
    by_name = host.lower().rstrip(".") in names
    if not found or not (by_name or all(_within(one, networks) for one in found)):
        raise SaidError(
            f"TemplateURL leads to {host[:100]}, which this service does not ask: use its own bucket, send the "
            "template itself, or have the operator allow the host (--template-hosts)"
        )
    return Place(str(found[0]), host, port, parts.scheme == "https")


def _within(address: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address, and the one that it has inside it, are both in the networks."""
    meant = [address]
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = ip_address(int(address) & 0xFFFFFFFF)  # type: ignore[assignment]
        if inner is not None:
            meant = [inner] if address.ipv4_mapped else [address, inner]
    return all(any(one.version == net.version and one in net for net in networks) for one in meant)


def _split(allowed: Sequence[str]) -> tuple[set[str], list[IPv4Network | IPv6Network]]:
    names: set[str] = set()
    networks: list[IPv4Network | IPv6Network] = []
    for entry in allowed:
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            names.add(entry.lower().rstrip("."))
    return names, networks


def _addresses(host: str, port: int) -> Iterable[str]:
    return dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _asked(place: Place, url: str, until: float, max_bytes: int) -> bytes | str:
    """What is at a place, or where it leads on to."""
    parts = urlsplit(url)
    left_s = max(until - time.monotonic(), 0.1)
    patience = urllib3.Timeout(total=left_s)
    pool: urllib3.HTTPConnectionPool
    if place.secure:
        pool = urllib3.HTTPSConnectionPool(
            place.address, place.port, timeout=patience, server_hostname=place.host, assert_hostname=place.host
        )
    else:
        pool = urllib3.HTTPConnectionPool(place.address, place.port, timeout=patience)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, "User-Agent": "cfnlib", "Accept-Encoding": "identity"}
    try:
        with pool:
            answer = pool.urlopen(
                "GET", target, headers=headers, redirect=False, preload_content=False, retries=False
            )
            try:
                if answer.status in {301, 302, 303, 307, 308} and answer.headers.get("Location"):
                    return str(answer.headers["Location"])
                if answer.status != 200:
                    raise SaidError(f"TemplateURL: the server answers {answer.status}")
                return _read(answer, until, max_bytes)
            finally:
                answer.close()
    except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
        raise SaidError(f"TemplateURL cannot be read: {type(error).__name__}") from None


def _read(answer: urllib3.BaseHTTPResponse, until: float, max_bytes: int) -> bytes:
    found = bytearray()
    while piece := answer.read(65536, decode_content=False):
        found += piece
        if len(found) > max_bytes:
            raise _too_long(max_bytes)
        if time.monotonic() > until:
            raise SaidError("TemplateURL cannot be read: it takes too long")
    return bytes(found)


def _stored(url: str, bucket: Bucket | None) -> tuple[str, str] | None:
    """The name of the bucket and the key, when a URL means the service's own bucket."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        name, key = host, path
    elif bucket is not None and f"{parts.scheme}://{parts.netloc}" == bucket.public_url:
        name, _, key = path.partition("/")
    else:
        found = _OF_S3.fullmatch(host)
        if found is None:
            return None
        name, key = (found["bucket"], path) if found["bucket"] else (path.partition("/")[0], path.partition("/")[2])
    if bucket is None:
        raise SaidError("TemplateURL is one of S3, and this service has no bucket; send the template itself")
    return name, key


def _text(content: bytes, max_bytes: int) -> str:
    if len(content) > max_bytes:
        raise _too_long(max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SaidError("Template format error: the file at TemplateURL is no text in UTF-8") from None


def _too_long(max_bytes: int) -> SaidError:
    return SaidError(f"Template may not exceed {max_bytes} bytes in size.")
