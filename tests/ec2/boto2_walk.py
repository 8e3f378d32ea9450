"""What a user of boto 2 does with an account, run by any Python that has boto 2.49, 2.7 as well as 3.

After each part it prints, as a line of JSON, what boto's own objects say, and waits for a line on its standard input,
so that whoever started it can compare that with the cloud. The last line names the actions that were answered.

The JSON on its command line says how: key, secret, port, zone, version (of the API), signature (2 or 4), image.
"""

from __future__ import print_function, unicode_literals  # noqa: UP010 - Python 2.7 runs it too

import json
import sys
import time

from boto.ec2.blockdevicemapping import BlockDeviceMapping, BlockDeviceType
from boto.ec2.networkinterface import NetworkInterfaceCollection, NetworkInterfaceSpecification
from boto.exception import EC2ResponseError
from boto.regioninfo import RegionInfo
from boto.vpc import VPCConnection

HOW = json.loads(sys.argv[1])
PUBLIC_KEY = b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 me@example.org"
ANSWERED = set()


class Connection(VPCConnection):
    """boto's own, which also notes what was answered."""

    def _required_auth_capability(self):
        return ["ec2"] if HOW["signature"] == 2 else ["hmac-v4"]

    def make_request(self, action, *args, **named):
        """Ask."""
        answer = VPCConnection.make_request(self, action, *args, **named)
        if answer.status == 200:
            ANSWERED.add(action)
        return answer


def tell(part, **what):
    """Say what boto's objects say, and wait until it was looked at."""
    print(json.dumps([part, what], sort_keys=True))
    sys.stdout.flush()
    if not sys.stdin.readline():
        sys.exit("nobody listens")


def until(look, wanted):
    """Wait for what is wanted."""
    end = time.time() + 30
    while look() != wanted:
        if time.time() > end:
            sys.exit("it does not come: {!r}, not {!r}".format(look(), wanted))  # noqa: UP032 - as above
        time.sleep(0.05)


def refused(call, *args, **named):
    """EC2's code of a refusal, and its status."""
    try:
        call(*args, **named)
    except EC2ResponseError as error:
        return [error.error_code, error.status]
    return None


def places(c):
    """Regions, zones, what the account may have."""
    tell(
        "places",
        zones=[zone.name for zone in c.get_all_zones()],
        regions=[region.name for region in c.get_all_regions()],
        limits={one.attribute_name: one.attribute_values for one in c.describe_account_attributes()},
        types=[one.name for one in c.get_all_instance_types()],
        credits_refused=refused(c.get_all_zones, ["there-is-none"]),
    )


def keys(c):
    """Key pairs."""
    made = c.create_key_pair("made")
    brought = c.import_key_pair("brought", PUBLIC_KEY)
    tell(
        "keys",
        material=made.material,
        prints={made.name: made.fingerprint, brought.name: brought.fingerprint},
        listed=sorted(one.name for one in c.get_all_key_pairs()),
        again=refused(c.create_key_pair, "made"),
    )
    c.delete_key_pair("brought")
    tell("a key less", one=c.get_key_pair("made").name, none=c.get_key_pair("brought"))


def groups(c):
    """Security groups, their rules by CIDR and by group."""
    web, db = c.create_security_group("web", "for all"), c.create_security_group("db", "inside")
    web.authorize("tcp", 80, 81, "192.0.2.0/24")
    web.authorize("tcp", 22, 22, "0.0.0.0/0")
    c.authorize_security_group(group_name="db", src_security_group_name="web")
    c.authorize_security_group_egress(web.id, "tcp", 443, 443, cidr_ip="198.51.100.0/24")
    [web] = c.get_all_security_groups(groupnames=["web"])
    [db] = c.get_all_security_groups(group_ids=[db.id])
    tell(
        "groups",
        ids={"web": web.id, "db": db.id},
        web=sorted([r.ip_protocol, r.from_port, r.to_port, str(r.grants[0])] for r in web.rules),
        db=sorted({grant.name for r in db.rules for grant in r.grants}),
        out=[[r.from_port, str(r.grants[0])] for r in web.rules_egress],
        description=web.description,
    )
    web.revoke("tcp", 80, 81, "192.0.2.0/24")
    c.revoke_security_group_egress(web.id, "tcp", 443, 443, cidr_ip="198.51.100.0/24")
    c.revoke_security_group(group_name="db", src_security_group_name="web")
    [web] = c.get_all_security_groups(group_ids=[web.id])
    tell("rules less", web=[[r.from_port, str(r.grants[0])] for r in web.rules], out=len(web.rules_egress))


