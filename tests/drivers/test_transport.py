"""When the network or a proxy fails: what was certainly not done is told from what may have been done."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from driver_raw_server import RawServer, answer, fields, hang_up, reset

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import transport
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.errors import AuthenticationError, CloudError, ConfigError, UnknownOutcomeError
from cfnlib.simulator import Simulator

KEY, SECRET, PASSWORD = "the-api-key", "the-secret-key", "a-pass-word"
PAGE = b"<html><body>Bad Gateway</body></html>"


def client(endpoint: str, **settings: object) -> Client:
    values: dict[str, Any] = {"timeout_s": 5.0, "retry": 2, "retry_backoff_s": 0.0, **settings}
    return Client(Config(endpoint=endpoint, key=KEY, secret=SECRET, **values))


@pytest.mark.parametrize(
    "broken",
    [
        reset,
        hang_up,
        answer(PAGE, "502 Bad Gateway", "text/html"),
        answer(PAGE, "503 Service Unavailable", "text/html"),
        answer(PAGE, "200 OK", "text/html"),
        answer(b'{"deployvirtualmachineresponse":{"id":"1', length=999),
        answer(b'{"deployvirtualmachineresponse":{"id":"1'),
        answer(b"[1, 2]"),
        answer(b'{"a": 1, "b": 2}'),
        answer(b'{"a": "not fields"}'),
        answer(b"\xff\xfe\xff"),
        answer(b'{"deployvirtualmachineresponse":{"errorcode":500,"errortext":"?"}}', "500 Internal Server Error"),
        b"nonsense\r\n\r\n",
    ],
)
def test_a_change_without_an_answer_is_sent_once_and_its_outcome_is_unknown(broken):
    with RawServer(broken) as server:
        with pytest.raises(UnknownOutcomeError, match="deployVirtualMachine"):
            client(server.endpoint).call("deployVirtualMachine", {"name": "m"})
        assert len(server.requests) == 1


def test_a_change_that_is_not_answered_in_time_has_an_unknown_outcome():
    with RawServer(b"") as server:
        server.answers = [server.hang]
        with pytest.raises(UnknownOutcomeError, match="in time"):
            client(server.endpoint, timeout_s=0.1).call("deployVirtualMachine")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "407 Proxy Authentication Required", "302 Found"]
)
def test_a_page_that_says_no_means_that_the_change_was_not_made(status):
    with RawServer(answer(PAGE, status, "text/html")) as server:
        with pytest.raises(CloudError, match="the URL of its API") as caught:
            client(server.endpoint).call("deployVirtualMachine")
        assert not isinstance(caught.value, UnknownOutcomeError)
        assert len(server.requests) == 1


def test_a_page_that_asks_who_we_are_is_about_the_keys():
    with RawServer(answer(PAGE, "401 Unauthorized", "text/html")) as server, pytest.raises(AuthenticationError):
        client(server.endpoint).call("deployVirtualMachine")


@pytest.mark.parametrize(
    "broken", [reset, hang_up, answer(PAGE, "503 Service Unavailable", "text/html"), answer(b'{"a', length=999)]
)
def test_a_question_is_asked_again(broken):
    with RawServer(broken, broken, fields(count=0)) as server:
        assert client(server.endpoint).call("listZones") == {"count": 0}


@pytest.mark.parametrize("broken", [reset, answer(PAGE, "200 OK", "text/html"), answer(b'{"a":')])
def test_a_question_that_is_never_answered_is_no_unknown_outcome(broken):
    with RawServer(broken) as server:
        with pytest.raises(CloudError) as caught:
            client(server.endpoint).call("listZones")
        assert not isinstance(caught.value, UnknownOutcomeError)


def test_a_change_that_was_turned_away_for_coming_too_soon_is_sent_again():
    with RawServer(answer(b"{}", "429 Too Many Requests"), fields(id="1")) as server:
        assert client(server.endpoint).call("createNetwork") == {"id": "1"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cloud_that_cannot_be_reached_was_sent_nothing(scheme):
    with RawServer(b"") as server:
        endpoint = server.endpoint.replace("http", scheme)
    with pytest.raises(CloudError, match="cannot reach CloudStack at") as caught:
        client(endpoint).call("deployVirtualMachine")
    assert not isinstance(caught.value, UnknownOutcomeError)


def test_a_server_that_does_not_speak_tls_was_sent_nothing():
    with RawServer(answer(b"{}")) as server:
        with pytest.raises(CloudError, match="no secure connection") as caught:
            client(server.endpoint.replace("http:", "https:"), retry=0).call("deployVirtualMachine")
        assert not isinstance(caught.value, UnknownOutcomeError)


def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 1000)
    with (
        RawServer(answer(b'{"a": "' + b"x" * 2000 + b'"}')) as server,
        pytest.raises(UnknownOutcomeError, match="longer"),
    ):
        client(server.endpoint).call("createNetwork")


@pytest.mark.parametrize(
    "broken",
    [
        reset,
        answer(PAGE, "502 Bad Gateway", "text/html"),
        answer(f'{{"r":{{"errorcode":431,"errortext":"value={PASSWORD} for {KEY}"}}}}'.encode(), "431 No"),
    ],
)
def test_no_secret_is_in_an_error_nor_in_its_trace(broken):
    with RawServer(broken) as server:
        with pytest.raises(CloudError) as caught:
            client(server.endpoint).call("resetPassword", {"password": PASSWORD}, secrets=[PASSWORD])
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.text
        for secret in (KEY, SECRET, PASSWORD, "signature="):
            assert secret not in shown


def test_no_secret_is_in_the_error_of_a_cloud_that_cannot_be_reached():
    with RawServer(b"") as server:
        endpoint = server.endpoint
    with pytest.raises(CloudError) as caught:
        client(endpoint, retry=1).call("listZones")
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert "signature" not in shown


def test_no_secret_is_in_the_log_of_a_call_that_is_repeated(caplog):
    caplog.set_level("DEBUG")
    with RawServer(reset) as server:
        endpoint = server.endpoint
        for used in (client(endpoint, retry=1), client(endpoint, retry=1, method="post")):
            with pytest.raises(CloudError):
                used.call("listZones", {"keyword": PASSWORD})
    with pytest.raises(CloudError):
        client(endpoint, retry=1).call("createNetwork", {"name": PASSWORD})
    assert "connecting to" in caplog.text
    for secret in (KEY, SECRET, PASSWORD, "signature="):
        assert secret not in caplog.text


def test_connections_are_kept():
    with RawServer(fields(count=0)) as server:
        used = client(server.endpoint)
        for _ in range(5):
            used.call("listZones")
        assert server.connections == 1


def test_a_short_call_is_a_query_and_a_long_one_a_form():
    with RawServer(fields(count=0)) as server:
        used = client(server.endpoint)
        used.call("deployVirtualMachine", {"userdata": "x" * 100})
        used.call("deployVirtualMachine", {"userdata": "x" * 5000})
        assert [request.split()[0] for request in server.requests] == [b"GET", b"POST"]
        assert b"x" * 5000 in server.requests[1]


@pytest.mark.parametrize("value", ["plain", "with space", "a~b", "%7E", "ü+&=*/~'()", "x" * 90 + "~ü&"])
def test_the_signature_of_any_value_is_accepted(value):
    with Simulator() as cloud:
        used = Client(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret))
        made = used.call("createNetwork", network_params(used, value))["network"]
        assert made["displaytext"] == value
        assert used.rows("listNetworks", "network", {"id": made["id"], "unknown": value * 20})[0]["id"] == made["id"]


def network_params(used: Client, text: str) -> dict[str, str]:
    offerings = used.rows("listNetworkOfferings", "networkoffering", {"state": "Enabled"})
    offering = next(row for row in offerings if row["name"] == "DefaultIsolatedNetworkOfferingWithSourceNatService")
    zone = used.rows("listZones", "zone")[0]
    return {"name": "n", "displaytext": text, "zoneid": zone["id"], "networkofferingid": offering["id"]}


def test_a_client_without_an_endpoint_says_how_to_give_it_one():
    with pytest.raises(ConfigError, match="CLOUDSTACK_ENDPOINT"):
        Client(Config())
