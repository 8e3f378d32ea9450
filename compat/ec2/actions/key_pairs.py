"""SSH key pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error, not_found, unsupported
from compat.ec2.filters import filtered
from compat.ec2.homes import tags_asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compat.ec2.world import Row, World

FILTERS = {"fingerprint": "KeyFingerprint", "key-name": "KeyName", "key-pair-id": "KeyPairId"}


def create_key_pair(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Make a key pair on the cloud, which gives the private key this one time."""
    _check_kind(params)
    name = _free(world, params)
    answer = world.call("createSSHKeyPair", name=name)
    pair = answer.get("keypair", answer)
    return {**_described(world, pair), "KeyMaterial": pair.get("privatekey")}


def import_key_pair(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Give the cloud a public key. CloudStack takes RSA, DSA, ECDSA and Ed25519 keys in OpenSSH's form."""
    name = _free(world, params)
    try:
        text = params["PublicKeyMaterial"].decode("ascii").strip()
    except UnicodeDecodeError:
        raise Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from None
    if not text.startswith(("ssh-", "ecdsa-")):
        raise Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
    answer = world.call("registerSSHKeyPair", name=name, publickey=text)
    return _described(world, answer.get("keypair", answer))


def delete_key_pair(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """Remove a key pair; one that is not there is no error, as on EC2."""
    name, pair_id = params.get("KeyName"), params.get("KeyPairId")
    if not name and not pair_id:
        raise Ec2Error("MissingParameter", "The request must contain the parameter KeyName or KeyPairId")
    if pair_id:
        name = world.one("keypair", pair_id)["name"]
    if any(row["name"] == name for row in world.rows("keypair")):
        world.call("deleteSSHKeyPair", name=name)
    return {"Return": True}


def describe_key_pairs(world: World, params: Mapping[str, Any]) -> dict[str, Any]:
    """The key pairs of the account."""
    rows = world.chosen("keypair", params.get("KeyPairIds"))
    names = params.get("KeyNames")
    if names:
        missing = [name for name in names if name not in {row["name"] for row in rows}]
        if missing:
            raise not_found("keypair", missing[0])
        rows = [row for row in rows if row["name"] in names]
    return {"KeyPairs": filtered((_described(world, row) for row in rows), params.get("Filters"), FILTERS)}


def _check_kind(params: Mapping[str, Any]) -> None:
    """Raise `Ec2Error` for a key of a kind that CloudStack does not make."""
    for name, made in (("KeyType", "rsa"), ("KeyFormat", "pem")):
        if params.get(name) not in {None, "", made}:
            raise unsupported(
                f"{name} {params[name]}: CloudStack makes {made} keys; bring another with ImportKeyPair"
            )


def _free(world: World, params: Mapping[str, Any]) -> str:
    """The name of a new key pair. Raises `Ec2Error`."""
    name = str(params["KeyName"])
    if tags_asked(params, "key-pair"):
        raise unsupported("a key pair of CloudStack carries no tags: give its purpose in its name")
    if not 1 <= len(name) <= 255:
        raise Ec2Error("InvalidParameterValue", "Value for parameter KeyName is invalid. It must be 1 to 255 long.")
    if any(row["name"] == name for row in world.rows("keypair")):
        raise Ec2Error("InvalidKeyPair.Duplicate", f"The keypair '{name}' already exists.")
    return name


def _described(world: World, row: Row) -> dict[str, Any]:
    pair_id = world.learn("keypair", str(row.get("id") or row["name"]))
    return {"KeyName": row["name"], "KeyFingerprint": row.get("fingerprint") or "", "KeyPairId": pair_id}


ACTIONS = {
    "CreateKeyPair": create_key_pair,
    "DeleteKeyPair": delete_key_pair,
    "DescribeKeyPairs": describe_key_pairs,
    "ImportKeyPair": import_key_pair,
}
