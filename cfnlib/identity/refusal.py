"""Why a request is not admitted."""

from __future__ import annotations

from enum import Enum

from cfnlib.errors import CfnlibError


class Refusal(Enum):
    """The reasons; each door has its own codes for them."""

    MISSING = "no signature"
    INCOMPLETE = "a signature with something missing"
    MALFORMED = "a signature that can be read in more than one way"
    UNKNOWN_KEY = "an access key that the cloud does not know"
    MISMATCH = "not the signature that request and secret give"
    EXPIRED = "a presigned request whose time is over"
    SKEWED = "a time too far from the service's own"
    REPLAYED = "a request that was received before"
    UNAVAILABLE = "the cloud cannot be asked who calls"


class RefusedError(CfnlibError):
    """A request is not admitted: `refusal` is why. The text holds neither secrets nor signatures."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal
