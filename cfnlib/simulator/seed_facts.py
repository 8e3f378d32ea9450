"""Which things of the recorded cloud a new world starts with, picked out of the recordings.

Each kind of thing is taken as it stood in the first answer that listed it (the scenarios leave the cloud as they
found it). What a network can do, service by service, is taken from the networks and VPCs the scenarios made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlib.simulator.scenario import Exchange

# command -> (element in the answer, kind in the world)
LISTED = {
    "listZones": ("zone", "zone"),
    "listTemplates": ("template", "template"),
    "listServiceOfferings": ("serviceoffering", "serviceoffering"),
    "listDiskOfferings": ("diskoffering", "diskoffering"),
    "listNetworkOfferings": ("networkoffering", "networkoffering"),
    "listVPCOfferings": ("vpcoffering", "vpcoffering"),
    "listHypervisors": ("hypervisor", "hypervisor"),
    "listOsTypes": ("ostype", "ostype"),
    "listRegions": ("region", "region"),
    "listDomains": ("domain", "domain"),
    "listAccounts": ("account", "account"),
    "listHosts": ("host", "host"),
    "listPods": ("pod", "pod"),
    "listClusters": ("cluster", "cluster"),
    "listStoragePools": ("storagepool", "storagepool"),
    "listSupportedNetworkServices": ("networkservice", "networkservice"),
    "listAffinityGroupTypes": ("affinityGroupType", "affinitygrouptype"),
    "listCounters": ("counter", "counter"),
    "listNetworkACLLists": ("networkacllist", "networkacllist"),
    "listSecurityGroups": ("securitygroup", "securitygroup"),
}


def from_cassettes(cassettes: dict[str, list[Exchange]]) -> dict[str, Any]:
    """Kind -> the things of that kind, as they were answered; and `network_services`, by offering."""
    facts: dict[str, Any] = {"capability": {}, "network_services": {}}
    for exchanges in cassettes.values():
        for one in exchanges:
            if one.status == 200 and "json" in one.content_type:
                _pick(one, facts)
    isos = [one for one in facts.get("template", []) if one.get("format") == "ISO"]
    facts["template"] = [one for one in facts["template"] if one not in isos]
    return facts


def _pick(one: Exchange, facts: dict[str, Any]) -> None:
    command = one.parameters.get("command", "")
    [content] = one.body.values()
    if command == "listCapabilities":
        facts["capability"] = content["capability"]
    if command in LISTED:
        element, kind = LISTED[command]
        if element in content and kind not in facts:
            facts[kind] = content[element]
        elif kind == "ostype":  # the recordings list them in parts
            facts[kind] += [one for one in content.get(element, []) if one not in facts[kind]]
    if command == "listNetworks" and "network" not in facts:
        facts["network"] = [each for each in content.get("network", []) if each["type"] == "Shared"]
    for element, found in _things(one.body):
        if element in {"network", "vpc"} and isinstance(found.get("service"), list):
            name = found.get("networkofferingname") or found.get("vpcofferingname") or element
            facts["network_services"].setdefault(name, _without_prose(found["service"]))


def _things(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            for each in inner if isinstance(inner, list) else [inner]:
                if isinstance(each, dict):
                    yield key, each
                    yield from _things(each)


def _without_prose(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for service in services:
        for capability in service.get("capability", []):
            if capability.get("name") == "SupportedStickinessMethods":
                methods = json.loads(capability["value"])
                for method in methods:
                    method["description"] = method["methodname"]
                capability["value"] = json.dumps(methods, separators=(",", ":"))
    return services
