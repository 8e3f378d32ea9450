"""AWS::CloudFormation::WaitCondition holds the stack until machines have reported.

It lives in cfnlib alone: the engine counts what comes to its handle.

Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitCondition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.schema.model import Attribute, Kind, Property, ResourceType, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired


def _local(desired: Desired) -> Mapping[str, Any]:
    said = desired.get("_data")  # only while it is made: what was reported then is kept
    return {"Id": desired.name} | ({"Data": said} if said is not None else {})


TYPE = ResourceType(
    name="AWS::CloudFormation::WaitCondition",
    doc="Waits until `Count` machines have reported success to a handle, or one has reported failure.",
    properties={
        "Handle": Property("A Ref to the AWS::CloudFormation::WaitConditionHandle. A new one waits anew."),
        "Timeout": Property(
            "How long to wait, in seconds; a wait that is over is not waited for again.",
            kind=Kind.INTEGER,
            update=Update.IN_PLACE,
            minimum=0,
            maximum=43200,
        ),
        "Count": Property("How many reports.", Kind.INTEGER, update=Update.IN_PLACE, minimum=1, default=1),
    },
    attributes={
        "Data": Attribute("What was reported: a JSON object, in a text, from each unique id to its data.", "Data"),
        "Id": Attribute("The condition's name.", "Id"),
    },
    local=_local,
    source="AWS CloudFormation user guide",
)
