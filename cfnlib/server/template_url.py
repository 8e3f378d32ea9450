"""The text at a TemplateURL: from the caller's own bucket, or from a host that the operator allows.

A URL that a user names is fetched from inside the operator's network, so nothing is fetched that the operator has not
allowed: by a host's name, or by a network that the address is in. A name is resolved once, all its addresses are
judged (those that another protocol carries inside an address, too), and the connection goes to one of these
addresses, whatever the name means a moment later. A redirect is a new URL, judged anew. A host that is allowed by its
name may be at any address but those of this machine and its links, where the host that answers is not the one that
was allowed; for these the network has to be named.

Source: RFC 4291, 3056 (6to4), 4380 (Teredo), 6052 (NAT64) for addresses within addresses.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urljoin, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from cfnlib.server.bucket_keys import S3Error
from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from cfnlib.identity.keyring import Caller
    from cfnlib.server.bucket import Bucket

    Address: TypeAlias = IPv4Address | IPv6Address
    Network: TypeAlias = IPv4Network | IPv6Network
    Resolve: TypeAlias = Callable[[str, int], list[str]]

MAX_URL_LENGTH = 5120
"""Source: AWS CloudFormation API reference, CreateStack, TemplateURL."""
MAX_REDIRECTS = 3
SUPPORTED = "TemplateURL must be a supported URL."

_PORTS = {"http": 80, "https": 443}
_SEEN = re.compile(r"[\x21-\x7e]+")
_OF_S3 = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d+)?\.amazonaws\.com(?:\.cn)?"
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_OF_SIGNATURE = ("x-amz-", "awsaccesskeyid", "signature", "expires")


class TemplateUrlError(SaidError):
    """A TemplateURL that is not followed, or has no template; told in CloudFormation's words where it has some."""


def fetch_template(
    url: str,
    caller: Caller,
    *,
    bucket: Bucket | None,
    allowed: Sequence[str],
    timeout_s: float = 10.0,
    max_bytes: int = 1_048_576,
    resolve: Resolve | None = None,
    ca_file: str | None = None,
) -> str:
    """The template at a URL. Raises `TemplateUrlError`.

    `bucket` is the service's own, None when it has none; `allowed` the names of hosts and the networks that may be
    asked; `resolve` gives the addresses of a host (None: as the system does); `ca_file` are the authorities that are
    trusted (None: the system's).
    """
    if len(url) > MAX_URL_LENGTH or not _SEEN.fullmatch(url):
        raise TemplateUrlError(SUPPORTED)
    if bucket is not None:
        found = _own(url, bucket)
        if found is not None and (_is_there(bucket, caller, found[0]) or not _is_named(_split(url), allowed)):
            return _text(_read_own(bucket, caller, found, max_bytes), max_bytes)
    deadline = time.monotonic() + timeout_s
    for _ in range(MAX_REDIRECTS + 1):
        parts = _split(url)
        if parts.scheme not in _PORTS:
            raise TemplateUrlError(SUPPORTED)
        addresses = _judged(parts, allowed, resolve or _resolved)
        body, location = _asked(parts, addresses, deadline, max_bytes, ca_file)
        if location is None:
            return _text(body, max_bytes)
        target = urljoin(url, location)
        if len(target) > MAX_URL_LENGTH or not _SEEN.fullmatch(target):
            raise TemplateUrlError(f"TemplateURL leads to a place that is no URL. {SUPPORTED}")
        if parts.scheme == "https" and not target.startswith("https://"):
            raise TemplateUrlError("TemplateURL leads from https to a place that is not protected.")
        url = target
    raise TemplateUrlError(f"TemplateURL leads on and on: at most {MAX_REDIRECTS} redirects are followed.")


