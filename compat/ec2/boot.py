"""The user data of machines whose launcher gave none: the names that EC2's scripts ask for metadata under.

CloudStack's virtual router serves metadata in EC2's form, but under the name `data-server`. Where no name server
knows `instance-data.ec2.internal`, the machine's own hosts file does. cloud-init runs the script at the first start
only, so the script leaves itself to be run at each: the router may have another address then.

Source: CloudStack 4.19, systemvm: the router's name server knows data-server; Apache Mesos, ec2: setup-slave;
cloud-init 22.4, modules scripts-user and scripts-per-boot.
"""

from __future__ import annotations

NAMES = b"""#!/bin/sh
# Gives the metadata service the names that it has on EC2, now and at each later start.
names="instance-data.ec2.internal instance-data"
mark="# kept by ec2-names"
again=/var/lib/cloud/scripts/per-boot
if [ -d "$again" ] && [ "$0" != "$again/ec2-names" ]; then
    cp "$0" "$again/ec2-names" && chmod 755 "$again/ec2-names"
fi
server=$(getent hosts data-server | awk '{ print $1; exit }')
if [ -z "$server" ]; then
    server=$(cat /run/systemd/netif/leases/* /var/lib/NetworkManager/*.lease /var/lib/dhcp/*.leases \\
        /var/lib/dhclient/*.lease* 2>/dev/null |
        sed -n 's/^SERVER_ADDRESS=//p; s/.*dhcp-server-identifier \\([0-9.]*\\);.*/\\1/p' | tail -n 1)
fi
if [ -z "$server" ]; then
    echo "ec2-names: no name server knows data-server, and no lease of DHCP is found" >&2
elif grep -q "$mark\\$" /etc/hosts; then
    sed -i "s/.*$mark\\$/$server $names $mark/" /etc/hosts
elif ! grep -q '^[^#]*instance-data\\.ec2\\.internal' /etc/hosts; then
    echo "$server $names $mark" >> /etc/hosts
fi
"""
"""A script that cloud-init runs at a machine's first start."""


def user_data(given: bytes | None) -> bytes:
    """What a machine is given: the client's own, unchanged, or the script above."""
    return given or NAMES
