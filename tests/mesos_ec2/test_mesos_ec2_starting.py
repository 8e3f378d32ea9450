"""What the runner starts and writes for a script, and what it finds: the EC2 API, boto's configuration, a Python."""

from __future__ import annotations

import configparser
import os
import shutil
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from socket import create_connection, create_server

import pytest
from ec2_bridges import ec2_bridges
from mesos_clusters import RUNNER, Cluster, checkout, clean_environment
from python27 import interpreter
from runner_probe import Probe

from cfnlib.config import Config
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.simulator import Simulator

NO_PATH = "/nonexistent"


@pytest.fixture
def probe(tmp_path):
    found = Probe(tmp_path)
    yield found
    found.kill_servers()


@pytest.fixture(scope="module")
def world():
    with ec2_bridges() as found:
        yield found


def configuration(told):
    parser = configparser.RawConfigParser()
    parser.read_string(told["configuration"])
    return {name: dict(parser[name]) for name in parser.sections()}


def keys(world):
    return {"AWS_ACCESS_KEY_ID": world.user.key, "AWS_SECRET_ACCESS_KEY": world.user.secret}


# The EC2 API


def test_without_any_configuration_an_embedded_cloud_is_used_and_lasts(tmp_path):
    home, scripts = tmp_path / "home", checkout(tmp_path)
    environment = clean_environment(home, AWS_ACCESS_KEY_ID="another-cloud's", AWS_SECRET_ACCESS_KEY="secret")

    def run(*words):
        command = [sys.executable, str(RUNNER), "--trust", "--scripts", str(scripts), "--python", sys.executable]
        command += ["-w", "0", "-t", "m1.small", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    done = run("-s", "2", "launch", "demo")
    assert done.returncode == 0, done.stderr
    done = run("get-master", "demo")
    assert (done.returncode, done.stdout.count(".")) == (0, 3), done.stderr
    assert list((home / "tmp").iterdir()) == []
    assert sorted(path.name for path in home.iterdir()) == [".local", "tmp"]
    folder = home / ".local" / "state" / "cfnlib" / "embedded"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("by", ["variables", "profile"])
def test_a_configured_cloud_is_used_with_its_keys(by, tmp_path):
    with Simulator() as simulator:
        user = simulator.user
        texts = {"endpoint": simulator.endpoint, "key": user.key, "secret": user.secret}
        home = tmp_path / "home"
        environment, words = clean_environment(home), []
        if by == "variables":
            environment |= {f"CLOUDSTACK_{name.upper()}": text for name, text in texts.items()}
        else:
            lines = [f"{name} = {text}" for name, text in texts.items()]
            (home / ".cloudstack.ini").write_text("\n".join(["[lab]", *lines]))
            words = ["--profile", "lab"]
        environment |= {"CFNLIB_ZONE": "Sandbox"}
        command = [sys.executable, str(RUNNER), "--trust", "--scripts", str(checkout(tmp_path)), *words]
        command += ["--python", sys.executable, "-w", "0", "-t", "m1.small", "launch", "demo"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        machines = [row for row in simulator_rows(simulator) if row["state"] == "Running"]
        assert len(machines) == 2
        assert not (home / ".local").exists()


def simulator_rows(simulator):
    client = Client(Config(endpoint=simulator.endpoint, key=simulator.user.key, secret=simulator.user.secret))
    return client.rows("listVirtualMachines", "virtualmachine", {})


@pytest.mark.parametrize("by", ["option", "variable", "file"])
def test_a_bridge_that_runs_already_is_used_and_none_is_started(world, probe, by):
    words, more = (), keys(world) | {"CLOUDSTACK_KEY": world.user.key, "CLOUDSTACK_SECRET": world.user.secret}
    if by == "option":
        words = ("--bridge", world.urls[0])
    elif by == "variable":
        more["CFNLIB_EC2_URL"] = world.urls[0]
    else:
        (probe.home / ".cfnlib.yaml").write_text(f"ec2_url: {world.urls[0]}\n")
    done = probe.run(*words, **more)
    assert done.returncode == 0, done.stderr
    told = probe.told("start")
    assert configuration(told)["Credentials"] == {"s3_port": world.urls[0].rpartition(":")[2]}
    assert told["files"] == {"boto.cfg": 0o600}
    assert probe.nothing_left()


def test_keys_for_a_running_bridge_are_asked_for(world, probe):
    for more in ({"CFNLIB_EC2_URL": world.urls[0]}, {}):
        done = probe.run(*([] if more else ["--bridge", world.urls[0]]), **more)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in done.stderr


def test_a_bridge_that_does_not_answer_is_told_at_once(world, probe):
    with create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = probe.run("--bridge", url, **keys(world))
    assert (done.returncode, f"nothing answers at {url}" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("variables", "words", "said"),
    [
        ({"CLOUDSTACK_KEY": "x"}, (), "CLOUDSTACK_KEY is set, but CLOUDSTACK_ENDPOINT is not"),
        ({}, ("--profile", "lab"), "the profile 'lab' is asked for"),
        ({"CLOUDSTACK_ENDPOINT": "nowhere"}, (), "CLOUDSTACK_ENDPOINT must be the URL of the API"),
        ({"XDG_STATE_HOME": "/proc/none"}, (), "the EC2 API could not be started"),
    ],
)
def test_a_wrong_configuration_is_told(probe, variables, words, said):
    done = probe.run(*words, **variables)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert probe.nothing_left()


# What the script sees


def test_secrets_are_for_the_user_alone(probe):
    assert probe.run().returncode == 0
    told = probe.told("start")
    assert told["mode"] == 0o700
    assert told["files"]["boto.cfg"] == told["files"]["bridge.log"] == 0o600
    assert told["environment"]["AWS_SECRET_ACCESS_KEY"] not in told["configuration"]
    assert probe.nothing_left()


OWN = """\
[Credentials]
aws_access_key_id = AKIDOFAWS
aws_secret_access_key = secret-of-aws
[Boto]
num_retries = 2
http_socket_timeout = 33
proxy = proxy.example.org
proxy_port = 3128
ec2_region_endpoint = ec2.eu-west-1.amazonaws.com
"""


@pytest.mark.parametrize("name", [".boto", "elsewhere.cfg"])
def test_the_users_own_configuration_of_boto_is_heeded_and_stays_as_it_is(world, probe, name):
    path = probe.home / name
    path.write_text(OWN)
    more = {} if name == ".boto" else {"BOTO_CONFIG": str(path)}
    (probe.home / ".aws").mkdir()
    (probe.home / ".aws" / "credentials").write_text("[default]\naws_security_token = token-of-aws\n")
    assert probe.run("--bridge", world.urls[0], "--x", "y", **keys(world), **more).returncode == 0
    told = probe.told("start")
    assert configuration(told)["Boto"] == {
        "num_retries": "2",
        "http_socket_timeout": "33",
        "ec2_region_name": "cloudstack",
        "ec2_region_endpoint": "127.0.0.1",
        "is_secure": "False",
    }
    assert "AKIDOFAWS" not in told["configuration"]
    assert (told["environment"]["AWS_ACCESS_KEY_ID"], told["arguments"]) == (world.user.key, ["--x", "y"])
    assert told["token"] == ""
    assert path.read_text() == OWN


def test_neither_a_proxy_nor_a_token_of_another_cloud_comes_between(world, tmp_path):
    cluster = Cluster(world, sys.executable, tmp_path)
    aws = tmp_path / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "credentials").write_text("[default]\naws_security_token = token-of-aws\n")
    more = {"http_proxy": "http://127.0.0.1:1", "no_proxy": "example.org", "AWS_SECURITY_TOKEN": "old"}
    done = cluster.run("get-master", "x", **more)
    assert (done.returncode, "Could not find any existing cluster" in done.stderr) == (1, True), done.stderr


def test_a_broken_configuration_of_boto_is_told_without_what_stands_there(world, probe):
    (probe.home / ".boto").write_text("aws_secret_access_key = secret-of-aws\n")
    done = probe.run("--bridge", world.urls[0], **keys(world))
    assert (done.returncode, ".boto is no configuration of boto" in done.stderr) == (2, True)
    assert "secret-of-aws" not in done.stderr


@pytest.mark.parametrize("words", [("-i", "my.pem"), ("-imy.pem",), ("--identity-file", "my.pem")])
def test_a_key_file_beside_the_user_is_found(world, probe, words):
    (probe.home / "my.pem").touch()
    assert probe.run("--bridge", world.urls[0], *words, **keys(world)).returncode == 0
    assert probe.told("start")["arguments"][-1].removeprefix("-i") == str(probe.home / "my.pem")


def test_a_key_file_may_be_joined_to_its_option(world, probe):
    (probe.home / "my.pem").touch()
    probe.run("--bridge", world.urls[0], "--identity-file=my.pem", "-i", "none.pem", **keys(world))
    assert probe.told("start")["arguments"] == [f"--identity-file={probe.home}/my.pem", "-i", "none.pem"]


# What is needed


def bare(tmp_path, *packages):
    """This Python with nothing but these packages installed."""
    place = tmp_path / "packages"
    place.mkdir()
    for name in packages:
        found = Path(find_spec(name).origin)
        found = found.parent if found.name == "__init__.py" else found
        (place / found.name).symlink_to(found)
    return (sys.executable, "-S"), {"PYTHONPATH": str(place), "PYENV_ROOT": NO_PATH, "PATH": NO_PATH}


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ((), "boto 2.49.0 is missing: python3 -m pip install 'cfnlib[mesos-ec2]'"),
        (("boto",), "fissix is missing, which translates Python 2: python3 -m pip install 'cfnlib[mesos-ec2]'"),
        (("boto", "fissix"), "six is missing: python3 -m pip install 'cfnlib[mesos-ec2]'"),
        (("boto", "fissix", "six", "appdirs"), "python3 -m pip install 'cfnlib[service,mesos-ec2]'"),
    ],
)
def test_what_is_missing_is_told_with_what_installs_it(probe, tmp_path, packages, said):
    python, more = bare(tmp_path, *packages)
    done = probe.run(python=python, **more)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert probe.nothing_left()


