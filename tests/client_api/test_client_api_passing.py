"""What is no command of ours goes to the management server and comes back as it is."""

from __future__ import annotations

import json
import re
import socket
import threading
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from client_api_calls import PATH, sent, signed
from hypothesis import given
from hypothesis import strategies as st
from service_world import Place

from cfnlib.drivers.cloudstack.transport import TransportError
from cfnlib.identity.request import SignedRequest
from cfnlib.server.client_api_upstream import QueryError, Upstream, clean_query
from cfnlib.simulator.api import commands
from cfnlib.simulator.signature import sign

OURS = {
    "createStack": True,
    "updateStack": True,
    "deleteStack": True,
    "listStacks": False,
    "listStackEvents": False,
    "listStackResources": False,
    "validateTemplate": False,
}
QUESTIONS = sorted(name for name in commands() if name.startswith(("list", "query", "get")) and name != "listApis")
"""Commands that may be asked twice with the same answer; `listApis` has ours added."""

texts = st.text(st.characters(codec="utf-8"), max_size=30)
names = st.one_of(
    st.sampled_from(["id", "name", "keyword", "page", "pagesize", "listall", "details[0].key", "tags[0].value"]),
    st.text("abcXYZ019[].~ -_", min_size=1, max_size=12),
).filter(lambda name: name.lower() not in {"command", "apikey", "signature", "signatureversion", "expires"})


@given(
    command=st.one_of(st.sampled_from(QUESTIONS), st.text("abcdefXYZ", min_size=1, max_size=20)),
    parameters=st.dictionaries(names, texts, max_size=6),
    response=st.sampled_from(["json", "xml", "JSON", ""]),
    method=st.sampled_from(["GET", "POST", "both"]),
)
def test_any_question_is_answered_as_by_the_management_server(place, command, parameters, response, method):
    person = place.people["admin"]
    said = {"command": command, "apiKey": person.key, "response": response, **parameters}
    pairs = {**said, "signature": sign(said, person.secret)}
    query, form = urlencode(pairs), ""
    if method == "POST":
        query, form = "", query
    elif method == "both":
        query, form = urlencode(dict(list(pairs.items())[:2])), urlencode(dict(list(pairs.items())[2:]))
    options = {}
    if method != "GET":
        kind = "application/x-www-form-urlencoded; charset=UTF-8"
        options = {"method": "POST", "body": form.encode(), "headers": {"Content-Type": kind}}
    here = sent(place.public_url, query, **options)
    there = sent(place.simulator.endpoint, query, **options)
    assert (here.status, here.body) == (there.status, there.body)
    assert here.header("Content-Type") == there.header("Content-Type")


def test_a_change_goes_through_and_its_job_is_the_clouds_own(place, client):
    made = client.createAffinityGroup(name="beside", type="host anti-affinity")
    assert client.queryAsyncJobResult(jobid=made["jobid"])["jobinstancetype"] == "AffinityGroup"
    assert client.listAsyncJobs() == place.cloud.listAsyncJobs()
    [there] = place.cloud.listAffinityGroups(name="beside")["affinitygroup"]
    client.deleteAffinityGroup(id=there["id"], fetch_result=True)
    assert place.cloud.listAffinityGroups(name="beside") == {}


def test_a_wrong_signature_is_the_management_servers_to_refuse(place):
    query = signed(place.people["admin"], "listZones").replace("signature=", "signature=x")
    here, there = sent(place.public_url, query), sent(place.simulator.endpoint, query)
    assert (here.status, here.body) == (there.status, there.body) == (401, there.body)


def test_all_commands_are_listed_with_ours_among_them(place, client):
    theirs = place.cloud.listApis()
    found = client.listApis()
    assert found["count"] == theirs["count"] + 7 == len(found["api"])
    assert found["api"][: theirs["count"]] == theirs["api"]
    ours = {one["name"]: one for one in found["api"][theirs["count"] :]}
    assert {name: one["isasync"] for name, one in ours.items()} == OURS
    for one in ours.values():
        assert {"name", "description", "isasync", "related", "params", "response"} <= set(one)
        for param in one["params"]:
            assert {"name", "description", "type", "length", "required"} <= set(param)
            assert param["type"] in {"string", "uuid", "integer", "boolean", "list", "map"}
        assert all({"name", "description", "type"} <= set(field) for field in one["response"])
    [name] = [one for one in ours["createStack"]["params"] if one["required"]]
    assert name["name"] == "name"


