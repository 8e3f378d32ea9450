"""URLs that the service signs: each is good for one thing, and survives the clients that use it."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.identity import Refusal, RefusedError, check_url, sign_url

STACK = "arn:aws:cloudformation:cloudstack:123456789012:stack/web/0b1c"
SECRET = b"s" * 32
URL = sign_url("http://10.1.1.1:8000/", f"/signal/{STACK}/Handle", SECRET, expires_at=1000)


def checked(url, secret=SECRET, now=999.0):
    parts = urlsplit(url)
    check_url(parts.path, parts.query, secret, now=lambda: now)
    return unquote(parts.path)


def refusal_of(url, **more):
    with pytest.raises(RefusedError) as caught:
        checked(url, **more)
    return caught.value.refusal


def test_a_url_is_good_until_it_expires():
    assert checked(URL) == f"/signal/{STACK}/Handle"
    assert checked(URL, now=1000.0)
    assert refusal_of(URL, now=1001.0) is Refusal.EXPIRED


def test_a_url_may_be_good_for_ever():
    url = sign_url("http://h", "/signal/s/H", SECRET, expires_at=None)
    assert checked(url, now=1e12)
    assert refusal_of(f"{url}&Expires=1000") is Refusal.MISMATCH


def test_a_url_is_good_for_one_handle_of_one_stack_of_one_service():
    assert refusal_of(URL.replace("/Handle", "/Other")) is Refusal.MISMATCH
    assert refusal_of(URL.replace("0b1c", "0b1d")) is Refusal.MISMATCH
    assert refusal_of(URL, secret=b"t" * 32) is Refusal.MISMATCH


def test_a_url_cannot_be_made_to_last_longer():
    assert refusal_of(URL.replace("Expires=1000", "Expires=9999")) is Refusal.MISMATCH
    assert refusal_of(URL.replace("Expires=1000&", "")) is Refusal.MISMATCH
    assert refusal_of(f"{URL}&Expires=9999") is Refusal.MISMATCH


@pytest.mark.parametrize("query", ["", "Signature=", "Expires=1000", "a=b", "Signature=%FF", "&" * 50, "Signature=é"])
def test_a_url_without_a_signature_of_ours_is_refused(query):
    assert refusal_of(URL.partition("?")[0] + "?" + query) is Refusal.MISMATCH


def test_clients_send_the_url_as_it_is():
    """cfn-signal uses requests, which encodes again what it thinks must be; curl sends what it is given."""
    assert requests.Request("PUT", URL).prepare().url == URL
    assert not set(URL) & set(" []{}\"'\\`$")  # what curl or a shell in double quotes would read


@given(st.integers(0, len(urlsplit(URL).path + urlsplit(URL).query) - 1), st.integers(0, 6))
def test_with_one_bit_changed_a_url_is_not_good(at, bit):
    parts = urlsplit(URL)
    text = f"{parts.path}?{parts.query}"
    changed = text[:at] + chr(ord(text[at]) ^ (1 << bit)) + text[at + 1 :]
    path, _, query = changed.partition("?")
    with pytest.raises(RefusedError):
        check_url(path, query, SECRET, now=lambda: 999.0)


@given(st.text(max_size=60), st.text(max_size=60) | st.text(st.characters(min_codepoint=0xD800), max_size=4))
def test_whatever_comes_is_refused(path, query):
    with pytest.raises(RefusedError):
        check_url(path, query, SECRET)
