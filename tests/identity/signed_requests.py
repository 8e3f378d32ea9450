"""Requests as clients sign them and as they then come over the wire, and a gate that knows one pair of keys."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials

from cfnlib.identity import Caller, Gate, Refusal, RefusedError, SignedRequest

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")


class OneKey:
    """A keyring with one pair."""

    def secret(self, access_key):
        if access_key != KEY:
            raise RefusedError(Refusal.UNKNOWN_KEY, "unknown")
        return SECRET

    def caller(self, access_key):
        return Caller(access_key, self.secret(access_key), account="demo")


def gate(now=NOW):
    return Gate(OneKey(), now=lambda: now)


def refusal_of(request, form=(), now=NOW):
    with pytest.raises(RefusedError) as caught:
        gate(now).admit(request, form)
    return caught.value.refusal


def received(prepared):
    """What botocore would send, as a server gets it."""
    parts = urlsplit(prepared.url)
    headers = [
        (name.lower(), value if isinstance(value, str) else value.decode())
        for name, value in prepared.headers.items()
    ]
    if "host" not in dict(headers):
        headers.insert(0, ("host", parts.netloc))
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    body = body if isinstance(body, (bytes, bytearray)) else body.encode()
    return SignedRequest(prepared.method, parts.path or "/", parts.query, tuple(headers), bytes(body))


def signed(signer, method="POST", url="http://127.0.0.1:8773/", body=b"", at=NOW, headers=(), **options):
    """A request that one of botocore's signers has signed at a time."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    made = signer(
        Credentials(KEY, SECRET), "s3" if "S3" in signer.__name__ else "cloudformation", "us-east-1", **options
    )
    moment = datetime.fromtimestamp(at, UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None), raising=False)
        made.add_auth(request)
    return received(request.prepare())


def client(service, endpoint="http://127.0.0.1:8773", **config):
    """A whole client of boto3."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=BotoConfig(parameter_validation=False, **config),
    )


def sent_by(of, operation, **given):
    """What a client of boto3 sends for an operation, instead of sending it."""
    kept = []

    def keep(request, **_):
        kept.append(received(request))
        return AWSResponse(request.url, 503, {}, _Nothing())

    of.meta.events.register_first("before-send", keep)
    with pytest.raises(Exception, match=r"503|closed|parse"):
        getattr(of, operation)(**given)
    return kept[0]


class _Nothing:
    """A body that is empty."""

    def stream(self, **_):
        return iter(())


def v2(pairs, method="POST", host="127.0.0.1:8773", sign_host=None, digest="HmacSHA256", headers=(FORM,)):
    """A request of Signature Version 2, signed by hand as the documentation says, and its parameters."""
    values = {**dict(pairs), "AWSAccessKeyId": KEY, "SignatureVersion": "2", "SignatureMethod": digest}
    if "Expires" not in values:
        values.setdefault("Timestamp", "2015-08-30T12:36:00Z")
    text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(values.items()))
    what = f"{method}\n{(sign_host or host).lower()}\n/\n{text}".encode()
    name = "sha256" if digest == "HmacSHA256" else "sha1"
    values["Signature"] = base64.b64encode(hmac.digest(SECRET.encode(), what, name)).decode()
    query = urlencode(values)
    body = b"" if method == "GET" else query.encode()
    sent = (("host", host), *(headers if body else ()))
    return SignedRequest(method, "/", query if method == "GET" else "", sent, body), list(values.items())
