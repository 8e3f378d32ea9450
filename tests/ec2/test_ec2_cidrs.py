"""Blocks of VPCs and subnets are taken, or refused with EC2's own codes, as arithmetic says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from botocore.exceptions import ClientError
from ec2_bridges import ec2_bridges, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.ec2.cidrs import address_in, block, subnet_block, vpc_block
from compat.ec2.faults import Ec2Error

ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
PREFIXES = st.integers(0, 32)
INSIDE = IPv4Network("10.0.0.0/16")
NEAR = st.builds(lambda offset, prefix: f"{INSIDE[offset]}/{prefix}", st.integers(0, 0xFFFF), st.integers(14, 30))
"""Blocks with an address in a VPC, most of them of a size that a subnet may have."""


def said(call, *given):
    """What a check gives, or the code of what it raises."""
    try:
        return str(call(*given))
    except Ec2Error as error:
        return error.code


@given(ADDRESSES, PREFIXES)
def test_a_block_of_a_vpc_has_16_to_28_bits_and_no_others_set(address, prefix):
    text = f"{address}/{prefix}"
    wanted = str(IPv4Network(text, strict=False)) if 16 <= prefix <= 28 else "InvalidVpc.Range"
    assert said(vpc_block, text) == wanted


@given(st.text(max_size=24) | st.from_regex(r"\A[0-9./]{0,20}\Z"))
def test_what_is_no_block_is_told(text):
    found = said(block, text, "cidrBlock")
    assert found == "InvalidParameterValue" or IPv4Network(found) == IPv4Network(text, strict=False)


@given(st.lists(NEAR, max_size=12))
def test_subnets_lie_in_their_vpc_beside_each_other(texts):
    taken = []
    for text in texts:
        wanted = IPv4Network(text, strict=False)
        found = said(subnet_block, text, INSIDE, taken)
        if not (16 <= wanted.prefixlen <= 28 and wanted.subnet_of(INSIDE)):
            assert found == "InvalidSubnet.Range"
        elif any(wanted.overlaps(other) for other in taken):
            assert found == "InvalidSubnet.Conflict"
        else:
            assert found == str(wanted)
            taken.append(wanted)
    assert sum(one.num_addresses for one in taken) <= INSIDE.num_addresses


@given(st.integers(0, 255))
def test_the_first_and_the_last_address_of_a_subnet_are_no_machines(number):
    found = said(address_in, f"10.0.1.{number}", IPv4Network("10.0.1.0/24"))
    assert found == ("InvalidParameterValue" if number in {0, 1, 255} else f"10.0.1.{number}")


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/ 8", "10.0.0.256/24", "::/64", "x" * 3000])
def test_malformed_blocks_are_refused_over_the_socket_too(one_vpc, text):
    ec2, vpc = one_vpc
    codes = {"MissingParameter"} if not text else {"InvalidParameterValue"}
    assert refusal(ec2.create_vpc, CidrBlock=text) in codes
    assert refusal(ec2.create_subnet, VpcId=vpc, CidrBlock=text) in codes


@pytest.fixture(scope="module")
def one_vpc():
    with ec2_bridges() as world:
        ec2 = world.ec2()
        yield ec2, ec2.create_vpc(CidrBlock=str(INSIDE))["Vpc"]["VpcId"]


def tried(ec2, vpc, cidr):
    """What was made of a block, or the code of the refusal."""
    try:
        return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"], None
    except ClientError as error:
        return None, error.response["Error"]["Code"]


@settings(max_examples=15)
@given(st.lists(NEAR, min_size=1, max_size=5))
def test_the_cloud_has_the_subnets_that_were_not_refused(one_vpc, texts):
    ec2, vpc = one_vpc
    accepted = {}
    for text in texts:
        made, code = tried(ec2, vpc, text)
        wanted = said(subnet_block, text, INSIDE, list(accepted.values()))
        assert wanted == (code or made["CidrBlock"])
        if made is not None:
            accepted[made["SubnetId"]] = IPv4Network(wanted)
            assert made["AvailableIpAddressCount"] == IPv4Network(wanted).num_addresses - 5
    told = {row["SubnetId"]: IPv4Network(row["CidrBlock"]) for row in ec2.describe_subnets()["Subnets"]}
    assert told == accepted
    for name in accepted:
        ec2.delete_subnet(SubnetId=name)