def launched(c):
    """Two machines, from their launch until they run."""
    disks = BlockDeviceMapping()
    disks["/dev/sdv"] = BlockDeviceType(size=3, delete_on_termination=True)
    made = c.run_instances(
        HOW["image"],
        2,
        2,
        key_name="made",
        security_groups=["web"],
        instance_type="m1.small",
        placement=HOW["zone"],
        user_data="#!/bin/sh\necho hello\n",
        block_device_map=disks,
    )
    ids = [one.id for one in made.instances]
    for one in made.instances:
        until(one.update, "running")
        until(lambda one=one: one.update() and sorted(one.block_device_mapping), ["/dev/sda1", "/dev/sdv"])
    [seen] = c.get_all_reservations(filters={"reservation-id": made.id})
    tell(
        "launched",
        ids=ids,
        same=[one.id for one in seen.instances] == ids,
        groups=[group.name for group in seen.groups],
        machines={
            one.id: {
                "ip": one.private_ip_address,
                "dns": one.public_dns_name,
                "key": one.key_name,
                "type": one.instance_type,
                "image": one.image_id,
                "zone": one.placement,
                "index": one.ami_launch_index,
                "groups": [group.name for group in one.groups],
                "state": [one.state, one.state_code],
                "disks": {name: disk.volume_id for name, disk in one.block_device_mapping.items()},
            }
            for one in seen.instances
        },
        statuses=sorted([one.id, one.state_name] for one in c.get_all_instance_status(ids)),
        found=[one.id for one in c.get_only_instances(filters={"instance-id": ids[:1]})],
    )
    return ids


def attributes(c, ids):
    """What is asked of single machines."""
    one = ids[0]
    tell(
        "attributes",
        of=one,
        type=c.get_instance_attribute(one, "instanceType")["instanceType"],
        data=c.get_instance_attribute(one, "userData")["userData"],
        console=c.get_console_output(one).output is not None,
        password=c.get_password_data(one),
        monitored=[row.state for row in c.monitor_instances([one])],
        unmonitored=[row.state for row in c.unmonitor_instances([one])],
    )


def tags(c, ids):
    """Tags, and what is found by them."""
    c.create_tags(ids, {"Name": "node", "role": "m<&>ster"})
    c.create_tags(ids[:1], {"Name": "first"})
    listed = [[one.res_id, one.name, one.value] for one in c.get_all_tags(filters={"resource-id": ids})]
    by_tag = sorted(one.id for one in c.get_only_instances(filters={"tag:role": "m*"}))
    first = [one.id for one in c.get_only_instances(filters={"tag:Name": "first"})]
    tell("tags", listed=sorted(listed), by_tag=by_tag, first=first)
    c.delete_tags(ids, ["role"])
    tell("tags less", left=sorted([one.id, one.tags] for one in c.get_only_instances(instance_ids=ids)))


def volumes(c, machine):
    """A volume that is attached, and a snapshot of it."""
    volume = c.create_volume(5, HOW["zone"])
    until(volume.update, "available")
    volume.attach(machine, "/dev/sdf")
    until(volume.update, "in-use")
    snapshot = volume.create_snapshot("kept")
    until(lambda: snapshot.update() and snapshot.status, "completed")
    [status] = c.get_all_volume_status([volume.id])
    [seen] = c.get_all_volumes(filters={"attachment.instance-id": machine, "size": "5"})
    [kept] = c.get_all_snapshots(snapshot_ids=[snapshot.id])
    tell(
        "volumes",
        id=seen.id,
        size=seen.size,
        zone=seen.zone,
        machine=seen.attach_data.instance_id,
        device=seen.attach_data.device,
        status=status.volume_status.status,
        snapshot=kept.id,
        of=kept.volume_id,
        description=kept.description,
    )
    c.detach_volume(volume.id)
    until(volume.update, "available")
    again = c.create_volume(5, HOW["zone"], snapshot=snapshot.id)
    until(again.update, "available")
    tell("from a snapshot", id=again.id, snapshot=again.snapshot_id)
    for one in (again, volume):
        one.delete()
    c.delete_snapshot(snapshot.id)
    gone = [refused(c.get_all_volumes, [volume.id]), refused(c.get_all_snapshots, [snapshot.id])]
    tell("volumes gone", id=volume.id, gone=gone)


