"""https in front of the EC2 API: a program that ends TLS and passes on what it reads, with a CA of its own.

A signature holds the Host header, so it must come through as the client wrote it, port and all; what else the front
adds is not signed. boto 2 and boto3 check the front's certificate against the CA that they are told of.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError, SSLError
from ec2_bridges import ec2_bridges
from python27 import python27_with

trustme = pytest.importorskip("trustme", reason="trustme makes the certificates")

ASK = """
import json, sys
from boto.ec2.connection import EC2Connection
from boto.regioninfo import RegionInfo
how = json.loads(sys.argv[1])
c = EC2Connection(
    how["key"], how["secret"], is_secure=True, port=how["port"], validate_certs=True,
    region=RegionInfo(name="cs", endpoint="localhost"),
)
c.num_retries = 0
made = c.create_security_group(how["name"], "d")
made.authorize("tcp", 22, 22, "0.0.0.0/0")
print(json.dumps(sorted(one.name for one in c.get_all_security_groups())))
"""


class Front:
    """Ends TLS in front of a server; `rewrite` changes the head of each request, a list of lines."""

    def __init__(self, context, target, rewrite):
        self._context, self._rewrite = context, rewrite
        self._target = (urlsplit(target).hostname, urlsplit(target).port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self._server.accept()
            except OSError:
                return
            Thread(target=self._pass, args=(plain,), daemon=True).start()

    def _pass(self, plain):
        with suppress(OSError, ssl.SSLError), self._context.wrap_socket(plain, server_side=True) as near:
            near.settimeout(30)
            stream = near.makefile("rb")
            while (head := self._head(stream)) is not None:
                length = next(
                    (int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")), 0
                )
                body = stream.read(length)
                with socket.create_connection(self._target, timeout=30) as far:
                    lines = [line for line in self._rewrite(head) if not line.lower().startswith("connection:")]
                    far.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
                    while part := far.recv(65536):
                        near.sendall(part)
                return

    @staticmethod
    def _head(stream):
        lines = []
        while line := stream.readline().decode("latin-1").rstrip("\r\n"):
            lines.append(line)
        return lines or None

    def close(self):
        """End."""
        self._server.close()


def forwarded(head):
    """As a usual front has it: the Host header stays, and what it knows of the client is added."""
    return [
        *head,
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 192.0.2.7",
        "X-Forwarded-Port: 443",
        "Via: 1.1 front",
    ]


def without_port(head):
    """A front that writes the Host header without its port."""
    return ["Host: localhost" if line.lower().startswith("host:") else line for line in head]


def with_the_inner_host(head):
    """A front that writes where it passes the request on to: then no signature holds."""
    return ["Host: 127.0.0.1:8773" if line.lower().startswith("host:") else line for line in head]


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    """A CA of our own: its certificate's file, and what a front serves with."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return str(path), context


@pytest.fixture(scope="module")
def world():
    with ec2_bridges() as found:
        yield found


@contextmanager
def front(world, context, rewrite=forwarded):
    found = Front(context, world.urls[0], rewrite)
    try:
        yield found
    finally:
        found.close()


def client(world, url, verify, signature="v4"):
    return boto3.client(
        "ec2",
        endpoint_url=url,
        region_name="cs",
        verify=verify,
        aws_access_key_id=world.user.key,
        aws_secret_access_key=world.user.secret,
        config=BotoConfig(signature_version=signature, retries={"max_attempts": 0}),
    )


@pytest.mark.parametrize("signature", ["v2", "v4"])
def test_boto3_with_the_ca(world, ca, signature):
    path, context = ca
    with front(world, context) as outside:
        ec2 = client(world, outside.url, path, signature)
        made = ec2.create_security_group(GroupName=f"boto3-{signature}", Description="d")["GroupId"]
        assert ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["GroupName"] == f"boto3-{signature}"
    names = {row["name"] for row in world.cloud_of(world.user).rows("listSecurityGroups", "securitygroup")}
    assert f"boto3-{signature}" in names


def test_boto3_without_the_ca_sends_nothing(world, ca):
    with front(world, ca[1]) as outside, pytest.raises(SSLError, match="certificate"):
        client(world, outside.url, True).describe_regions()


@pytest.mark.parametrize("signature", ["v2", "v4"])
@pytest.mark.parametrize("rewrite", [without_port, with_the_inner_host])
def test_a_front_that_writes_another_host_breaks_the_signature(world, ca, signature, rewrite):
    """Nobody can tell any more which host the client signed; the front has to be set right."""
    with front(world, ca[1], rewrite) as outside, pytest.raises(ClientError) as caught:
        client(world, outside.url, ca[0], signature).describe_regions()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def python_3():
    if sys.version_info >= (3, 12):
        pytest.skip("boto 2 needs ssl.wrap_socket, which went with 3.12")
    pytest.importorskip("boto.ec2", exc_type=ImportError)
    return sys.executable, {}


def python_2_7():
    return python27_with("boto==2.49.0")


@pytest.mark.parametrize("python", [python_3, python_2_7])
def test_boto_2_with_the_ca_in_its_configuration(world, ca, python, tmp_path):
    executable, environment = python()
    path, context = ca
    (tmp_path / "boto.cfg").write_text(f"[Boto]\nca_certificates_file = {path}\nhttps_validate_certificates = True\n")
    with front(world, context) as outside:
        said = {"key": world.user.key, "secret": world.user.secret, "port": outside.port, "name": python.__name__}
        done = subprocess.run(
            [executable, "-W", "ignore", "-c", ASK, json.dumps(said)],
            env={**environment, "BOTO_CONFIG": str(tmp_path / "boto.cfg")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in world.cloud_of(world.user).rows("listSecurityGroups", "securitygroup")}
    assert json.loads(done.stdout) == sorted(rows)
    assert [rule["startport"] for rule in rows[python.__name__]["ingressrule"]] == [22]
