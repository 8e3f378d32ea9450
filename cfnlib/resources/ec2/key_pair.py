"""AWS::EC2::KeyPair is a CloudStack SSH key pair.

With PublicKeyMaterial the key is registered; without, CloudStack makes a pair and tells the private key once, which
is kept as the attribute PrivateKey. Where that answer is lost, the private key is lost, and the pair must be
replaced.

Source: CloudFormation's resource specification, AWS::EC2::KeyPair; CloudStack 4.19, createSSHKeyPair,
registerSSHKeyPair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.resources.ignored import ignored
from cfnlib.resources.keys import READ, create, delete
from cfnlib.schema.model import Attribute, Kind, Native, Property, ResourceType, Update

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import Desired, Existing


def _create(desired: Desired) -> list[Call]:
    return [create(desired.get("KeyName"), desired.get("PublicKeyMaterial"), exclusive=True)]


def _delete(existing: Existing) -> list[Call]:
    return [delete(existing.get("KeyName"))]


TYPE = ResourceType(
    name="AWS::EC2::KeyPair",
    doc="A key for logging in to machines: registerSSHKeyPair, or createSSHKeyPair when no public key is given.",
    properties={
        "KeyName": Property("The name, unique in the account.", required=True, param="name"),
        "PublicKeyMaterial": Property("The public key, as OpenSSH writes it.", param="publickey"),
        "KeyType": Property("CloudStack makes RSA keys.", allowed=("rsa",), default="rsa", update=Update.IN_PLACE),
        "KeyFormat": Property("CloudStack makes PEM files.", allowed=("pem",), default="pem", update=Update.IN_PLACE),
        **ignored("a key pair takes no tags", "Tags"),
    },
    attributes={
        "KeyName": Attribute("The name.", "name"),
        "KeyPairId": Attribute("The key pair's id.", "id"),
        "KeyFingerprint": Attribute("The fingerprint of the public key.", "fingerprint"),
        "PrivateKey": Attribute(
            "The private key of a pair that CloudStack made.", "privatekey", kind=Kind.STRING, secret=True
        ),
    },
    ref="KeyName",
    ec2=True,
    native=Native(key="keypair", create=_create, delete=_delete, read=READ, remove_first=True),
    source="CloudFormation resource specification; CloudStack 4.19 createSSHKeyPair, registerSSHKeyPair",
)