def addresses(c, machine):
    """An elastic address."""
    address = c.allocate_address(domain="vpc")
    c.associate_address(machine, allocation_id=address.allocation_id)
    [seen] = c.get_all_addresses(allocation_ids=[address.allocation_id])
    [one] = c.get_only_instances(instance_ids=[machine])
    tell("addresses", ip=seen.public_ip, machine=seen.instance_id, told=[one.ip_address, one.public_dns_name])
    c.disassociate_address(association_id=seen.association_id)
    c.release_address(allocation_id=address.allocation_id)
    tell("addresses gone", left=[one.public_ip for one in c.get_all_addresses()])


def images(c, machine):
    """A stopped machine, an image of it, another type for it."""
    [stopped] = c.stop_instances([machine])
    until(stopped.update, "stopped")
    c.modify_instance_attribute(machine, "instanceType", "m1.medium")
    image = c.get_image(c.create_image(machine, "own", "of boto"))
    until(image.update, "available")
    c.modify_image_attribute(image.id, groups="all")
    public = c.get_image(image.id).is_public
    permissions = c.get_image_attribute(image.id).attrs
    c.reset_image_attribute(image.id)
    [seen] = c.get_all_images(owners=["self"], filters={"name": "own"})
    tell("images", id=seen.id, name=seen.name, public=[public, seen.is_public], permissions=permissions)
    brought = c.register_image("brought", "of boto", "http://images.example.org/a.qcow2", architecture="x86_64")
    tell("a registered image", id=brought, name=c.get_image(brought).name)
    c.deregister_image(brought)
    c.deregister_image(image.id)
    [started] = c.start_instances([machine])
    until(started.update, "running")
    started.reboot()
    until(started.update, "running")
    tell("an image less", type=started.instance_type, left=refused(c.get_all_images, [image.id]))


def spot(c):
    """A spot request."""
    [made] = c.request_spot_instances("0.05", HOW["image"], instance_type="m1.small", placement=HOW["zone"])
    [seen] = c.get_all_spot_instance_requests([made.id])
    prices = [one.price for one in c.get_spot_price_history()]
    tell("spot", state=seen.state, price=seen.price, machine=seen.instance_id, prices=prices)
    [gone] = c.cancel_spot_instance_requests([made.id])
    return seen.instance_id, gone.state


def placement(c):
    """Placement groups."""
    c.create_placement_group("near", "cluster")
    tell("placement", groups=[[one.name, one.strategy, one.state] for one in c.get_all_placement_groups()])
    c.delete_placement_group("near")


def inside_a_subnet(c, subnet):
    """A machine in a subnet, and its interface."""
    own = NetworkInterfaceSpecification(subnet_id=subnet.id)
    inside = c.run_instances(
        HOW["image"], instance_type="m1.small", network_interfaces=NetworkInterfaceCollection(own)
    ).instances[0]
    until(inside.update, "running")
    card = inside.interfaces[0]
    c.assign_private_ip_addresses(card.id, secondary_private_ip_address_count=1)
    [seen] = c.get_all_network_interfaces([card.id])
    further = [one.private_ip_address for one in seen.private_ip_addresses if not one.primary]
    c.modify_network_interface_attribute(card.id, "sourceDestCheck", True)
    there = seen.subnet_id == subnet.id
    tell("inside", machine=inside.id, ip=inside.private_ip_address, further=further, subnet=there)
    c.unassign_private_ip_addresses(card.id, further)
    inside.terminate()
    until(inside.update, "terminated")