def test_all_commands_are_listed_in_xml_too(place):
    person = place.people["admin"]
    here, there = (
        ET.fromstring(sent(url, signed(person, "listApis", response="xml")).body)
        for url in (place.public_url, place.simulator.endpoint)
    )
    assert int(here.findtext("count")) == int(there.findtext("count")) + 7 == len(here.findall("api"))
    added = [one.findtext("name") for one in here.findall("api")][len(there.findall("api")) :]
    assert added == list(OURS)
    create = next(one for one in here.findall("api") if one.findtext("name") == "createStack")
    assert create.findtext("isasync") == "true"
    required = {one.findtext("name"): one.findtext("required") for one in create.findall("params")}
    assert (required["name"], required["templatebody"]) == ("true", "false")


@pytest.mark.parametrize("name", OURS)
def test_one_of_our_commands_is_described_by_its_name(place, client, name):
    [whole] = [one for one in client.listApis()["api"] if one["name"] == name]
    assert client.listApis(name=name) == {"count": 1, "api": [whole]}
    xml = ET.fromstring(
        sent(place.public_url, signed(place.people["admin"], "listApis", name=name, response="xml")).body
    )
    assert xml.findtext("api/name") == name


def test_one_of_the_clouds_commands_is_described_as_the_cloud_does(place, client):
    assert client.listApis(name="listZones") == place.cloud.listApis(name="listZones")
    assert client.listApis(name="noSuchCommand") == place.cloud.listApis(name="noSuchCommand")


def test_a_cloud_that_cannot_be_reached_is_told_in_cloudstacks_form(tmp_path):
    place = Place(tmp_path)
    try:
        query = signed(place.people["admin"], "listZones")
        place.simulator.stop()
        found = sent(place.public_url, query)
        assert found.status == 530
        said = json.loads(found.body)["listzonesresponse"]
        assert (said["errorcode"], said["cserrorcode"]) == (530, 9999)
        assert "cannot be reached" in said["errortext"]
        assert "nothing was done" in said["errortext"]
        assert place.people["admin"].key not in said["errortext"]
        xml = ET.fromstring(sent(place.public_url, query.replace("response=json", "response=xml")).body)
        assert (xml.tag, xml.findtext("errorcode")) == ("listzonesresponse", "530")
    finally:
        place.close_service()


def test_other_methods_and_other_paths_go_nowhere(place):
    before = place.simulator.requests.total()
    assert sent(place.public_url, method="DELETE").status == 405
    assert sent(place.public_url, method="PUT", body=b"x").status == 405
    assert sent(place.public_url + "/client/console").status in {403, 404}  # it would be a bucket
    assert sent(place.public_url, "command=listZones&x=100%").status == 400
    assert place.simulator.requests.total() == before


# What goes over the wire


