"""CloudStack::AffinityGroup keeps machines on hosts of their own, or together: createAffinityGroup.

Source: CloudStack 4.19, createAffinityGroup, listAffinityGroupTypes: a name is unique in the account.
"""

from __future__ import annotations

from cfnlib.schema.calls import Find
from cfnlib.schema.model import Attribute, Desired, Native, Property, Read, ResourceType


def _find(desired: Desired) -> Find:
    name = desired.get("name", desired.name)
    return Find("listAffinityGroups", "affinitygroup", {"name": name}, {"name": name})


TYPE = ResourceType(
    name="CloudStack::AffinityGroup",
    doc="Keeps machines on hosts of their own, or together: createAffinityGroup.",
    properties={
        "name": Property("The name, unique in the account; one is made when absent.", param="name"),
        "type": Property(
            "`host anti-affinity`, `host affinity`, or another of the cloud's.", required=True, param="type"
        ),
        "description": Property("What it is for.", param="description"),
        "account": Property("The account to make it for; with domainid.", param="account"),
        "domainid": Property("The domain of that account.", param="domainid", lookup="domain"),
        "projectid": Property("The project to make it in.", param="projectid", lookup="project"),
    },
    attributes={
        "id": Attribute("The group's id.", "id"),
        "name": Attribute("Its name.", "name"),
        "type": Attribute("Its type.", "type"),
    },
    native=Native(
        key="affinitygroup",
        create="createAffinityGroup",
        delete="deleteAffinityGroup",
        read=Read("listAffinityGroups", "affinitygroup"),
        find=_find,
    ),
    source="CloudStack 4.19 createAffinityGroup, deleteAffinityGroup",
)
