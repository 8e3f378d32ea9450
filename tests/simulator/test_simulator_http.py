"""What the HTTP server itself does: long requests, forms, several requests at once, wrong ones."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlencode

import pytest

from cfnlib.simulator import door


@pytest.fixture
def line(cloud):
    connection = cloud.admin.connection
    with socket.create_connection((connection.host, connection.port), timeout=5) as line:
        yield line


def head(line):
    return line.recv(65536).split(b"\r\n", 1)[0].decode()


def test_a_url_longer_than_the_server_takes_is_refused(cloud):
    ids = ",".join(["00000000-0000-0000-0000-000000000000"] * 300)
    status, _ = cloud.admin.raw(cloud.admin.signed("listVirtualMachines", ids=ids))
    assert status == 414


def test_a_long_request_can_be_posted(cloud):
    network = cloud.network()
    made = [cloud.deploy(networkids=network)["id"] for _ in range(3)]
    signed = cloud.admin.signed("listVirtualMachines", ids=",".join(made * 100), page=1, pagesize=500)
    connection = cloud.admin.connection
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/client/api", body=urlencode(signed), headers=headers)
    answer = json.load(connection.getresponse())["listvirtualmachinesresponse"]
    assert {one["id"] for one in answer["virtualmachine"]} == set(made)


def test_parameters_may_stand_in_both_query_and_form(cloud):
    signed = cloud.admin.signed("listZones", name="Sandbox")
    form = {name: signed.pop(name) for name in ("name", "signature")}
    connection = cloud.admin.connection
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/client/api?" + urlencode(signed), body=urlencode(form), headers=headers)
    assert json.load(connection.getresponse())["listzonesresponse"]["count"] == 1


def test_requests_sent_at_once_are_answered_in_turn(cloud, line):
    signed = [cloud.admin.signed("listZones", name=name) for name in ("Sandbox", "SandboxSG")]
    targets = [f"/client/api?{urlencode(parameters)}" for parameters in signed]
    line.sendall("".join(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets).encode())
    answers = []
    with line.makefile("rb") as file:
        for _ in targets:
            length = 0
            while (text := file.readline()) != b"\r\n":
                if text.startswith(b"Content-Length:"):
                    length = int(text.split(b":")[1])
            answers.append(json.loads(file.read(length))["listzonesresponse"]["zone"][0]["name"])
    assert answers == ["Sandbox", "SandboxSG"]


def test_a_request_that_comes_in_pieces_is_put_together(cloud, line):
    form = urlencode(cloud.admin.signed("listZones")).encode()
    request = b"POST /client/api HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    request += b"Content-Length: %d\r\n\r\n" % len(form) + form
    for at in range(0, len(request), 7):
        line.sendall(request[at : at + 7])
    assert head(line) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /client/api HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /client/api HTTP/1.1\r\n\r\n", 405),
        (b"POST /client/api HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /client/api HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /client/api HTTP/1.1\r\nA: " + b"b" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_a_wrong_request_is_refused(line, request_, status):
    line.sendall(request_)
    assert head(line).split(" ")[1] == str(status)


def test_a_client_of_http_1_0_is_not_kept(cloud, line):
    line.sendall(f"GET /client/api?{urlencode(cloud.admin.signed('listZones'))} HTTP/1.0\r\n\r\n".encode())
    answer = http.client.HTTPResponse(line)
    answer.begin()
    assert answer.getheader("Connection") == "close"
    answer.read()
    assert line.recv(1) == b""


def test_an_idle_connection_is_closed(monkeypatch):
    from cfnlib.simulator import Simulator  # noqa: PLC0415 (after the sweep was made quicker)

    monkeypatch.setattr(door, "IDLE_S", 0.05)
    monkeypatch.setattr(door, "SWEEP_S", 0.01)
    with Simulator() as simulator:
        port = int(simulator.endpoint.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            assert line.recv(1) == b""