def embedded_addresses(address: Address) -> list[Address]:
    """An address, and those that are inside it because a gateway would pass the packets on to them."""
    found: list[Address] = [address]
    if isinstance(address, IPv4Address):
        return found
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if any(address in network for network in _NAT64) or 0xFFFF < int(address) <= 0xFFFFFFFF:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _split(url: str) -> SplitResult:
    """The parts of a URL that could be followed. Raises `TemplateUrlError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TemplateUrlError(SUPPORTED) from None
    if parts.scheme not in {*_PORTS, "s3"} or not parts.hostname or "\\" in url or port == 0:
        raise TemplateUrlError(SUPPORTED)
    if "@" in parts.netloc:
        raise TemplateUrlError("TemplateURL must not have a user or a password in it.")
    return parts


# The caller's own bucket


def _own(url: str, bucket: Bucket) -> tuple[str, str] | None:
    """Bucket and key that a URL names in one of S3's forms, or below the service's own address; None for others."""
    parts = _split(url)
    host, path = (parts.hostname or "").rstrip("."), parts.path
    if parts.scheme == "s3":
        name, key = host, path.removeprefix("/")
    else:
        try:
            path = unquote_to_bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            raise TemplateUrlError(SUPPORTED) from None
        of_s3 = _OF_S3.fullmatch(host)
        if of_s3 is not None and of_s3["bucket"] is not None:
            name, key = of_s3["bucket"], path.removeprefix("/")
        elif of_s3 is not None:
            name, _, key = path.removeprefix("/").partition("/")
        elif bucket.public_url and _place(parts) == _place(urlsplit(bucket.public_url)):
            base = unquote_to_bytes(urlsplit(bucket.public_url).path.rstrip("/")).decode("utf-8", "replace")
            if not path.startswith(f"{base}/"):
                raise TemplateUrlError(SUPPORTED)
            name, _, key = path[len(base) + 1 :].partition("/")
        else:
            return None
    if not name or not key:
        raise TemplateUrlError(f"{SUPPORTED} It names a bucket and a key, as https://HOST/BUCKET/KEY.")
    for asked, _ in parse_qsl(parts.query, keep_blank_values=True):
        if not asked.lower().startswith(_OF_SIGNATURE):
            raise TemplateUrlError(f"S3 error: {asked[:64]} is not offered by the service's own buckets.")
    return name, key


def _place(parts: SplitResult) -> tuple[str, int | None]:
    """Host and port; the names of this machine are one."""
    host = (parts.hostname or "").rstrip(".")
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            host = "localhost"
    return host, parts.port or _PORTS.get(parts.scheme)


def _is_there(bucket: Bucket, caller: Caller, name: str) -> bool:
    try:
        bucket.files(caller).check(name)
    except S3Error:
        return False
    return True


def _read_own(bucket: Bucket, caller: Caller, place: tuple[str, str], max_bytes: int) -> bytes:
    try:
        return bucket.read(caller, *place, max_bytes + 1)
    except S3Error as error:
        raise TemplateUrlError(f"S3 error: {error}") from None


# Hosts


def _judged(parts: SplitResult, allowed: Sequence[str], resolve: Resolve) -> list[Address]:
    """The addresses of a host, when they may be asked, all of them. Raises `TemplateUrlError`."""
    host = parts.hostname or ""
    networks = _networks(allowed)
    named = _is_named(parts, allowed)
    if not named and not networks:
        raise _not_allowed(host)
    try:
        found = [ip_address(text) for text in resolve(host, parts.port or _PORTS[parts.scheme])]
    except (OSError, UnicodeError, ValueError):
        raise (
            TemplateUrlError(f"TemplateURL: the host {host} is not known.") if named else _not_allowed(host)
        ) from None
    addresses = [_plain(one) for one in found]
    for address in addresses:
        inside = embedded_addresses(address)
        if all(any(one in network for network in networks) for one in inside):
            continue
        if not named or any(_is_special(one, wrapped=len(inside) > 1) for one in inside):
            raise _not_allowed(host)
    if not addresses:
        raise TemplateUrlError(f"TemplateURL: the host {host} is not known.")
    return addresses


def _is_named(parts: SplitResult, allowed: Sequence[str]) -> bool:
    host = (parts.hostname or "").rstrip(".").lower()
    return parts.scheme in _PORTS and host in {one.strip().rstrip(".").lower() for one in allowed}


def _networks(allowed: Sequence[str]) -> list[Network]:
    found: list[Network] = []
    for one in allowed:
        with suppress(ValueError):
            found.append(ip_network(one.strip().strip("[]"), strict=False))
    return found


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6 is itself; a zone is no part of an address."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _is_special(address: Address, *, wrapped: bool) -> bool:
    """Whether an address is of this machine, of its links, or of many hosts at once."""
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not (wrapped and isinstance(address, IPv6Address)))
    )


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _not_allowed(host: str) -> TemplateUrlError:
    text = f"TemplateURL: the host {host[:255]} is not among those that the operator allows (--template-hosts)."
    return TemplateUrlError(f"{SUPPORTED} {text}")


# Asking


def _asked(
    parts: SplitResult, addresses: Sequence[Address], deadline: float, max_bytes: int, ca_file: str | None
) -> tuple[bytes, str | None]:
    """The body that the first of the addresses that can be reached gives, or where it leads to."""
    for address in addresses:
        try:
            return _asked_at(parts, address, deadline, max_bytes, ca_file)
        except (HTTPError, OSError, ValueError) as error:
            reason = type(error).__name__
    raise TemplateUrlError(f"TemplateURL: {parts.hostname} cannot be reached, or did not answer in time ({reason}).")


def _asked_at(
    parts: SplitResult, address: Address, deadline: float, max_bytes: int, ca_file: str | None
) -> tuple[bytes, str | None]:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    port = parts.port or _PORTS[parts.scheme]
    host = parts.hostname or ""
    options: dict[str, Any] = {"timeout": left_s}
    connection: HTTPConnection
    if parts.scheme == "https":
        options |= {
            "cert_reqs": "CERT_REQUIRED",
            "server_hostname": host,
            "assert_hostname": host,
            "ca_certs": ca_file,
        }
        connection = HTTPSConnection(str(address), port, **options)
    else:
        connection = HTTPConnection(str(address), port, **options)
    headers = {"Host": parts.netloc, "Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "cfnlib"}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        with _ended_at(connection, deadline):
            connection.request("GET", target, headers=headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            if response.status in {301, 302, 303, 307, 308} and response.headers.get("Location"):
                return b"", response.headers["Location"]
            _check_answer(response.status, response.headers.get("Content-Encoding"))
            return _body(response, deadline, max_bytes), None
    finally:
        connection.close()


@contextmanager
def _ended_at(connection: HTTPConnection, deadline: float) -> Iterator[None]:
    """End a connection at a time, however slowly the other side keeps it going."""
    connected = connection.sock  # which the connection hands over to the answer when that ends with it

    def end() -> None:
        with suppress(OSError, ValueError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - time.monotonic(), 0.0), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _check_answer(status: int, encoding: str | None) -> None:
    if status == 403:
        raise TemplateUrlError("S3 error: Access Denied")
    if status == 404:
        raise TemplateUrlError("S3 error: The specified key does not exist.")
    if status != 200:
        raise TemplateUrlError(f"TemplateURL answered with the status {status}.")
    if encoding not in {None, "", "identity"}:
        raise TemplateUrlError("TemplateURL answered with a packed body that was not asked for.")


def _body(response: Any, deadline: float, max_bytes: int) -> bytes:  # noqa: ANN401 - urllib3's, of either kind
    said = response.headers.get("Content-Length") or ""
    if said.isdigit() and int(said[:20]) > max_bytes:
        raise _too_large(max_bytes)
    body = b""
    while len(body) <= max_bytes:
        piece = response.read(1 << 16, decode_content=False)
        if time.monotonic() >= deadline:
            raise TimeoutError
        if not piece:
            return body
        body += piece
    return body


def _text(body: bytes, max_bytes: int) -> str:
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TemplateUrlError("The template at TemplateURL is not encoded in UTF-8.") from None


def _too_large(max_bytes: int) -> TemplateUrlError:
    return TemplateUrlError(f"Template may not exceed {max_bytes} bytes in size.")
