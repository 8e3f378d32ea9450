"""CloudStack::SecurityGroup is a named set of rules, in zones that have them: createSecurityGroup.

Its rules are CloudStack::SecurityGroupIngress and CloudStack::SecurityGroupEgress.

Source: CloudStack 4.19, createSecurityGroup: a name is unique in the account; users cannot rename a group.
"""

from __future__ import annotations

from cfnlib.schema.calls import Find
from cfnlib.schema.model import Attribute, Desired, Kind, Native, Property, Read, ResourceType, Update


def _find(desired: Desired) -> Find:
    name = desired.get("name", desired.name)
    return Find("listSecurityGroups", "securitygroup", {"securitygroupname": name}, {"name": name})


TYPE = ResourceType(
    name="CloudStack::SecurityGroup",
    doc="A named set of rules that machines are put into, in zones that have them: createSecurityGroup.",
    properties={
        "name": Property("The name, unique in the account; one is made when absent.", param="name"),
        "description": Property("What it is for.", param="description"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to make it in.", param="projectid", lookup="project"),
        "tags": Property("Tags of the group.", kind=Kind.TAGS, update=Update.IN_PLACE),
    },
    attributes={
        "id": Attribute("The group's id.", "id"),
        "name": Attribute("Its name.", "name"),
        "description": Attribute("What it is for.", "description"),
        "account": Attribute("The account it belongs to.", "account"),
    },
    native=Native(
        key="securitygroup",
        create="createSecurityGroup",
        delete="deleteSecurityGroup",
        read=Read("listSecurityGroups", "securitygroup"),
        find=_find,
        tag_type="SecurityGroup",
    ),
    source="CloudStack 4.19 createSecurityGroup, deleteSecurityGroup",
)
