"""The user data of machines whose launcher gave none, run on what stands for a machine's files."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ec2_bridges import ec2_bridges, launched

from compat.ec2.boot import NAMES

OWN = "10.1.1.1 instance-data.ec2.internal instance-data # kept by ec2-names\n"
HOSTS = "127.0.0.1 localhost\n127.0.1.1 VM-1\n"
SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


class Machine:
    """The script with every path below a folder, a hosts file, and a name server that knows what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("etc", "bin", "var/lib/cloud/scripts/per-boot", "var/lib/dhcp", "run/systemd/netif/leases"):
            (folder / part).mkdir(parents=True)
        self.hosts = folder / "etc" / "hosts"
        self.hosts.write_text(HOSTS)
        text = NAMES.decode()
        for place in (" /etc/", "=/var/lib/", " /var/lib/", " /run/"):
            text = text.replace(place, f"{place[0]}{folder}{place[1:]}")
        assert not re.search(r"[^\w](/etc|/var|/run)/", text.replace(str(folder), "folder")), text
        self.script = folder / "part-001"
        self.script.write_text(text)
        self.kept = folder / "var/lib/cloud/scripts/per-boot/ec2-names"

    def knows(self, address: str | None) -> None:
        """What the name server says of data-server."""
        program = self.folder / "bin" / "getent"
        answer = (
            "exit 2" if address is None else f'[ "$*" = "hosts data-server" ] && echo "{address}  data-server.cs"'
        )
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)

    def boot(self, shell: str = "dash", script: Path | None = None):
        """Run the script as cloud-init does."""
        command = [shell, "sh"] if shell == "busybox" else [shell]
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        command.append(str(script or self.script))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "machine")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_names_lead_to_the_router(machine, shell):
    machine.knows("10.1.1.1")
    assert machine.boot(shell) == ""
    assert machine.hosts.read_text() == HOSTS + OWN


def test_a_later_start_changes_nothing_or_follows_the_router(machine):
    machine.knows("10.1.1.1")
    machine.boot()
    machine.boot(script=machine.kept)
    assert machine.hosts.read_text() == HOSTS + OWN
    machine.knows("10.1.1.77")
    machine.boot(script=machine.kept)
    assert machine.hosts.read_text() == HOSTS + OWN.replace("10.1.1.1 ", "10.1.1.77 ")
    machine.hosts.write_text(HOSTS)  # as cloud-init's manage_etc_hosts does at each start
    machine.boot(script=machine.kept)
    assert "10.1.1.77 instance-data.ec2.internal" in machine.hosts.read_text()
    assert machine.kept.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("run/systemd/netif/leases/2", "ADDRESS=10.1.1.50\nSERVER_ADDRESS=10.1.1.1\nROUTER=10.1.1.9\n"),
        ("var/lib/dhcp/dhclient.eth0.leases", "lease {\n  option dhcp-server-identifier 10.1.1.1;\n}\n"),
        ("var/lib/dhclient/dhclient--eth0.lease", "  option dhcp-server-identifier 10.9.9.9;\n" * 2),
    ],
)
def test_without_a_name_server_the_lease_says_where_the_router_is(machine, place, text):
    machine.knows(None)
    path = machine.folder / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    machine.boot()
    address = "10.9.9.9" if "10.9.9.9" in text else "10.1.1.1"
    assert machine.hosts.read_text() == HOSTS + OWN.replace("10.1.1.1", address)


def test_without_either_the_log_says_so(machine):
    machine.knows(None)
    assert "no name server knows data-server" in machine.boot()
    assert machine.hosts.read_text() == HOSTS


def test_an_images_own_line_is_left_alone(machine):
    machine.hosts.write_text("10.7.7.7 instance-data.ec2.internal\n")
    machine.knows("10.1.1.1")
    machine.boot()
    assert machine.hosts.read_text() == "10.7.7.7 instance-data.ec2.internal\n"


