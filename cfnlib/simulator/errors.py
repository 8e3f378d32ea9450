"""How CloudStack refuses a call: HTTP status, CloudStack's own code, and the text.

The pairs (status, cserrorcode) are those of the recordings of 4.19 (`data/scenarios.json.gz`).
"""

from __future__ import annotations


class ApiError(Exception):
    """A refusal, raised anywhere below the dispatcher and turned into an error answer (or a failed job) there.

    `cserrorcode` None leaves the field out, as CloudStack does for a bad signature. `uuids` are (uuid, description)
    of the things the text speaks of. `envelope` replaces the name of the element the error is wrapped in.
    """

    def __init__(
        self,
        status: int,
        cserrorcode: int | None,
        text: str,
        uuids: tuple[tuple[str, str], ...] = (),
        envelope: str | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.cserrorcode = cserrorcode
        self.text = text
        self.uuids = uuids
        self.envelope = envelope


def bad_value(text: str, *uuids: tuple[str, str]) -> ApiError:
    """A parameter has a value that cannot be (found by the command itself)."""
    return ApiError(431, 4350, text, uuids)


def bad_parameter(text: str) -> ApiError:
    """A parameter is missing or malformed (found before the command runs)."""
    return ApiError(431, 9999, text)


def no_such(command: str, parameter: str, value: str) -> ApiError:
    """A parameter names, by its uuid, a thing that is not known."""
    return bad_parameter(
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {parameter} value="
        f"{value} due to incorrect long value format, or entity does not exist or due to incorrect parameter "
        "annotation for the field in api cmd class."
    )


def failed(text: str) -> ApiError:
    """The command was understood but could not be done."""
    return ApiError(530, 9999, text)


def conflict(text: str) -> ApiError:
    """A rule for the network contradicts one that is there."""
    return ApiError(537, 4360, text)


def no_capacity(text: str) -> ApiError:
    """There is no room: no host, no address."""
    return ApiError(533, 9999, text)


def not_permitted(text: str) -> ApiError:
    """The thing belongs to somebody else."""
    return ApiError(531, 4365, text)


def unauthorized(envelope: str | None = None) -> ApiError:
    """The signature is wrong, the key unknown, the command unknown."""
    text = "unable to verify user credentials and/or request signature"
    return ApiError(401, None, text, envelope=envelope)
