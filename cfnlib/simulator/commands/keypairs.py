"""SSH key pairs."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import bad_value
from cfnlib.simulator.ownership import owner_fields

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity, World

KEY_TYPES = ("ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


def find_keypair(world: World, owner: str, name: str) -> Entity | None:
    """The key pair of an account by its name."""
    return next((one for one in world.by("keypair", "account", owner) if one["name"] == name), None)


def shown(world: World, pair: Entity) -> dict[str, Any]:
    """A key pair as answers show it."""
    fields = {"id": pair.uuid, "name": pair["name"]} | owner_fields(world, pair["account"])
    return fields | {"fingerprint": pair["fingerprint"], "hasannotations": False}


def create_keypair(call: Call) -> dict[str, Any]:
    """A new pair; the private key, random bytes in the form of one, is shown this once."""
    owner = call.owner()
    _check_new(call, owner)
    secret = call.world.random.randbytes(1190)
    body = base64.encodebytes(secret).decode()
    private = f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\n"
    modulus = b"\0" + bytes([secret[0] | 0x80]) + secret[1:255] + bytes([secret[255] | 1])
    parts = (b"ssh-rsa", b"\1\0\1", modulus)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    # Source: scenario s03: a made key ends with an empty comment and a line feed, where a registered one has neither.
    pair = _add(call, owner, f"ssh-rsa {base64.b64encode(blob).decode()} \n")
    return {"keypair": {"privatekey": private} | shown(call.world, pair)}


def register_keypair(call: Call) -> dict[str, Any]:
    """A pair of which the caller keeps the private key; the comment of the public one is dropped.

    The whole line may also come base64-encoded.
    """
    line = (call.text("publickey") or "").strip()
    if " " not in line:
        line = (_decoded(line) or b"").decode("latin-1")
    words = line.split()
    blob = _decoded(words[1]) if len(words) > 1 else None
    if not blob or words[0] not in KEY_TYPES:
        raise bad_value("Public key is invalid")
    owner = call.owner()
    _check_new(call, owner)
    return {"keypair": shown(call.world, _add(call, owner, f"{words[0]} {words[1]}"))}


def _decoded(text: str) -> bytes | None:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:  # binascii.Error is one; so is a letter beyond ASCII
        return None


def _check_new(call: Call, owner: Entity) -> None:
    name = call.text("name") or ""
    if find_keypair(call.world, owner.uuid, name) is not None:
        raise bad_value(f"A key pair with name '{name}' already exists.")


def _add(call: Call, owner: Entity, public: str) -> Entity:
    # Source: scenario s02: the fingerprint is the MD5 of the decoded key.
    digest = hashlib.md5(_decoded(public.split()[1]) or b"", usedforsecurity=False).hexdigest()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    return call.world.add(
        "keypair", name=call.text("name"), account=owner.uuid, publickey=public, fingerprint=fingerprint
    )


def list_keypairs(call: Call) -> dict[str, Any]:
    """Key pairs, by exact name or fingerprint."""
    found = [
        one
        for one in call.visible("keypair")
        if call.text("name") in {None, one["name"]}
        and call.text("id") in {None, one.uuid}
        and call.text("fingerprint") in {None, one["fingerprint"]}
        and (call.text("keyword") or "").lower() in one["name"].lower()
    ]
    return call.listing("sshkeypair", found, lambda one: shown(call.world, one))


def delete_keypair(call: Call) -> dict[str, Any]:
    """Forget a pair; machines keep the key they have."""
    owner, name = call.owner(), call.text("name") or ""
    pair = find_keypair(call.world, owner.uuid, name)
    if pair is None:
        raise bad_value(
            f"A key pair with name '{name}' does not exist for account {owner['name']} in specified domain id",
            (owner["domain"], "domainId"),
        )
    call.world.remove(pair)
    return {"success": True}


COMMANDS = {
    "createSSHKeyPair": create_keypair,
    "registerSSHKeyPair": register_keypair,
    "listSSHKeyPairs": list_keypairs,
    "deleteSSHKeyPair": delete_keypair,
}
