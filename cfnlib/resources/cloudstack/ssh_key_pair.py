"""CloudStack::SSHKeyPair is a key for logging in to machines: registerSSHKeyPair, or createSSHKeyPair without a key.

The private key of a pair that CloudStack made is told once; it is kept as the attribute privatekey.

Source: CloudStack 4.19, createSSHKeyPair, registerSSHKeyPair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.keys import READ, create, delete
from cfnlib.schema.model import Attribute, Native, Property, ResourceType

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    name = desired.get("name")
    return [create(name or desired.name, desired.get("publickey"), exclusive=name is not None)]


def _delete(existing: Existing) -> list[Call]:
    return [delete(existing.get("name", existing.name))]


TYPE = ResourceType(
    name="CloudStack::SSHKeyPair",
    doc="A key for logging in to machines: registerSSHKeyPair, or createSSHKeyPair when no public key is given.",
    properties={
        "name": Property("The name, unique in the account; one is made when absent.", param="name"),
        "publickey": Property("The public key, as OpenSSH writes it.", param="publickey"),
    },
    attributes={
        "name": Attribute("The name.", "name"),
        "id": Attribute("The key pair's id.", "id"),
        "fingerprint": Attribute("The fingerprint of the public key.", "fingerprint"),
        "privatekey": Attribute("The private key of a pair that CloudStack made.", "privatekey", secret=True),
    },
    ref="name",
    native=Native(key="keypair", create=_create, delete=_delete, read=READ, remove_first=True),
    source="CloudStack 4.19 createSSHKeyPair, registerSSHKeyPair, deleteSSHKeyPair",
)
