"""The ensemble that our node files configure, run by the real ZooKeeper on loopback.

The nodes are 127.0.0.1 to 127.0.0.3. As they share one machine, each gets ports of its own in place of 2181, 2888 and
3888; nothing else of zoo.cfg is changed. ZooKeeper is Debian's package; without it these tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from node_farm import Farm, kill_all

JAR = Path("/usr/share/java/zookeeper.jar")
NAMES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

PROGRAM = """\
#!/bin/bash
# zkServer.sh start-foreground CONFIG, with the ports of $PORTS: three a node, in the order of the nodes
read -r -a ports <<<"$PORTS"
own=$((3 * (${NODE##*.} - 1)))
edits=(-e "s/^clientPort=2181$/clientPort=${ports[own]}/")
for number in 1 2 3; do
    pair=${ports[3 * number - 2]}:${ports[3 * number - 1]}
    edits+=(-e "s/^\\\\(server\\\\.$number=.*\\\\):2888:3888$/\\\\1:$pair/")
done
sed "${edits[@]}" "$2" >"$2.ported"
exec java -Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "/etc/zookeeper/conf:%s" \\
    org.apache.zookeeper.server.quorum.QuorumPeerMain "$2.ported"
"""

pytestmark = pytest.mark.skipif(
    not (JAR.exists() and shutil.which("java")), reason="there is no ZooKeeper of Debian's package"
)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def asked(port, word):
    """What the server at a port answers to a word of four letters; nothing when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(word.encode())
            with connection.makefile() as answer:
                return dict(line.split(": ", 1) for line in answer.read().splitlines() if ": " in line)
    except OSError:
        return {}


def modes(ports):
    """What each server is: leader, follower, standalone, or None while it serves nobody."""
    return [asked(port, "srvr").get("Mode") for port in ports]


def until(ports, wanted, patience_s=60.0):
    end = time.monotonic() + patience_s
    while sorted(map(str, modes(ports))) != sorted(map(str, wanted)):
        assert time.monotonic() < end, modes(ports)
        time.sleep(0.2)


@pytest.fixture
def farm(tmp_path):
    home = tmp_path / "zookeeper" / "bin"
    home.mkdir(parents=True)
    (home / "zkServer.sh").write_text(PROGRAM % JAR)
    (home / "zkServer.sh").chmod(0o755)
    ports = free_ports(9)
    yield Farm(tmp_path / "farm", REAL_ZOOKEEPER=str(home.parent), NO_SYSTEMD="1", PORTS=" ".join(map(str, ports)))
    kill_all(tmp_path)


def test_three_nodes_are_one_ensemble_that_outlives_its_leader(farm):
    done = farm.setup(farm.deploy(("10.1.1.1",), zoo=NAMES))
    assert done.returncode == 0, done.stderr
    clients = [int(port) for port in farm.environment["PORTS"].split()[::3]]
    until(clients, ["leader", "follower", "follower"])
    leader = modes(clients).index("leader")
    pid = (farm.folder / NAMES[leader] / "etc/mesos-ec2/mesos-ec2-zookeeper.pid").read_text()
    os.killpg(int(pid), signal.SIGKILL)
    until(clients, ["leader", "follower", None])
    again = farm.setup(farm.folder / "10.1.1.1")
    assert again.returncode == 0, again.stderr
    until(clients, ["leader", "follower", "follower"])


def test_one_node_serves_alone(farm):
    done = farm.setup(farm.deploy(("10.1.1.1",), zoo=NAMES[:1]))
    assert done.returncode == 0, done.stderr
    until([int(farm.environment["PORTS"].split()[0])], ["standalone"])