def test_an_image_without_cloud_init_is_no_reason_to_fail(machine):
    shutil.rmtree(machine.folder / "var/lib/cloud")
    machine.knows("10.1.1.1")
    machine.boot()
    assert machine.hosts.read_text() == HOSTS + OWN


def test_a_machine_gets_it_when_its_launcher_gave_none():
    with ec2_bridges() as world:
        ec2 = world.ec2()
        for given, wanted in ((None, NAMES), ("#cloud-config\n", b"#cloud-config\n")):
            made = launched(ec2, **({} if given is None else {"UserData": given}))
            instance_id = made["Instances"][0]["InstanceId"]
            answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
            assert base64.b64decode(answer["UserData"]["Value"]) == wanted


# With the real programs


CLOUD_INIT = """\
import sys
from cloudinit import helpers, user_data
from cloudinit.handlers.shell_script import ShellScriptPartHandler

paths = helpers.Paths({"cloud_dir": sys.argv[1], "run_dir": sys.argv[1]})
for part in user_data.UserDataProcessor(paths).process(sys.stdin.buffer.read()).walk():
    if not part.is_multipart():
        handler = ShellScriptPartHandler(paths, script_path="scripts")
        handler.script_dir = sys.argv[1]
        kinds = handler.list_types() if hasattr(handler, "list_types") else ["text/x-shellscript"]
        assert part.get_content_type() in kinds, part.get_content_type()
        payload = part.get_payload(decode=True)
        handler.handle_part(None, part.get_content_type(), part.get_filename(), payload.decode(), None)
        print(sys.argv[1] + "/" + part.get_filename())
"""


def test_cloud_init_takes_it_as_a_script_to_run(tmp_path):
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import cloudinit"], capture_output=True, check=False).returncode:
        pytest.skip("there is no cloud-init")
    command = [python, "-c", CLOUD_INIT, str(tmp_path)]
    done = subprocess.run(command, input=NAMES, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    [path] = done.stdout.decode().split()
    assert Path(path).read_bytes() == NAMES
    assert Path(path).stat().st_mode & 0o700 == 0o700


ROUTER = """\
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/latest/meta-data/local-hostname": "VM-1", "/latest/meta-data/public-hostname": "192.0.2.7"}
        text = known.get(self.path, "").encode()
        self.send_response(200 if text else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *words):
        pass

http.server.HTTPServer(("127.0.0.1", 80), Handler).serve_forever()
"""
IN_A_WORLD_OF_ITS_OWN = """\
set -eu
ip link set lo up
mount --bind "$FOLDER/hosts" /etc/hosts
[ ! -d /var/lib/cloud ] || mount -t tmpfs none /var/lib/cloud
"$PYTHON" "$FOLDER/router.py" &
router=$!
trap 'kill $router' EXIT
sh "$FOLDER/names.sh"
for key in local-hostname public-hostname; do
    "$PYTHON" -c '
import sys, time, urllib.request
for left in range(100):
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
    except OSError as error:
        if "refused" not in str(error):
            raise
        time.sleep(0.05)
' "http://instance-data.ec2.internal/latest/meta-data/$key"
done
"""


def test_the_names_really_lead_to_metadata(tmp_path):
    try_it = ["unshare", "--map-root-user", "--mount", "--net"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("there is no unshare or no ip")
    if subprocess.run([*try_it, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system gives a user no namespaces")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost data-server\n")
    (tmp_path / "names.sh").write_bytes(NAMES)
    (tmp_path / "router.py").write_text(ROUTER)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "FOLDER": str(tmp_path)}
    environment["PYTHON"] = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else shutil.which("python3")
    command = [*try_it, "sh", "-c", IN_A_WORLD_OF_ITS_OWN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["VM-1", "192.0.2.7"]
    assert "127.0.0.1 instance-data.ec2.internal" in (tmp_path / "hosts").read_text()
