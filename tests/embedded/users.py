"""Processes that use the embedded cloud of a directory: run as `python users.py DIRECTORY WHAT`.

`hold` serves the cloud, says where on a line, and stays until its input ends; `make NAME` makes a stack.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from cfnlib.stacks import Stacks

TEMPLATE = """\
Resources:
  Network:
    Type: CloudStack::Network
    Properties:
      zoneid: Sandbox
      networkofferingid: DefaultIsolatedNetworkOfferingWithSourceNatService
      displaytext: a network
  Machine:
    Type: CloudStack::VirtualMachine
    Properties:
      zoneid: Sandbox
      templateid: Debian 12 (Simulator)
      serviceofferingid: Small Instance
      networkids: [!Ref Network]
Outputs:
  Machine: {Value: !Ref Machine}
"""


def place(stacks):
    """Where the cloud is that these stacks use; it is started if nobody serves it."""
    return stacks.driver._cloud.place()


def on_the_cloud(stacks):
    """The ids of the machines and networks that are there."""
    client = stacks.driver._there().client
    machines = client.rows("listVirtualMachines", "virtualmachine", {"listall": True})
    networks = client.rows("listNetworks", "network", {"listall": True})
    return {row["id"] for row in [*machines, *networks] if row.get("state") != "Destroyed"}


@contextmanager
def process(folder, *words):
    """A process of this file's, ended in the end."""
    command = [sys.executable, __file__, str(folder), *words]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stdin, started.stdout):
            pipe.close()


@contextmanager
def holder(folder, job_s=0.0):
    """A process that serves the cloud of a directory, and where it does."""
    with process(folder, "hold", str(job_s)) as started:
        yield started, json.loads(started.stdout.readline())


def main(folder, what, *words) -> None:
    if what == "hold":
        with Stacks.embedded(state=folder, job_s=float(words[0])) as stacks:
            sys.stdout.write(json.dumps(place(stacks)) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    else:
        with Stacks.embedded(state=folder, job_s=0.05) as stacks:
            stack = stacks.create(words[0], TEMPLATE)
            sys.stdout.write(f"{stack.status}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
