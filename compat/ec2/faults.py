"""EC2's errors: one exception, and the one table from CloudStack's errors to EC2's codes.

Source: Amazon EC2 API reference, Error codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.errors import (
    AuthenticationError,
    CapacityError,
    CfnlibError,
    ConfigError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    JobFailedError,
    LimitError,
    NotAllowedError,
    NotFoundError,
    UnknownOutcomeError,
    UnreachableError,
)
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.wire import InvalidParametersError, ec2_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Ec2Error(CfnlibError):
    """What a client is told: `code` is EC2's, `status` the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


MALFORMED = {
    "instance": "InvalidInstanceID.Malformed",
    "image": "InvalidAMIID.Malformed",
    "volume": "InvalidParameterValue",
    "snapshot": "InvalidParameterValue",
    "securitygroup": "InvalidGroupId.Malformed",
}
NOT_FOUND = {
    "instance": ("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    "image": ("InvalidAMIID.NotFound", "The image id '[{}]' does not exist"),
    "volume": ("InvalidVolume.NotFound", "The volume '{}' does not exist."),
    "snapshot": ("InvalidSnapshot.NotFound", "The snapshot '{}' does not exist."),
    "securitygroup": ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    "rule": ("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist"),
    "address": ("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    "association": ("InvalidAssociationID.NotFound", "The association ID '{}' does not exist"),
    "nic": ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist"),
    "attachment": ("InvalidAttachmentID.NotFound", "The attachment ID '{}' does not exist"),
    "vpc": ("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    "subnet": ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    "acl": ("InvalidNetworkAclID.NotFound", "The networkAcl ID '{}' does not exist"),
    "keypair": ("InvalidKeyPair.NotFound", "The key pair '{}' does not exist"),
    "gateway": ("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    "routetable": ("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    "routetarget": ("InvalidGatewayID.NotFound", "The gateway ID '{}' does not exist"),
    "natgateway": ("NatGatewayNotFound", "The Nat Gateway {} was not found"),
    "dhcpoptions": ("InvalidDhcpOptionID.NotFound", "The dhcpOption ID '{}' does not exist"),
    "placementgroup": ("InvalidPlacementGroup.Unknown", "The Placement Group '{}' is unknown."),
    "spot": ("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '{}' does not exist"),
    "zone": ("InvalidParameterValue", "Invalid availability zone: [{}]"),
    "type": ("InvalidParameterValue", "Invalid value '{}' for InstanceType."),
}
"""For each kind of thing: the code and the text when there is none such."""


def not_found(kind: str, name: str) -> Ec2Error:
    """There is no such thing, or it is not the caller's."""
    code, text = NOT_FOUND[kind]
    return Ec2Error(code, text.format(name))


def unsupported(reason: str) -> Ec2Error:
    """What CloudStack cannot do, and why."""
    return Ec2Error("UnsupportedOperation", reason)


_OF_CLOUD: tuple[tuple[type[CfnlibError], str, int], ...] = (
    (NotFoundError, "InvalidParameterValue", 400),
    (LimitError, "ResourceLimitExceeded", 400),
    (CapacityError, "InsufficientInstanceCapacity", 500),
    (InUseError, "DependencyViolation", 400),
    (ConflictError, "InvalidParameterValue", 400),
    (NotAllowedError, "UnauthorizedOperation", 403),
    (AuthenticationError, "AuthFailure", 401),
    (InvalidRequestError, "InvalidParameterValue", 400),
    (UnreachableError, "Unavailable", 503),
    (UnknownOutcomeError, "Unavailable", 503),
    (ConfigError, "UnsupportedOperation", 400),
    (JobFailedError, "IncorrectState", 400),  # boto makes a request again that is answered with 500
)
_OF_REFUSAL: Mapping[Refusal, tuple[str, int]] = {
    Refusal.MISSING: ("MissingAuthenticationToken", 403),
    Refusal.INCOMPLETE: ("IncompleteSignature", 400),
    Refusal.MALFORMED: ("IncompleteSignature", 400),
    Refusal.UNKNOWN_KEY: ("AuthFailure", 401),
    Refusal.MISMATCH: ("SignatureDoesNotMatch", 403),
    Refusal.EXPIRED: ("RequestExpired", 400),
    Refusal.SKEWED: ("RequestExpired", 400),
    Refusal.REPLAYED: ("RequestExpired", 400),
    Refusal.UNAVAILABLE: ("Unavailable", 503),
}


def as_ec2(error: CfnlibError) -> Ec2Error:
    """Any error of cfnlib as the one that EC2 would give."""
    if isinstance(error, Ec2Error):
        return error
    if isinstance(error, RefusedError):
        code, status = _OF_REFUSAL[error.refusal]
        return Ec2Error(code, str(error), status)
    if isinstance(error, InvalidParametersError):
        return Ec2Error(*ec2_refusal(error.faults))
    for kind, code, status in _OF_CLOUD:
        if isinstance(error, kind):
            return Ec2Error(code, str(error), status)
    return Ec2Error("InternalError", str(error), 500)