class Recorder:
    """A server that keeps what it is sent and answers what it is told, after it has `closed` some connections."""

    def __init__(self, answer: bytes, closed: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/client/api"
        self._answer = answer
        self._closed = closed
        self.came = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        for _ in range(self._closed):
            connection, _ = self._socket.accept()
            connection.recv(1)
            connection.close()
        connection, _ = self._socket.accept()
        with connection:
            while b"\r\n\r\n" not in self.came:
                self.came += connection.recv(65536)
            head, _, body = self.came.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(body) < int(length[1]):
                body += connection.recv(65536)
            self.came = head + b"\r\n\r\n" + body
            connection.sendall(self._answer)

    def request(self) -> tuple[str, dict[str, str], bytes]:
        """The first line, the headers by lower-case name, and the body."""
        self._thread.join(10)
        head, _, body = self.came.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        return first, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body

    def close(self) -> None:
        """Stop listening."""
        self._thread.join(10)
        self._socket.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def passed_by(place, answer, request, **options):
    """What a server that answers so was sent, and what is given back."""
    recorder = Recorder(answer)
    upstream = Upstream(evolve(place.config, headers={"X-Own": "yes"}), lambda: recorder.url)
    try:
        found = upstream.send(request, "192.0.2.7", **options)
    finally:
        upstream.close()
        recorder.close()
    return recorder.request(), found


def test_headers_that_say_where_a_request_came_from_are_written_anew(place):
    headers = (
        ("host", "service.example.org"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("client-ip", "10.0.0.1"),
        ("connection", "keep-alive, x-secret"),
        ("x-secret", "1"),
        ("transfer-encoding", "chunked"),
        ("authorization", "Basic xyz"),
        ("cookie", "JSESSIONID=a"),
        ("cookie", "sessionkey=b"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "tool/1"),
    )
    request = SignedRequest("POST", "/client/api", "command=listZones", headers, b"a=b")
    (first, came, body), found = passed_by(place, OK, request)
    assert first == "POST /client/api?command=listZones HTTP/1.1"
    assert body == b"a=b"
    assert came.pop("host").startswith("127.0.0.1:")
    assert came == {
        "accept-encoding": "identity",
        "content-length": "3",
        "content-type": "application/x-www-form-urlencoded",
        "cookie": "JSESSIONID=a; sessionkey=b",
        "user-agent": "tool/1",
        "x-forwarded-for": "192.0.2.7",
        "x-own": "yes",
    }
    assert found.body == b"ok"


def test_cookies_and_the_body_as_it_is_come_back_without_what_is_of_one_connection(place):
    answer = (
        b"HTTP/1.1 401 Nope\r\nSet-Cookie: JSESSIONID=1; Path=/client; HttpOnly\r\nSet-Cookie: sessionkey=2\r\n"
        b"Content-Encoding: gzip\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"X-Description: it is so\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\x1f\x8b\x00\r\n0\r\n\r\n"
    )
    request = SignedRequest("GET", "/client/api", "", (("accept-encoding", "gzip"),), b"")
    (_, came, _), found = passed_by(place, answer, request)
    assert came["accept-encoding"] == "gzip"
    assert (found.status, found.body) == (401, b"\x1f\x8b\x00")
    assert found.headers == [
        ("Set-Cookie", "JSESSIONID=1; Path=/client; HttpOnly"),
        ("Set-Cookie", "sessionkey=2"),
        ("Content-Encoding", "gzip"),
        ("X-Description", "it is so"),
    ]


def test_a_redirection_is_given_back_and_not_followed(place):
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n"
    _, found = passed_by(place, answer, SignedRequest("GET", "/client/api", "", (), b""))
    assert (found.status, found.header("location")) == (302, "http://192.0.2.9/")


def test_an_answer_that_breaks_off_is_no_answer(place):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    request = SignedRequest("GET", "/client/api", "command=deployVirtualMachine&signature=secret", (), b"")
    with pytest.raises(TransportError) as broken:
        passed_by(place, answer, request)
    assert broken.value.sent
    assert "secret" not in str(broken.value)


def test_an_answer_without_end_is_cut_off(place, monkeypatch):
    monkeypatch.setattr("cfnlib.server.client_api_upstream.MAX_ANSWER_BYTES", 1 << 20)
    answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (1 << 20) + b"x"
    with pytest.raises(TransportError, match="longer than 1 MiB"):
        passed_by(place, answer, SignedRequest("GET", "/client/api", "", (), b""))


def test_a_question_is_asked_again_on_a_connection_that_was_closed_and_a_change_is_not(place):
    recorder = Recorder(OK, closed=2)
    upstream = Upstream(place.config, lambda: recorder.url)
    change = SignedRequest("GET", PATH, "command=deployVirtualMachine", (), b"")
    with pytest.raises(TransportError) as closed:
        upstream.send(change, None)
    assert closed.value.sent
    question = SignedRequest("GET", PATH, "command=listZones", (), b"")
    assert upstream.send(question, None, question=True).body == b"ok"
    assert recorder.request()[0] == "GET /client/api?command=listZones HTTP/1.1"
    upstream.close()
    recorder.close()


@given(st.dictionaries(texts.filter(bool), texts, max_size=5))
def test_a_query_means_the_same_when_it_has_been_cleaned(said):
    raw = urlencode(said)
    assert clean_query(raw) == raw
    unquoted = "&".join(f"{name}={value}" for name, value in said.items()).replace("%", "%25").replace("#", "%23")
    cleaned = clean_query(unquoted.encode().decode("latin-1"))
    assert cleaned.isascii()
    assert not set(cleaned) & set(' "<>\\^`{|}#')
    assert parse_qs(cleaned, keep_blank_values=True) == parse_qs(unquoted, keep_blank_values=True)


@pytest.mark.parametrize("raw", ["a=%", "a=%2", "%zz=1", "a=100%&b=%41"])
def test_a_query_with_a_broken_percent_sign_is_none(raw):
    with pytest.raises(QueryError):
        clean_query(raw)


def test_the_cloud_is_looked_for_again_when_it_has_moved(place):
    person = place.people["admin"]
    gone = socket.create_server(("127.0.0.1", 0))
    places = [f"http://127.0.0.1:{gone.getsockname()[1]}{PATH}", place.simulator.endpoint]
    gone.close()
    upstream = Upstream(place.config, lambda: places.pop(0))
    request = SignedRequest("GET", PATH, signed(person, "listZones"), (), b"")
    assert upstream.send(request, None).status == 200
    assert upstream.send(request, None).status == 200
    assert places == []
    upstream.close()
