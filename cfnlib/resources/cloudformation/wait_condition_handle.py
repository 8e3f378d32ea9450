"""AWS::CloudFormation::WaitConditionHandle is the address at which a machine says that it is ready.

It lives in cfnlib alone: the engine gives the address, and takes what is sent there.

Source: AWS CloudFormation user guide, AWS::CloudFormation::WaitConditionHandle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.schema.model import Attribute, ResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import Desired


def _local(desired: Desired) -> Mapping[str, Any]:
    return {"Url": desired.get("_url", ""), "Id": desired.logical_id}


TYPE = ResourceType(
    name="AWS::CloudFormation::WaitConditionHandle",
    doc="An address at which machines report to an AWS::CloudFormation::WaitCondition.",
    properties={},
    attributes={
        "Url": Attribute("The address.", "Url"),
        "Id": Attribute("The handle's logical id.", "Id"),
    },
    ref="Url",
    local=_local,
    source="AWS CloudFormation user guide",
)