def test_beside_a_running_bridge_boto_and_what_translates_are_enough(world, probe, tmp_path):
    python, more = bare(tmp_path, "boto", "fissix", "six", "appdirs")
    done = probe.run("--bridge", world.urls[0], python=python, **more, **keys(world))
    assert done.returncode == 0, done.stderr
    assert probe.told("start")["boto"] == "2.49.0"


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.10"])
def test_the_runner_itself_says_which_python_it_needs(version):
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [*root.glob(f"versions/{version}.*/bin/python"), *filter(None, [shutil.which(f"python{version}")])]
    if not found:
        pytest.skip(f"there is no Python {version}")
    done = subprocess.run([str(found[0]), str(RUNNER)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"mesos-ec2: this is Python {version}; start it with Python 3.11 or newer\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say where the checkout is: --scripts"),
        (("--scripts", "none"), "there is no folder none"),
        (("--scripts", "."), "holds no mesos_ec2.py or spark_ec2.py; name the script with --script"),
        (("--script", "none.py"), "there is no file none.py"),
        (("--script", "binary.py"), "is no text in UTF-8 (byte 0)"),
    ],
)
def test_a_missing_checkout_is_told(tmp_path, words, said):
    (tmp_path / "binary.py").write_bytes(b"\xff\xfeimport boto")
    done = subprocess.run(
        [sys.executable, str(RUNNER), *words, "launch", "x"],
        env=clean_environment(tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.startswith("mesos-ec2: "), said in done.stderr) == (2, True, True)


# The interpreter


@pytest.mark.parametrize("by", ["path", "pyenv"])
def test_a_2_7_is_found_and_preferred(world, probe, tmp_path, by):
    python, why = interpreter()
    if python is None:
        pytest.skip(why)
    folder = tmp_path / ("bin" if by == "path" else "pyenv/versions/2.7.18/bin")
    folder.mkdir(parents=True)
    (folder / "python2.7").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (folder / "python2.7").chmod(0o755)
    more = {"PATH": str(folder) if by == "path" else NO_PATH, "PYENV_ROOT": str(tmp_path / "pyenv")}
    done = probe.run("--bridge", world.urls[0], **keys(world), **more)
    assert done.returncode == 0, done.stderr
    assert probe.told("start")["version"] == [2, 7]


def test_without_a_2_7_this_python_translates(world, probe, tmp_path):
    (tmp_path / "python2.7").write_text("#!/bin/sh\necho 'pyenv: python2.7: command not found'; exit 127\n")
    (tmp_path / "python2.7").chmod(0o755)
    more = {"PATH": f"{tmp_path}:/bin", "PYENV_ROOT": NO_PATH}
    assert probe.run("--bridge", world.urls[0], **keys(world), **more).returncode == 0
    assert probe.told("start")["version"] == list(sys.version_info[:2])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("echo 3.10", "is a Python 3.10; it takes a 2.7, or 3.11 and newer"),
        ("exit 1", "is no Python that can be run"),
    ],
)
def test_an_interpreter_that_does_not_do_is_refused(probe, tmp_path, answer, said):
    (tmp_path / "python").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "python").chmod(0o755)
    done = probe.run("--python", str(tmp_path / "python"))
    assert (done.returncode, said in done.stderr) == (2, True)
    assert "is no Python that can be run" in probe.run("--python", str(tmp_path / "none")).stderr


# https


@contextmanager
def encrypted(url, certificate):
    """The port of a server that passes on to a bridge what comes over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    host, port = url.removeprefix("http://").split(":")

    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()

    def serve(server):
        while True:
            try:
                near = context.wrap_socket(server.accept()[0], server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            far = create_connection((host, int(port)))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    with create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="boto 2 has no TLS on Python 3.12 and newer")
def test_over_https_the_bundle_of_certificates_is_trusted(world, tmp_path):
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    bundle = tmp_path / "both.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-keyout", str(bundle), "-out", str(tmp_path / "c.pem")]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    bundle.write_text(bundle.read_text() + (tmp_path / "c.pem").read_text())
    cluster = Cluster(world, sys.executable, tmp_path)
    with encrypted(world.urls[0], bundle) as port:
        words = ("--bridge", f"https://localhost:{port}", "--ca-file", str(tmp_path / "c.pem"), "get-master", "x")
        done = cluster.run(*words)
        assert (done.returncode, "Could not find any existing cluster" in done.stderr) == (1, True), done.stderr
    done = cluster.run("--ca-file", "none.pem", "get-master", "x")
    assert (done.returncode, "--ca-file: there is no file" in done.stderr) == (2, True)
