"""boto 2.49 under Python 2.7 and under the one that runs the tests: what its objects say is in the cloud."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from base64 import b64decode
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ec2_bridges import IMAGE, ec2_bridges
from python27 import python27_with

from compat.ec2.actions import table
from compat.ec2.ids import ec2_id

WALK = Path(__file__).with_name("boto2_walk.py")
OF_NETWORKS = ("Address", "Vpc", "Subnet", "Gateway", "Route", "Acl", "Dhcp", "Interface", "PrivateIp")
"""Parts of the names of actions that are not for a zone with security groups."""
NOT_POSSIBLE = {"CopyImage", "CopySnapshot", "ResetInstanceAttribute", "CreateNetworkInterface"}
NOT_POSSIBLE |= {"DeleteNetworkInterface", "CreateDhcpOptions", "DeleteDhcpOptions"}
NOT_POSSIBLE |= {"AttachNetworkInterface", "DetachNetworkInterface"}  # shown by another test: it takes a subnet's id


def python_2_7():
    return python27_with("boto==2.49.0")


def this_python():
    pytest.importorskip("boto.ec2", exc_type=ImportError)
    return sys.executable, None


@contextmanager
def walking(world, python, **how):
    """The parts of a walk as they come: each is looked at before the walk goes on."""
    executable, environment = python
    keys = {"key": world.user.key, "secret": world.user.secret, "image": IMAGE}
    said = json.dumps({**keys, "port": urlsplit(world.urls[0]).port, **how})
    with subprocess.Popen(
        [executable, "-W", "ignore", str(WALK), said],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        yield Parts(process)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(60) == 0, process.stderr.read()


class Parts:
    """What the walk tells."""

    def __init__(self, process):
        self._process = process
        self._begun = False

    def next(self, part):
        """What it tells next, which is of this part."""
        if self._begun:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        self._begun = True
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read()
        name, what = json.loads(line)
        assert name == part
        return what


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("python", "zone", "version", "signature"),
    [
        pytest.param(this_python, "Sandbox", "2014-10-01", 4, id="3-advanced"),
        pytest.param(this_python, "SandboxSG", "2010-08-31", 2, id="3-groups-2010-v2"),
        pytest.param(python_2_7, "Sandbox", "2013-02-01", 2, id="2.7-advanced-2013-v2"),
        pytest.param(python_2_7, "SandboxSG", "2016-11-15", 4, id="2.7-groups-2016"),
    ],
)
def test_a_walk_through_an_account(python, zone, version, signature):
    ready = python()
    with (
        ec2_bridges(zone) as world,
        walking(world, ready, zone=zone, version=version, signature=signature) as parts,
    ):
        cloud = world.cloud_of(world.user)
        look_at_places(parts, cloud, zone)
        look_at_groups(parts, cloud)
        machines = look_at_machines(parts, cloud, zone)
        look_at_tags(parts, cloud, machines)
        look_at_volumes(parts, cloud, machines[0])
        look_at_images(parts, cloud, machines[0])
        spot = look_at_spot(parts, cloud)
        assert parts.next("placement")["groups"] == [["near", "cluster", "available"]]
        assert [row["name"] for row in cloud.rows("listAffinityGroups", "affinitygroup")] == ["near"]
        if zone == "Sandbox":
            look_at_addresses(parts, cloud, machines[0])
            look_at_vpc(parts, cloud)
        told = parts.next("ending")
        assert told["cancelled"] == "cancelled"
        assert sorted(told["states"]) == sorted([one, "running"] for one in [*machines, spot])
        told = parts.next("ended")
        assert world.machines() == {}
        assert told["groups"] == sorted(row["name"] for row in cloud.rows("listSecurityGroups", "securitygroup"))
        assert cloud.rows("listSSHKeyPairs", "sshkeypair") == []
        left = known_to_boto() - set(told["answered"]) - NOT_POSSIBLE
        if zone == "SandboxSG":
            left = {name for name in left if not any(part in name for part in OF_NETWORKS)}
        assert left == set()


def known_to_boto():
    """The actions of the bridge that boto 2 has a method for."""
    connection = pytest.importorskip("boto.ec2.connection", exc_type=ImportError)
    vpc = pytest.importorskip("boto.vpc", exc_type=ImportError)
    text = inspect.getsource(connection) + inspect.getsource(vpc)
    return set(re.findall(r"['\"]([A-Z][A-Za-z]+)['\"]", text)) & set(table())


def look_at_places(parts, cloud, zone):
    told = parts.next("places")
    assert zone in told["zones"]
    assert set(told["zones"]) == {row["name"] for row in cloud.rows("listZones", "zone")}
    assert len(told["regions"]) == 1
    assert told["limits"]["max-instances"] == ["20"]
    assert told["types"]
    assert told["credits_refused"] == ["InvalidParameterValue", 400]
    told = parts.next("keys")
    rows = {row["name"]: row["fingerprint"] for row in cloud.rows("listSSHKeyPairs", "sshkeypair")}
    assert told["prints"] == rows
    assert told["listed"] == sorted(rows)
    assert told["material"].startswith("-----BEGIN")
    assert told["again"] == ["InvalidKeyPair.Duplicate", 400]
    assert parts.next("a key less") == {"one": "made", "none": None}
    assert [row["name"] for row in cloud.rows("listSSHKeyPairs", "sshkeypair")] == ["made"]


def groups_of(cloud):
    return {row["name"]: row for row in cloud.rows("listSecurityGroups", "securitygroup")}


def look_at_groups(parts, cloud):
    told, rows = parts.next("groups"), groups_of(cloud)
    assert told["ids"] == {name: ec2_id("securitygroup", rows[name]["id"]) for name in ("web", "db")}
    assert told["web"] == [["tcp", "22", "22", "0.0.0.0/0"], ["tcp", "80", "81", "192.0.2.0/24"]]
    assert {(r["startport"], r["endport"], r["cidr"]) for r in rows["web"]["ingressrule"]} == {
        (22, 22, "0.0.0.0/0"),
        (80, 81, "192.0.2.0/24"),
    }
    assert told["db"] == ["web"]
    assert {rule["securitygroupname"] for rule in rows["db"]["ingressrule"]} == {"web"}
    assert told["out"] == [["443", "198.51.100.0/24"]]
    assert told["description"] == rows["web"]["description"] == "for all"
    told, rows = parts.next("rules less"), groups_of(cloud)
    assert told == {"web": [["22", "0.0.0.0/0"]], "out": 0}
    assert [(rule["startport"], rule["cidr"]) for rule in rows["web"]["ingressrule"]] == [(22, "0.0.0.0/0")]
    assert rows["db"].get("ingressrule", []) == []


def machines_of(cloud):
    return {ec2_id("instance", row["id"]): row for row in cloud.rows("listVirtualMachines", "virtualmachine")}


def look_at_machines(parts, cloud, zone):
    told, rows = parts.next("launched"), machines_of(cloud)
    assert set(told["ids"]) == set(told["machines"]) == set(rows)
    assert told["same"]
    assert told["groups"] == ["web"]
    for index, name in enumerate(told["ids"]):
        seen, row = told["machines"][name], rows[name]
        assert seen["ip"] == row["nic"][0]["ipaddress"]
        assert seen["dns"] == row["nic"][0]["ipaddress"]
        assert (seen["key"], seen["zone"], row["keypairs"]) == ("made", zone, "made")
        assert (seen["type"], seen["image"], seen["index"]) == ("m1.small", IMAGE, str(index))
        assert (seen["groups"], seen["state"], row["state"]) == (["web"], ["running", 16], "Running")
        disks = cloud.rows("listVolumes", "volume", {"virtualmachineid": row["id"]})
        assert set(seen["disks"].values()) == {ec2_id("volume", disk["id"]) for disk in disks}
    assert told["statuses"] == sorted([name, "running"] for name in rows)
    assert told["found"] == told["ids"][:1]
    more, first = parts.next("attributes"), told["ids"][0]
    assert (more["of"], more["type"]) == (first, "m1.small")
    assert b64decode(more["data"]) == b"#!/bin/sh\necho hello\n"
    assert more["console"] is True
    assert more["monitored"] == more["unmonitored"] == ["disabled"]
    return told["ids"]


def look_at_tags(parts, cloud, ids):
    def kept():
        rows = machines_of(cloud)
        return {
            (name, tag["key"], tag["value"])
            for name in ids
            for tag in rows[name]["tags"]
            if not tag["key"].startswith("cfnlib:")
        }

    told = parts.next("tags")
    assert {tuple(row) for row in told["listed"]} == kept()
    assert kept() == {
        (ids[0], "Name", "first"),
        (ids[1], "Name", "node"),
        *((one, "role", "m<&>ster") for one in ids),
    }
    assert told["by_tag"] == sorted(ids)
    assert told["first"] == ids[:1]
    told = parts.next("tags less")
    assert told["left"] == sorted([[ids[0], {"Name": "first"}], [ids[1], {"Name": "node"}]])
    assert {key for _, key, _ in kept()} == {"Name"}


def look_at_volumes(parts, cloud, machine):
    told = parts.next("volumes")
    rows = {ec2_id("volume", row["id"]): row for row in cloud.rows("listVolumes", "volume")}
    row = rows[told["id"]]
    assert (told["size"], row["size"]) == (5, 5 << 30)
    assert (told["zone"], told["device"]) == (row["zonename"], "/dev/sdf")
    assert told["machine"] == machine == ec2_id("instance", row["virtualmachineid"])
    [snapshot] = cloud.rows("listSnapshots", "snapshot")
    assert (told["snapshot"], told["of"]) == (ec2_id("snapshot", snapshot["id"]), told["id"])
    assert (told["status"], told["description"]) == ("ok", "kept")
    made = parts.next("from a snapshot")
    assert made["snapshot"] == told["snapshot"]
    assert made["id"] in {ec2_id("volume", row["id"]) for row in cloud.rows("listVolumes", "volume")}
    told = parts.next("volumes gone")
    assert told["gone"] == [["InvalidVolume.NotFound", 400], ["InvalidSnapshot.NotFound", 400]]
    assert told["id"] not in {ec2_id("volume", row["id"]) for row in cloud.rows("listVolumes", "volume")}


def look_at_images(parts, cloud, machine):
    told = parts.next("images")
    [row] = cloud.rows("listTemplates", "template", {"templatefilter": "self"})
    assert (told["id"], told["name"]) == (ec2_id("image", row["id"]), "own")
    assert told["public"] == [True, False]
    assert row["ispublic"] is False
    assert told["permissions"]["groups"] == ["all"]
    told = parts.next("a registered image")
    [found] = [one for one in cloud.rows("listTemplates", "template", {"templatefilter": "self"}) if one != row]
    assert (told["id"], found["url"]) == (ec2_id("image", found["id"]), "http://images.example.org/a.qcow2")
    assert told["name"] == found["name"] == "brought"
    told = parts.next("an image less")
    assert told == {"type": "m1.medium", "left": ["InvalidAMIID.NotFound", 400]}
    assert cloud.rows("listTemplates", "template", {"templatefilter": "self"}) == []
    assert machines_of(cloud)[machine]["state"] == "Running"


def look_at_spot(parts, cloud):
    told = parts.next("spot")
    assert (told["state"], told["price"], told["prices"]) == ("active", 0.05, [])
    assert told["machine"] in machines_of(cloud)
    return told["machine"]


def look_at_addresses(parts, cloud, machine):
    def held():
        rows = cloud.rows("listPublicIpAddresses", "publicipaddress", {"isstaticnat": True})
        return {row["ipaddress"]: ec2_id("instance", row["virtualmachineid"]) for row in rows}

    told = parts.next("addresses")
    assert held() == {told["ip"]: told["machine"]}
    assert told["machine"] == machine
    assert told["told"] == [told["ip"], told["ip"]]
    assert parts.next("addresses gone") == {"left": []}
    assert held() == {}


def look_at_vpc(parts, cloud):
    told = parts.next("vpc")
    [vpc], [subnet] = cloud.rows("listVPCs", "vpc"), cloud.rows("listNetworks", "network", {"forvpc": True})
    assert (told["id"], told["cidr"]) == (ec2_id("vpc", vpc["id"]), vpc["cidr"])
    assert (told["state"], told["hostnames"], told["options"], told["attached"]) == ("available", True, True, True)
    assert told["subnet"] == [ec2_id("subnet", subnet["id"]), subnet["cidr"], True, subnet["zonename"]]
    assert told["routes"] == [["0.0.0.0/0", True], ["10.20.0.0/16", False]]
    assert told["associated"] == [[True, True]]
    assert told["entries"] == [["deny", "22", "24"]]
    assert told["guards"] == [True]
    rules = cloud.rows("listNetworkACLs", "networkacl", {"aclid": subnet["aclid"]})
    assert ("22", "24", "Deny") in {(rule.get("startport"), rule.get("endport"), rule["action"]) for rule in rules}
    told = parts.next("inside")
    row = machines_of(cloud)[told["machine"]]
    assert told["ip"] == row["nic"][0]["ipaddress"]
    assert told["further"] == [one["ipaddress"] for one in row["nic"][0]["secondaryip"]]
    assert told["subnet"]
    told = parts.next("no vpc")
    assert (told["vpcs"], told["subnets"]) == (0, 0)
    assert cloud.rows("listVPCs", "vpc") == []