def vpc(c):
    """A VPC with all that belongs to it."""
    made = c.create_vpc("10.20.0.0/16")
    c.modify_vpc_attribute(made.id, enable_dns_hostnames=True)
    hostnames = c.describe_vpc_attribute(made.id, "enableDnsHostnames").enable_dns_hostnames
    subnet = c.create_subnet(made.id, "10.20.1.0/24")
    gateway = c.create_internet_gateway()
    c.attach_internet_gateway(gateway.id, made.id)
    table = c.create_route_table(made.id)
    c.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    c.replace_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    association = c.associate_route_table(table.id, subnet.id)
    acl = c.create_network_acl(made.id)
    c.create_network_acl_entry(acl.id, 100, 6, "allow", "0.0.0.0/0", False, port_range_from=22, port_range_to=23)
    c.replace_network_acl_entry(acl.id, 100, 6, "deny", "0.0.0.0/0", False, port_range_from=22, port_range_to=24)
    c.associate_network_acl(acl.id, subnet.id)
    options = c.get_all_dhcp_options()
    c.associate_dhcp_options("default", made.id)
    [main] = c.get_all_route_tables(filters={"association.main": "true", "vpc-id": made.id})
    elsewhere = c.replace_route_table_association_with_assoc(association, main.id)
    association = c.replace_route_table_association_with_assoc(elsewhere, table.id)
    [seen] = c.get_all_vpcs([made.id])
    [inner] = c.get_all_subnets(filters={"vpc-id": made.id})
    [out] = c.get_all_internet_gateways([gateway.id])
    [routed] = c.get_all_route_tables([table.id])
    [listed] = c.get_all_network_acls([acl.id])
    first = [entry for entry in listed.network_acl_entries if int(entry.rule_number) == 100]
    tell(
        "vpc",
        id=seen.id,
        cidr=seen.cidr_block,
        state=seen.state,
        hostnames=hostnames,
        options=seen.dhcp_options_id in [one.id for one in options],
        subnet=[inner.id, inner.cidr_block, inner.vpc_id == seen.id, inner.availability_zone],
        attached=[one.vpc_id for one in out.attachments] == [seen.id],
        routes=sorted([one.destination_cidr_block, one.gateway_id == gateway.id] for one in routed.routes),
        associated=[[one.id == association, one.subnet_id == inner.id] for one in routed.associations],
        entries=[[one.rule_action, one.port_range.from_port, one.port_range.to_port] for one in first],
        guards=[one.subnet_id == inner.id for one in listed.associations],
    )
    inside_a_subnet(c, subnet)
    c.disassociate_network_acl(subnet.id)
    c.delete_network_acl_entry(acl.id, 100, False)
    c.delete_network_acl(acl.id)
    c.disassociate_route_table(association)
    c.delete_route(table.id, "0.0.0.0/0")
    c.delete_route_table(table.id)
    c.detach_internet_gateway(gateway.id, made.id)
    c.delete_internet_gateway(gateway.id)
    until(lambda: refused(c.delete_subnet, subnet.id), None)
    until(lambda: refused(c.delete_vpc, made.id), None)
    tell("no vpc", vpcs=len(c.get_all_vpcs()), subnets=len(c.get_all_subnets()))


def main():
    """All of it, in an order in which an account uses it."""
    c = Connection(
        HOW["key"],
        HOW["secret"],
        is_secure=HOW.get("secure", False),
        port=HOW["port"],
        region=RegionInfo(name="cs", endpoint=HOW.get("host", "127.0.0.1")),
        api_version=HOW["version"],
    )
    c.num_retries = 0
    places(c)
    keys(c)
    groups(c)
    ids = launched(c)
    attributes(c, ids)
    tags(c, ids)
    volumes(c, ids[0])
    images(c, ids[0])
    granted, cancelled = spot(c)
    placement(c)
    if HOW["zone"] == "Sandbox":
        addresses(c, ids[0])
        vpc(c)
    ended = c.terminate_instances([granted] + ids)  # noqa: RUF005 - as above
    tell("ending", cancelled=cancelled, states=sorted([one.id, one.previous_state] for one in ended))
    for one in ended:
        until(one.update, "terminated")
    until(lambda: refused(c.delete_security_group, "db"), None)
    until(lambda: refused(c.delete_security_group, None, c.get_all_security_groups(["web"])[0].id), None)
    c.delete_key_pair("made")
    tell("ended", groups=sorted(one.name for one in c.get_all_security_groups()), answered=sorted(ANSWERED))


main()
