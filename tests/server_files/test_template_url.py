"""A TemplateURL leads to the service's own bucket, or to where the operator allows, and to nowhere else."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("werkzeug")
pytest.importorskip("botocore")
from cfnlib.identity import Caller
from cfnlib.server.bucket import Bucket
from cfnlib.server.bucket_files import About
from cfnlib.server.faults import SaidError
from cfnlib.server.template_url import TemplateUrlError, _judged, fetch_template


def checked(url, allowed, resolve):
    return _judged(urlsplit(url), allowed, resolve)


ANN = Caller("ann", "secret", account="ann", domain_id="d")


class Pages(BaseHTTPRequestHandler):
    """A few pages; what was asked is kept."""

    asked: list[str] = []  # noqa: RUF012 - one list for the whole test

    def do_GET(self):  # noqa: D102 - http.server's name
        self.asked.append(f"{self.headers['Host']}{self.path}")
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
        elif self.path == "/good":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Resources: {}")
            return
        elif self.path == "/long":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 2_000_000)
            return
        else:
            self.send_response(404)
        self.end_headers()

    def log_message(self, *_):  # noqa: D102 - http.server's name
        pass


@pytest.fixture(scope="module")
def pages():
    server = HTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(url, *, allowed=("127.0.0.0/8",), bucket=None, **options):
    return fetch_template(url, ANN, bucket=bucket, allowed=allowed, **options)


def test_a_template_comes_from_where_it_is_allowed(pages):
    assert fetch(f"{pages}/good") == "Resources: {}"
    assert fetch(f"{pages}/good", allowed=["127.0.0.1"]) == "Resources: {}"


def test_by_default_nothing_is_asked(pages):
    with pytest.raises(SaidError, match="not among those that the operator allows"):
        fetch(f"{pages}/good", allowed=())


@pytest.mark.parametrize("where", ["away", "round", "long", "nothing"])
def test_a_redirect_out_of_bounds_an_endless_one_and_what_is_too_long_are_errors(pages, where):
    with pytest.raises(SaidError):
        fetch(f"{pages}/{where}")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a/b",
        "http://user:pw@127.0.0.1/",
        "http://",
        "//x",
        "http://127.0.0.1:99999/",
        "gopher://x",
        "",
        "http://127.0.0.1\\@10.0.0.1/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1:0/",
        "http://[::1/",
        "http://127.0.0.1/" + "x" * 6000,
    ],
)
def test_what_is_no_such_url_is_refused(url):
    with pytest.raises(SaidError):
        fetch(url)


def test_a_name_must_lead_to_allowed_addresses_only():
    allowed = ["203.0.113.0/24"]
    assert checked("http://t.example/x", allowed, lambda *_: ["203.0.113.7"]) == [ip_address("203.0.113.7")]
    for found in (["203.0.113.7", "10.0.0.1"], ["127.0.0.1"], [], ["::1"]):
        with pytest.raises(SaidError):
            checked("http://t.example/x", allowed, lambda *_, found=found: found)


def test_the_connection_goes_to_the_address_that_was_looked_at(pages):
    """A name that changes between the look and the connection leads nowhere else."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    port = pages.rpartition(":")[2]
    url = f"http://changing.example:{port}/good"
    assert fetch(url, resolve=lambda *_: next(answers)) == "Resources: {}"
    assert Pages.asked[-1] == f"changing.example:{port}/good"


V4 = st.ip_addresses(v=4)


@given(address=V4, form=st.sampled_from(["plain", "mapped", "6to4", "nat64"]), length=st.integers(0, 32))
def test_an_address_within_another_is_looked_at_too(address, form, length):
    """An IPv4 address in whatever dress is allowed just when it is itself."""
    allowed = [f"{address if length % 2 else IPv4Address('198.51.100.0')}/{length}", "2002::/16", "64:ff9b::/96"]
    inside = address in ip_network(allowed[0], strict=False)
    shown = {
        "plain": str(address),
        "mapped": f"::ffff:{address}",
        "6to4": str(IPv6Address((0x2002 << 112) | (int(address) << 80))),
        "nat64": str(IPv6Address(int(ip_address("64:ff9b::")) | int(address))),
    }[form]
    if inside:
        assert checked("https://t.example/x", allowed, lambda *_: [shown])
    else:
        with pytest.raises(SaidError):
            checked("https://t.example/x", allowed, lambda *_: [shown])


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/box/a/t.yaml",
        "https://s3.us-east-1.amazonaws.com/box/a/t.yaml",
        "https://box.s3.amazonaws.com/a/t.yaml",
        "https://box.s3.eu-west-1.amazonaws.com/a/t.yaml",
        "http://127.0.0.1:8000/box/a/t.yaml",
        "http://localhost:8000/box/a%2Ft.yaml",
        "https://s3.amazonaws.com/box/a/t.yaml?X-Amz-Signature=x&X-Amz-Date=y",
        "s3://box/a/t.yaml",
    ],
)
def test_urls_of_s3_mean_the_callers_own_bucket(tmp_path, url):
    bucket = Bucket(tmp_path, public_url="http://127.0.0.1:8000")
    bucket.files(ANN).make("box")
    bucket.files(ANN).put("box", "a/t.yaml", "Description: é".encode(), About())
    assert fetch(url, bucket=bucket, allowed=()) == "Description: é"
    with pytest.raises(SaidError, match="S3 error"):
        fetch_template(url, Caller("bob", "s", account="bob"), bucket=bucket, allowed=())


