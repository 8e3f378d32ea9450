"""Calls about SSH key pairs.

Source: CloudStack 4.19: a key pair is known and deleted by its name, unique in the account; `listSSHKeyPairs`
filters by the whole name; only the answer to `createSSHKeyPair` has the private key.
"""

from __future__ import annotations

from cfnlib.schema.calls import Call, Effect, Find
from cfnlib.schema.model import Read

READ = Read("listSSHKeyPairs", "sshkeypair")


def create(name: str, public_key: str | None, *, exclusive: bool) -> Call:
    """Register the public key, or have a pair made."""
    if public_key is None:
        return Call("createSSHKeyPair", {"name": name}, Effect.CREATES, "keypair", _named(name), exclusive)
    params = {"name": name, "publickey": public_key}
    return Call("registerSSHKeyPair", params, Effect.CREATES, "keypair", _named(name), exclusive)


def delete(name: str) -> Call:
    """Delete the pair of this name."""
    return Call("deleteSSHKeyPair", {"name": name}, Effect.REMOVES, check=_named(name))


def _named(name: str) -> Find:
    return Find("listSSHKeyPairs", "sshkeypair", {"name": name}, {"name": name})
