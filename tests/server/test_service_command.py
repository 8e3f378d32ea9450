"""`cfnlib serve` as a program: started, used with awscli, stopped, started again."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from service_world import HELD, QUICK

from cfnlib.cli import NO_CLOUD, WRONG, main
from cfnlib.errors import ConfigError
from cfnlib.server.settings import checked_public_url, load_secret, secret_place
from cfnlib.simulator import Simulator


def test_a_stack_outlives_the_service_that_made_it(started, tmp_path):
    program = started()
    template = tmp_path / "quick.json"
    template.write_text(QUICK)
    done = program.aws("create-stack", "--stack-name", "first", "--template-body", f"file://{template}")
    assert done.returncode == 0, done.stderr
    program.client().get_waiter("stack_create_complete").wait(StackName="first", WaiterConfig={"Delay": 0.2})
    program.client().create_stack(StackName="held", TemplateBody=HELD)
    assert program.stop() == 0
    assert "handing over" in program.rest
    again = started("--log-format", "json")
    assert again.keys == program.keys
    found = {one["StackName"]: one["StackStatus"] for one in again.client().describe_stacks()["Stacks"]}
    assert found == {"first": "CREATE_COMPLETE", "held": "CREATE_IN_PROGRESS"}
    done = again.aws("delete-stack", "--stack-name", "held")
    assert done.returncode == 0, done.stderr
    again.client().get_waiter("stack_delete_complete").wait(StackName="held", WaiterConfig={"Delay": 0.2})
    with urllib.request.urlopen(f"{again.url}/metrics") as answer:
        figures = answer.read().decode()
    assert 'cfnlib_operations_total{status="DELETE_COMPLETE"} 1.0' in figures
    assert "cfnlib_operations_running 0.0" in figures
    with urllib.request.urlopen(f"{again.url}/ready") as answer:
        assert answer.status == 200
    assert again.stop(signal.SIGINT) == 0
    lines = [json.loads(line) for line in again.rest.splitlines() if line.startswith("{")]
    asked = [line for line in lines if line.get("action") == "DescribeStacks"]
    assert {line["account"] for line in asked} == {"admin"}
    assert all(line["request_id"] for line in asked)
    for secret in program.keys.values():
        assert secret not in again.rest


def test_the_command_line_sees_what_the_service_made(started, tmp_path):
    program = started()
    program.client().create_stack(StackName="seen", TemplateBody=QUICK)
    program.client().get_waiter("stack_create_complete").wait(StackName="seen", WaiterConfig={"Delay": 0.2})
    command = [sys.executable, "-m", "cfnlib.cli", "list", "--json"]
    done = subprocess.run(command, env=program.environ, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert [one["name"] for one in json.loads(done.stdout)] == ["seen"]
    assert program.stop() == 0


def test_a_proxy_beside_it_reaches_it_by_a_socket_in_the_file_system(started, tmp_path):
    place = tmp_path / "cfnlib.socket"
    public = "https://stacks.example.org"
    program = started(
        "--unix-socket", str(place), "--public-url", public, "--operators", "loopback", "--connections", "20"
    )
    assert program.url == f"unix:{place}"
    assert public in program.said
    for path, status in (("/health", b"200"), ("/ready", b"200"), ("/?Action=ListStacks", b"403")):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(place))
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: stacks.example.org\r\nConnection: close\r\n\r\n".encode())
            assert one.recv(65536).split()[1] == status
    assert program.stop() == 0
    assert not place.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--host", "0.0.0.0"], "--public-url"),
        (["--unix-socket", "/nowhere/socket"], "--public-url"),
        (["--connections", "0"], "--connections"),
    ],
)
def test_options_that_need_more_say_so(options, named, capsys):
    assert main(["serve", *options]) == WRONG
    assert named in capsys.readouterr().err


def test_a_cloud_that_cannot_be_used_is_said_with_what_to_check(monkeypatch, tmp_path, capsys):
    for name, value in {"KEY": "k", "SECRET": "s", "ENDPOINT": "http://127.0.0.1:1/client/api"}.items():
        monkeypatch.setenv(f"CLOUDSTACK_{name}", value)
    store = f"sqlite:///{tmp_path / 'stacks.db'}"
    assert main(["serve", "--port", "0", "--state", store]) == NO_CLOUD
    assert "the cloud at http://127.0.0.1:1/client/api cannot be used" in capsys.readouterr().err
    with Simulator() as simulator:
        monkeypatch.setenv("CLOUDSTACK_ENDPOINT", simulator.endpoint)
        assert main(["serve", "--port", "0", "--state", store]) == NO_CLOUD
    assert "refuses the configured keys: check CLOUDSTACK_KEY" in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_way_out(monkeypatch, capsys):
    monkeypatch.setattr("cfnlib.cli.serve.find_spec", lambda name: None if name == "waitress" else object())
    assert main(["serve"]) == NO_CLOUD
    assert "the service needs waitress; install with: pip install 'cfnlib[service]'" in capsys.readouterr().err


def test_a_secret_is_made_once_and_its_owners_alone(tmp_path):
    path = tmp_path / "deep" / "service.secret"
    first = load_secret(path)
    assert load_secret(path) == first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["service.secret"]
    path.write_text("short")
    with pytest.raises(ConfigError, match="at least 32 bytes"):
        load_secret(path)


def test_the_secret_is_beside_a_store_that_is_a_file(tmp_path):
    assert secret_place(f"sqlite:///{tmp_path}/stacks.db") == tmp_path / "service.secret"
    assert secret_place("mysql+pymysql://user@host/stacks").name == "service.secret"


@pytest.mark.parametrize("url", ["stacks.example.org", "ftp://x", "http://", "http://x/?a=b", "http://x/#y"])
def test_a_public_url_is_one_that_clients_can_call(url):
    with pytest.raises(ConfigError, match="--public-url"):
        checked_public_url(url)
    assert checked_public_url("https://stacks.example.org/") == "https://stacks.example.org"
