"""Ids in EC2's form, made from CloudStack's UUIDs: `i-` and the UUID's first 17 hexadecimal digits.

So an id is the same at every bridge and after every restart, and nothing has to be stored. The way back is a look at
what the account has; what was found once is remembered, for an id never means another thing. CloudStack's UUIDs are
taken as well wherever an id is asked for.

Source: AWS, "Longer format resource IDs": a prefix, a hyphen, 8 or 17 hexadecimal digits.
"""

from __future__ import annotations

import re
from hashlib import sha256

DIGITS = 17

PREFIXES = {
    "instance": "i",
    "image": "ami",
    "volume": "vol",
    "snapshot": "snap",
    "securitygroup": "sg",
    "rule": "sgr",
    "address": "eipalloc",
    "association": "eipassoc",
    "nic": "eni",
    "attachment": "eni-attach",
    "vpc": "vpc",
    "subnet": "subnet",
    "acl": "acl",
    "aclassociation": "aclassoc",
    "keypair": "key",
    "gateway": "igw",
    "routetable": "rtb",
    "routetableassociation": "rtbassoc",
    "dhcpoptions": "dopt",
    "natgateway": "nat",
    "privategateway": "vgw",
    "cidrassociation": "vpc-cidr-assoc",
    "placementgroup": "pg",
    "reservation": "r",
    "spot": "sir",
}
"""The prefix of each kind of thing."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_FORM = re.compile(r"([a-z]+(?:-[a-z]+)?)-([0-9a-f]{8}|[0-9a-f]{17})")


def ec2_id(kind: str, uuid: str) -> str:
    """The id, in EC2's form, of a thing with this UUID. What is no UUID is hashed first."""
    digits = uuid.replace("-", "").lower() if is_uuid(uuid) else sha256(uuid.encode()).hexdigest()
    return f"{PREFIXES[kind]}-{digits[:DIGITS]}"


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as CloudStack writes it."""
    return _UUID.fullmatch(text) is not None


def has_form(kind: str, text: str) -> bool:
    """Whether a text could be an id of this kind."""
    found = _FORM.fullmatch(text)
    return is_uuid(text) or (found is not None and found[1] == PREFIXES[kind])