def test_a_version_of_an_object_is_no_other_than_there_is(tmp_path):
    bucket = Bucket(tmp_path)
    with pytest.raises(TemplateUrlError, match="versionId is not offered"):
        fetch("https://s3.amazonaws.com/box/k?versionId=1", bucket=bucket)


def test_a_template_of_the_bucket_is_bounded_as_well(tmp_path):
    bucket = Bucket(tmp_path)
    bucket.files(ANN).make("box")
    bucket.files(ANN).put("box", "k", b"x" * 101, About())
    with pytest.raises(TemplateUrlError, match="may not exceed 100 bytes"):
        fetch("s3://box/k", bucket=bucket, max_bytes=100)
    assert fetch("s3://box/k", bucket=bucket, max_bytes=101) == "x" * 101


@given(V4 | st.ip_addresses(v=6), st.lists(V4 | st.ip_addresses(v=6), max_size=3))
def test_without_a_word_of_the_operator_no_address_is_asked(first, more):
    for allowed in ((), ("another.example",)):
        with pytest.raises(TemplateUrlError):
            checked("https://t.example/x", allowed, lambda *_: [str(one) for one in (first, *more)])


SPECIAL = [
    "127.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%2",
    "ff02::1",
]


@pytest.mark.parametrize("address", [*SPECIAL, "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"])
def test_a_name_that_is_allowed_is_not_this_machine_nor_its_links(address):
    with pytest.raises(TemplateUrlError):
        checked("https://t.example/x", ["t.example"], lambda *_: ["203.0.113.7", address])


@pytest.mark.parametrize("address", ["203.0.113.7", "10.1.2.3", "2001:db8::1", "fd00::1", "64:ff9b::203.0.113.7"])
@pytest.mark.parametrize("name", ["t.example", "T.EXAMPLE."])
def test_a_name_that_is_allowed_may_be_anywhere_else(address, name):
    assert checked(f"https://{name}/x", ["t.example"], lambda *_: [address])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::ffff:7f00:1]", "0177.0.0.1", "localhost"])
def test_an_address_in_another_dress_is_that_address(pages, host):
    port = pages.rpartition(":")[2]
    with pytest.raises(TemplateUrlError):
        fetch(f"http://{host}:{port}/good", allowed=["10.0.0.0/8", "t.example"])


class Slow(BaseHTTPRequestHandler):
    """Says a little, over and over."""

    def do_GET(self):  # noqa: D102 - http.server's name
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                stop.wait(0.05)

    def log_message(self, *_):  # noqa: D102 - http.server's name
        pass


stop = threading.Event()


def test_an_answer_without_an_end_is_given_up():
    server = HTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(TemplateUrlError, match="cannot be reached, or did not answer in time"):
        fetch(f"http://127.0.0.1:{server.server_port}/", timeout_s=0.3)
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def protected(tmp_path_factory):
    """A server whose certificate is for t.example; gives its port and the file of its certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key", folder / "certificate"
    made = (openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=t.example")
    names = ("-addext", "subjectAltName=DNS:t.example", "-keyout", key, "-out", certificate)
    subprocess.run([*made, *names], check=True, capture_output=True, timeout=60)
    server = HTTPServer(("127.0.0.1", 0), Pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, str(certificate)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "trusted", "good"), [("t", True, True), ("u", True, False), ("t", False, False)])
def test_a_certificate_must_be_the_names_although_an_address_is_asked(protected, name, trusted, good):
    port, certificate = protected
    ca_file = certificate if trusted else None
    url = f"https://{name}.example:{port}/good"
    options = {"ca_file": ca_file, "resolve": lambda *_: ["127.0.0.1"], "timeout_s": 5.0}
    if good:
        assert fetch(url, **options) == "Resources: {}"
    else:
        with pytest.raises(TemplateUrlError, match="cannot be reached"):
            fetch(url, **options)
