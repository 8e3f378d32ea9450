"""The user data of machines whose launcher gave none: it provides the name that EC2's scripts ask for metadata under.

It provides the name that EC2's scripts ask for metadata under: CloudStack's virtual router serves metadata in EC2's
form, but under the name `data-server`. Without a name server that knows `instance-data.ec2.internal`, the machine's
own hosts file does.

Source: CloudStack 4.19, systemvm: the router's name server knows data-server; Apache Mesos, ec2: setup-slave.
"""

from __future__ import annotations

NAMES = b"""#!/bin/sh
# Gives the metadata service the names that it has on EC2.
names="instance-data.ec2.internal instance-data"
server=$(getent hosts data-server | awk '{ print $1; exit }')
if [ -z "$server" ]; then
    server=$(cat /run/systemd/netif/leases/* /var/lib/dhcp/*.leases /var/lib/dhclient/*.lease* 2>/dev/null |
        sed -n 's/^SERVER_ADDRESS=//p; s/.*dhcp-server-identifier \\([0-9.]*\\);.*/\\1/p' | tail -n 1)
fi
if [ -n "$server" ] && ! grep -q 'instance-data\\.ec2\\.internal' /etc/hosts; then
    echo "$server $names" >> /etc/hosts
fi
"""
"""A script that cloud-init runs at a machine's first start."""


def user_data(given: bytes | None) -> bytes:
    """What a machine is given: the client's own, unchanged, or the script above."""
    return given or NAMES
