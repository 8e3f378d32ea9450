"""The AWS command line (version 1) against the EC2 API, told only where that is."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ec2_bridges import IMAGE, TYPE, ec2_bridges, when
from vpc_walk import EVERYWHERE

from compat.ec2.actions import REFUSED, table
from compat.ec2.ids import ec2_id

AWS = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")
clidriver = pytest.importorskip("awscli.clidriver", reason="awscli is not installed")

PUBLIC_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 me@example.org"


class Aws:
    """The command line for one account; `ec2` gives what a command prints, read as JSON where it is."""

    def __init__(self, world, home):
        self.world = world
        self.said = {
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": world.user.key,
            "AWS_SECRET_ACCESS_KEY": world.user.secret,
            "AWS_DEFAULT_REGION": "cs",
            "AWS_ENDPOINT_URL_EC2": world.urls[0],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        self.asked = set()
        self.models = clidriver.create_clidriver().session.get_component("data_loader")

    def ec2(self, command, *words, fails=False):
        """Run a command within this process, as the program itself does it."""
        out, complaints = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.said.items():
                patch.setenv(name, value)
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
                driver = clidriver.create_clidriver()
                driver.session.register_component("data_loader", self.models)  # reads EC2's model once
                status = driver.main(["ec2", command, *map(str, words)])
                out.flush()
        text = out.buffer.getvalue().decode() or complaints.getvalue()
        assert (status != 0) == fails, text
        if fails:
            return complaints.getvalue()
        self.note(command)
        return json.loads(text) if text.lstrip()[:1] in {"{", "[", '"'} else text.strip()

    def program(self, *words):
        """Run it as a program of its own; gives its exit status and what it prints."""
        environ = {"PATH": os.environ["PATH"], **self.said}
        done = subprocess.run(
            [AWS, "ec2", *words], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode == 0:
            self.note(words[0])
        return done.returncode, done.stdout + done.stderr

    def note(self, command):
        """Remember which action was asked for."""
        self.asked.add("".join(part.capitalize() for part in command.split("-")))


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with ec2_bridges() as world:
        yield Aws(world, tmp_path_factory.mktemp("home"))


def rows(aws, command, key):
    """What the cloud lists for the account."""
    return aws.world.cloud_of(aws.world.user).rows(command, key)


def machine(aws, name):
    """The cloud's machine with an id of EC2's."""
    found = [
        row for row in rows(aws, "listVirtualMachines", "virtualmachine") if ec2_id("instance", row["id"]) == name
    ]
    return found[0] if found else None


def launch(aws, *words):
    made = aws.ec2("run-instances", "--image-id", IMAGE, "--instance-type", TYPE, *words)
    ids = [one["InstanceId"] for one in made["Instances"]]
    aws.ec2("wait", "instance-running", "--instance-ids", *ids)
    return ids


def test_the_program_from_a_launch_to_its_end(aws):
    if AWS is None:
        pytest.skip("there is no program aws")
    words = ("--image-id", IMAGE, "--instance-type", TYPE, "--count", "2", "--dry-run")
    status, text = aws.program("run-instances", *words)
    assert status != 0
    assert "DryRunOperation" in text
    assert rows(aws, "listVirtualMachines", "virtualmachine") == []
    tagged = "ResourceType=instance,Tags=[{Key=role,Value=m}]"
    status, text = aws.program("run-instances", *words[:-1], "--tag-specifications", tagged)
    assert status == 0, text
    ids = sorted(one["InstanceId"] for one in json.loads(text)["Instances"])
    assert aws.program("wait", "instance-running", "--instance-ids", *ids)[0] == 0
    assert {machine(aws, one)["state"] for one in ids} == {"Running"}
    assert aws.program("create-tags", "--resources", ids[0], "--tags", "Key=Name,Value=first node")[0] == 0
    query = "Reservations[].Instances[].[InstanceId,State.Name,Tags[?Key=='Name']|[0].Value]"
    filters = ("--filters", "Name=tag:role,Values=m", "Name=instance-state-name,Values=running,pending")
    status, text = aws.program("describe-instances", *filters, "--query", query, "--output", "text")
    assert status == 0, text
    told = sorted(line.split("\t") for line in text.splitlines())
    assert told == sorted([[ids[0], "running", "first node"], [ids[1], "running", "None"]])
    for command in ("terminate-instances", "wait instance-terminated"):
        assert aws.program(*command.split(" "), "--instance-ids", *ids)[0] == 0
    assert [one for one in ids if machine(aws, one)] == []


def test_pages(aws):
    for number in range(7):
        aws.ec2("create-security-group", "--group-name", f"page-{number}", "--description", "d")
    every = {row["name"] for row in rows(aws, "listSecurityGroups", "securitygroup")}
    whole = aws.ec2("describe-security-groups", "--page-size", "5", "--query", "SecurityGroups[].GroupName")
    assert sorted(whole) == sorted(every)
    found, token = [], None
    while True:
        words = ["--max-items", "3", *(("--starting-token", token) if token else ())]
        page = aws.ec2("describe-security-groups", *words)
        assert len(page["SecurityGroups"]) <= 3
        found += [one["GroupName"] for one in page["SecurityGroups"]]
        token = page.get("NextToken")
        if token is None:
            break
    assert sorted(found) == sorted(every)
    assert "InvalidNextToken" in aws.ec2(
        "describe-security-groups", "--max-results", "5", "--next-token", "%%", fails=True
    )
    for number in range(7):
        aws.ec2("delete-security-group", "--group-name", f"page-{number}")
    assert {row["name"] for row in rows(aws, "listSecurityGroups", "securitygroup")} == {"default"}


def test_places_and_keys(aws):
    zones = aws.ec2("describe-availability-zones", "--query", "AvailabilityZones[].ZoneName")
    assert set(zones) == {row["name"] for row in rows(aws, "listZones", "zone")}
    assert len(aws.ec2("describe-regions")["Regions"]) == 1
    told = aws.ec2("describe-account-attributes")["AccountAttributes"]
    most = next(one["AttributeValues"] for one in told if one["AttributeName"] == "max-instances")
    assert most == [{"AttributeValue": "20"}]
    types = aws.ec2("describe-instance-types", "--query", "InstanceTypes[].InstanceType")
    assert set(types) <= set(
        aws.ec2("describe-instance-type-offerings", "--query", "InstanceTypeOfferings[].InstanceType")
    )
    assert aws.ec2("describe-instance-credit-specifications")["InstanceCreditSpecifications"] == []
    text = aws.ec2("create-key-pair", "--key-name", "made", "--query", "KeyMaterial", "--output", "text")
    assert text.startswith("-----BEGIN")
    aws.ec2("import-key-pair", "--key-name", "brought", "--public-key-material", PUBLIC_KEY)
    pairs = {row["name"]: row["fingerprint"] for row in rows(aws, "listSSHKeyPairs", "sshkeypair")}
    told = aws.ec2("describe-key-pairs", "--query", "KeyPairs[].[KeyName,KeyFingerprint]")
    assert dict(told) == pairs
    aws.ec2("delete-key-pair", "--key-name", "brought")
    assert [row["name"] for row in rows(aws, "listSSHKeyPairs", "sshkeypair")] == ["made"]


def test_groups_and_their_rules(aws):
    def group():
        return next(row for row in rows(aws, "listSecurityGroups", "securitygroup") if row["name"] == "web")

    name = aws.ec2("create-security-group", "--group-name", "web", "--description", "d", "--query", "GroupId")
    assert name == ec2_id("securitygroup", group()["id"])
    web = ("--protocol", "tcp", "--port", "80-81", "--cidr", "192.0.2.0/24")
    aws.ec2("authorize-security-group-ingress", "--group-id", name, *web)
    [rule] = group()["ingressrule"]
    assert (rule["startport"], rule["endport"], rule["cidr"]) == (80, 81, "192.0.2.0/24")
    own = ("--filters", f"Name=group-id,Values={name}")
    [told] = aws.ec2("describe-security-group-rules", *own)["SecurityGroupRules"]
    text = f"SecurityGroupRuleId={told['SecurityGroupRuleId']},Description=us"
    aws.ec2(
        "update-security-group-rule-descriptions-ingress",
        *("--group-id", name, "--security-group-rule-descriptions", text),
    )
    change = {"IpProtocol": "tcp", "FromPort": 82, "ToPort": 82, "CidrIpv4": "192.0.2.0/24"}
    wanted = [{"SecurityGroupRuleId": told["SecurityGroupRuleId"], "SecurityGroupRule": change}]
    aws.ec2("modify-security-group-rules", "--group-id", name, "--security-group-rules", json.dumps(wanted))
    assert [row["startport"] for row in group()["ingressrule"]] == [82]
    own_rule = ("--security-group-rule-ids", told["SecurityGroupRuleId"])
    aws.ec2("revoke-security-group-ingress", "--group-id", name, *own_rule)
    assert group().get("ingressrule", []) == []
    out = ("--ip-permissions", "IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=198.51.100.0/24}]")
    aws.ec2("authorize-security-group-egress", "--group-id", name, *out)
    assert [row["cidr"] for row in group()["egressrule"]] == ["198.51.100.0/24"]
    told = "IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=198.51.100.0/24,Description=them}]"
    aws.ec2("update-security-group-rule-descriptions-egress", "--group-id", name, "--ip-permissions", told)
    assert "them" in str(aws.ec2("describe-security-groups", "--group-ids", name))
    aws.ec2("revoke-security-group-egress", "--group-id", name, *out)
    assert group().get("egressrule", []) == []
    aws.ec2("delete-security-group", "--group-id", name)


def test_machines(aws):
    [name] = launch(aws, "--user-data", "#!/bin/sh\necho")
    own = ("--instance-id", name)
    told = aws.ec2("describe-instance-attribute", *own, "--attribute", "userData")
    assert told["UserData"]["Value"] == "IyEvYmluL3NoCmVjaG8="
    [status] = aws.ec2("describe-instance-status", "--instance-ids", name)["InstanceStatuses"]
    assert status["InstanceState"]["Name"] == "running"
    assert aws.ec2("get-console-output", *own)["InstanceId"] == name
    assert aws.ec2("get-password-data", *own)["InstanceId"] == name
    aws.ec2("monitor-instances", "--instance-ids", name)
    aws.ec2("unmonitor-instances", "--instance-ids", name)
    aws.ec2("reboot-instances", "--instance-ids", name)
    aws.ec2("wait", "instance-status-ok", "--instance-ids", name)
    aws.ec2("stop-instances", "--instance-ids", name)
    aws.ec2("wait", "instance-stopped", "--instance-ids", name)
    assert machine(aws, name)["state"] == "Stopped"
    aws.ec2("modify-instance-attribute", *own, "--instance-type", "Value=m1.medium")
    row = machine(aws, name)
    offering = next(one for one in rows(aws, "listServiceOfferings", "serviceoffering") if one["name"] == "m1.medium")
    assert row["serviceofferingid"] == offering["id"]
    image = aws.ec2("create-image", *own, "--name", "own", "--query", "ImageId")
    aws.ec2("wait", "image-available", "--image-ids", image)
    aws.ec2("modify-image-attribute", "--image-id", image, "--launch-permission", "Add=[{Group=all}]")
    told = aws.ec2("describe-image-attribute", "--image-id", image, "--attribute", "launchPermission")
    assert told["LaunchPermissions"] == [{"Group": "all"}]
    aws.ec2("reset-image-attribute", "--image-id", image, "--attribute", "launchPermission")
    [template] = aws.world.cloud_of(aws.world.user).rows("listTemplates", "template", {"templatefilter": "self"})
    assert (ec2_id("image", template["id"]), template["ispublic"]) == (image, False)
    assert aws.ec2("describe-images", "--owners", "self", "--query", "Images[].ImageId") == [image]
    aws.ec2("deregister-image", "--image-id", image)
    place = {"Name": "brought", "ImageLocation": "http://images.example.org/a.qcow2"}
    said = json.dumps(place)  # as an option of its own, version 1 of the program would fetch the URL by itself
    brought = aws.ec2("register-image", "--cli-input-json", said, "--query", "ImageId")
    [template] = aws.world.cloud_of(aws.world.user).rows("listTemplates", "template", {"templatefilter": "self"})
    assert (ec2_id("image", template["id"]), template["url"]) == (brought, place["ImageLocation"])
    aws.ec2("deregister-image", "--image-id", brought)
    aws.ec2("start-instances", "--instance-ids", name)
    aws.ec2("wait", "instance-running", "--instance-ids", name)
    assert machine(aws, name)["state"] == "Running"
    aws.ec2("create-tags", "--resources", name, "--tags", "Key=a b,Value=<&>", "Key=c,Value=")
    told = aws.ec2("describe-tags", "--filters", f"Name=resource-id,Values={name}", "--query", "Tags[].[Key,Value]")
    assert dict(told) == {"a b": "<&>", "c": ""}
    aws.ec2("delete-tags", "--resources", name, "--tags", "Key=c")
    assert {tag["key"] for tag in machine(aws, name)["tags"] if not tag["key"].startswith("cfnlib:")} == {"a b"}
    aws.ec2("terminate-instances", "--instance-ids", name)
    aws.ec2("wait", "instance-terminated", "--instance-ids", name)
    assert machine(aws, name) is None


def test_spot_requests_and_placement_groups(aws):
    wanted = json.dumps({"ImageId": IMAGE, "InstanceType": TYPE})
    [made] = aws.ec2("request-spot-instances", "--spot-price", "0.05", "--launch-specification", wanted)[
        "SpotInstanceRequests"
    ]
    request = ("--spot-instance-request-ids", made["SpotInstanceRequestId"])
    [seen] = aws.ec2("describe-spot-instance-requests", *request)["SpotInstanceRequests"]
    assert (seen["State"], machine(aws, seen["InstanceId"]) is not None) == ("active", True)
    aws.ec2("cancel-spot-instance-requests", *request)
    [seen] = aws.ec2("describe-spot-instance-requests", *request)["SpotInstanceRequests"]
    assert seen["State"] == "cancelled"
    assert aws.ec2("describe-spot-price-history")["SpotPriceHistory"] == []
    aws.ec2("terminate-instances", "--instance-ids", seen["InstanceId"])
    aws.ec2("create-placement-group", "--group-name", "near", "--strategy", "cluster")
    assert [row["name"] for row in rows(aws, "listAffinityGroups", "affinitygroup")] == ["near"]
    assert aws.ec2("describe-placement-groups", "--query", "PlacementGroups[].GroupName") == ["near"]
    aws.ec2("delete-placement-group", "--group-name", "near")
    assert rows(aws, "listAffinityGroups", "affinitygroup") == []


def test_volumes_and_snapshots(aws):
    [name] = launch(aws)
    volume = aws.ec2("create-volume", "--availability-zone", "Sandbox", "--size", "5", "--query", "VolumeId")
    own = ("--volume-ids", volume)
    aws.ec2("wait", "volume-available", *own)
    aws.ec2("attach-volume", "--volume-id", volume, "--instance-id", name, "--device", "/dev/sdf")
    aws.ec2("wait", "volume-in-use", *own)
    row = next(row for row in rows(aws, "listVolumes", "volume") if ec2_id("volume", row["id"]) == volume)
    assert (ec2_id("instance", row["virtualmachineid"]), row["size"]) == (name, 5 << 30)
    assert aws.ec2("describe-volumes", *own, "--query", "Volumes[].Attachments[].Device") == ["/dev/sdf"]
    assert aws.ec2("describe-volume-status", *own)["VolumeStatuses"][0]["VolumeStatus"]["Status"] == "ok"
    snapshot = aws.ec2("create-snapshot", "--volume-id", volume, "--description", "kept", "--query", "SnapshotId")
    aws.ec2("wait", "snapshot-completed", "--snapshot-ids", snapshot)
    assert [ec2_id("snapshot", row["id"]) for row in rows(aws, "listSnapshots", "snapshot")] == [snapshot]
    assert aws.ec2("describe-snapshots", "--owner-ids", "self", "--query", "Snapshots[].VolumeId") == [volume]
    aws.ec2("detach-volume", "--volume-id", volume)
    aws.ec2("wait", "volume-available", *own)
    aws.ec2("modify-volume", "--volume-id", volume, "--size", "7")
    told = lambda: aws.ec2("describe-volumes-modifications", *own)["VolumesModifications"][0]  # noqa: E731 - short
    when(told, lambda found: found["ModificationState"] == "completed")
    assert told()["TargetSize"] == 7
    aws.ec2("delete-snapshot", "--snapshot-id", snapshot)
    aws.ec2("delete-volume", "--volume-id", volume)
    aws.ec2("wait", "volume-deleted", *own)
    assert volume not in {ec2_id("volume", row["id"]) for row in rows(aws, "listVolumes", "volume")}
    aws.ec2("terminate-instances", "--instance-ids", name)


def test_addresses(aws):
    [name] = launch(aws)
    address = aws.ec2("allocate-address", "--domain", "vpc")
    own = ("--allocation-id", address["AllocationId"])
    association = aws.ec2("associate-address", *own, "--instance-id", name, "--query", "AssociationId")
    held = {row["ipaddress"]: row for row in rows(aws, "listPublicIpAddresses", "publicipaddress")}
    assert ec2_id("instance", held[address["PublicIp"]]["virtualmachineid"]) == name
    [told] = aws.ec2("describe-addresses", "--public-ips", address["PublicIp"])["Addresses"]
    assert told["InstanceId"] == name
    aws.ec2("describe-addresses-attribute", "--allocation-ids", address["AllocationId"])
    aws.ec2("disassociate-address", "--association-id", association)
    aws.ec2("release-address", *own)
    assert address["PublicIp"] not in {
        row["ipaddress"] for row in rows(aws, "listPublicIpAddresses", "publicipaddress")
    }
    aws.ec2("terminate-instances", "--instance-ids", name)


def test_a_vpc(aws):
    vpc = aws.ec2("create-vpc", "--cidr-block", "10.20.0.0/16", "--query", "Vpc.VpcId")
    aws.ec2("wait", "vpc-available", "--vpc-ids", vpc)
    assert [ec2_id("vpc", row["id"]) for row in rows(aws, "listVPCs", "vpc")] == [vpc]
    aws.ec2("modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
    told = aws.ec2("describe-vpc-attribute", "--vpc-id", vpc, "--attribute", "enableDnsHostnames")
    assert told["EnableDnsHostnames"]["Value"] is True
    options = aws.ec2("describe-vpcs", "--vpc-ids", vpc, "--query", "Vpcs[0].DhcpOptionsId")
    assert [one["DhcpOptionsId"] for one in aws.ec2("describe-dhcp-options")["DhcpOptions"]] == [options]
    aws.ec2("associate-dhcp-options", "--vpc-id", vpc, "--dhcp-options-id", "default")
    subnets = [
        aws.ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", f"10.20.{n}.0/24", "--query", "Subnet.SubnetId")
        for n in (1, 2)
    ]
    aws.ec2("modify-subnet-attribute", "--subnet-id", subnets[0], "--map-public-ip-on-launch")
    told = aws.ec2("describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}", "--query", "Subnets[].SubnetId")
    tiers = [ec2_id("subnet", row["id"]) for row in rows(aws, "listNetworks", "network") if row.get("vpcid")]
    assert sorted(told) == sorted(subnets) == sorted(tiers)
    walk_through_routes(aws, vpc, subnets[0])
    walk_through_access_lists(aws, vpc, subnets[0])
    walk_through_interfaces(aws, subnets)
    for subnet in subnets:
        gone = lambda subnet=subnet: aws.ec2("delete-subnet", "--subnet-id", subnet)  # noqa: E731 - short
        patient(gone)
    patient(lambda: aws.ec2("delete-vpc", "--vpc-id", vpc))
    assert rows(aws, "listVPCs", "vpc") == []


def patient(command):
    """Run a command until it is not refused: what is in the way is just going."""

    def tried():
        try:
            command()
        except AssertionError as error:
            assert "DependencyViolation" in str(error)  # noqa: PT017 - anything else is no reason to wait
            return False
        return True

    when(tried, lambda done: done)


def walk_through_routes(aws, vpc, subnet):
    gateway = aws.ec2("create-internet-gateway", "--query", "InternetGateway.InternetGatewayId")
    ways = ("--internet-gateway-id", gateway, "--vpc-id", vpc)
    aws.ec2("attach-internet-gateway", *ways)
    told = aws.ec2("describe-internet-gateways", "--internet-gateway-ids", gateway)["InternetGateways"]
    assert told[0]["Attachments"][0]["VpcId"] == vpc
    main = aws.ec2("describe-route-tables", "--filters", f"Name=vpc-id,Values={vpc}")["RouteTables"][0][
        "RouteTableId"
    ]
    table_id = aws.ec2("create-route-table", "--vpc-id", vpc, "--query", "RouteTable.RouteTableId")
    everywhere = ("--route-table-id", table_id, "--destination-cidr-block", EVERYWHERE)
    aws.ec2("create-route", *everywhere, "--gateway-id", gateway)
    nat = aws.ec2("create-nat-gateway", "--subnet-id", subnet, "--query", "NatGateway.NatGatewayId")
    aws.ec2("replace-route", *everywhere, "--nat-gateway-id", nat)
    own = ("--route-table-ids", table_id)
    routes = aws.ec2("describe-route-tables", *own, "--query", "RouteTables[0].Routes[].NatGatewayId")
    assert routes == [nat]
    led = aws.ec2("associate-route-table", "--route-table-id", table_id, "--subnet-id", subnet)
    words = ("--association-id", led["AssociationId"], "--route-table-id", main)
    moved = aws.ec2("replace-route-table-association", *words)["NewAssociationId"]
    back = aws.ec2("replace-route-table-association", "--association-id", moved, "--route-table-id", table_id)
    aws.ec2("disassociate-route-table", "--association-id", back["NewAssociationId"])
    aws.ec2("delete-route", *everywhere)
    aws.ec2("delete-route-table", "--route-table-id", table_id)
    assert aws.ec2("describe-nat-gateways", "--query", "NatGateways[].NatGatewayId") == [nat]
    aws.ec2("delete-nat-gateway", "--nat-gateway-id", nat)
    aws.ec2("detach-internet-gateway", *ways)
    aws.ec2("delete-internet-gateway", "--internet-gateway-id", gateway)


def walk_through_access_lists(aws, vpc, subnet):
    acl = aws.ec2("create-network-acl", "--vpc-id", vpc, "--query", "NetworkAcl.NetworkAclId")
    entry = ("--network-acl-id", acl, "--ingress", "--rule-number", "100")
    what = ("--protocol", "tcp", "--cidr-block", EVERYWHERE, "--port-range")
    aws.ec2("create-network-acl-entry", *entry, "--rule-action", "allow", *what, "From=22,To=22")
    aws.ec2("replace-network-acl-entry", *entry, "--rule-action", "deny", *what, "From=22,To=23")
    of_vpc = ("--filters", f"Name=vpc-id,Values={vpc}")
    lists = aws.ec2("describe-network-acls", *of_vpc)["NetworkAcls"]
    [now] = [one for row in lists for one in row["Associations"] if one["SubnetId"] == subnet]
    default = next(row["NetworkAclId"] for row in lists if row["IsDefault"])
    words = ("--association-id", now["NetworkAclAssociationId"], "--network-acl-id", acl)
    led = aws.ec2("replace-network-acl-association", *words)["NewAssociationId"]
    [tier] = [row for row in rows(aws, "listNetworks", "network") if ec2_id("subnet", row["id"]) == subnet]
    rules = aws.world.cloud_of(aws.world.user).rows("listNetworkACLs", "networkacl", {"aclid": tier["aclid"]})
    assert ("22", "23", "Deny") in {(row.get("startport"), row.get("endport"), row["action"]) for row in rules}
    aws.ec2("replace-network-acl-association", "--association-id", led, "--network-acl-id", default)
    aws.ec2("delete-network-acl-entry", *entry)
    aws.ec2("delete-network-acl", "--network-acl-id", acl)


def walk_through_interfaces(aws, subnets):
    [name] = launch(aws, "--subnet-id", subnets[0])
    assert ec2_id("subnet", machine(aws, name)["nic"][0]["networkid"]) == subnets[0]
    words = ("--network-interface-id", subnets[1], "--instance-id", name, "--device-index", "1")
    attachment = aws.ec2("attach-network-interface", *words, "--query", "AttachmentId")
    assert len(machine(aws, name)["nic"]) == 2
    of_subnet = ("--filters", f"Name=subnet-id,Values={subnets[1]}")
    [card] = aws.ec2("describe-network-interfaces", *of_subnet)["NetworkInterfaces"]
    eni = ("--network-interface-id", card["NetworkInterfaceId"])
    words = ("--secondary-private-ip-address-count", "1")
    further = aws.ec2("assign-private-ip-addresses", *eni, *words)["AssignedPrivateIpAddresses"][0][
        "PrivateIpAddress"
    ]
    kept = [one["ipaddress"] for nic in machine(aws, name)["nic"] for one in nic.get("secondaryip") or ()]
    assert kept == [further]
    aws.ec2("unassign-private-ip-addresses", *eni, "--private-ip-addresses", further)
    aws.ec2("describe-network-interface-attribute", *eni, "--attribute", "groupSet")
    aws.ec2("modify-network-interface-attribute", *eni, "--source-dest-check")
    aws.ec2("reset-network-interface-attribute", *eni, "--source-dest-check", "true")
    aws.ec2("detach-network-interface", "--attachment-id", attachment)
    assert len(machine(aws, name)["nic"]) == 1
    aws.ec2("terminate-instances", "--instance-ids", name)
    aws.ec2("wait", "instance-terminated", "--instance-ids", name)


def test_what_is_left_was_asked_by_none_of_these(aws):
    """Every action of the bridge was called above, but for those that are always refused."""
    assert set(table()) - aws.asked - REFUSED == set()
