"""Who is calling: AWS's signatures and CloudStack's, checked with the secrets that CloudStack itself gave out.

`Gate` takes a request apart and finds its `Caller`; `Keyring` knows secrets, from a key file or from the cloud, in
memory only. Both doors, CloudFormation's and EC2's, stand on it and translate a `Refusal` into their own codes.
"""

from __future__ import annotations

from cfnlib.identity.gate import Gate
from cfnlib.identity.keyring import AdminKeyring, Caller, ChainedKeyring, FileKeyring, FixedKeyring, Keyring
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.identity.request import SignedRequest
from cfnlib.identity.urls import check_url, sign_url

__all__ = [
    "AdminKeyring",
    "Caller",
    "ChainedKeyring",
    "FileKeyring",
    "FixedKeyring",
    "Gate",
    "Keyring",
    "Refusal",
    "RefusedError",
    "SignedRequest",
    "check_url",
    "sign_url",
]
