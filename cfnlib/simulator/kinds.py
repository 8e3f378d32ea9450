"""Which kind of thing a uuid parameter names.

Metadata gives each uuid parameter the commands whose answers hold such a thing (`related`); the kind follows from
them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.simulator.api import Parameter

# kind -> commands that answer with it
ANSWERED_BY = {
    "zone": "listZones",
    "domain": "listDomains listDomainChildren",
    "account": "listAccounts createAccount",
    "user": "listUsers createUser getUser",
    "project": "listProjects activateProject",
    "network": "createNetwork listNetworks",
    "host": "listHosts addHost reconnectHost",
    "pod": "listPods createPod updatePod",
    "cluster": "listClusters addCluster updateCluster",
    "storagepool": "listStoragePools createStoragePool",
    "physicalnetwork": "createPhysicalNetwork listPhysicalNetworks",
    "virtualmachine": "listVirtualMachines deployVirtualMachine startVirtualMachine destroyVirtualMachine",
    "serviceoffering": "listServiceOfferings updateServiceOffering",
    "diskoffering": "listDiskOfferings createDiskOffering",
    "networkoffering": "listNetworkOfferings createNetworkOffering",
    "vpcoffering": "listVPCOfferings createVPCOffering",
    "publicip": "listPublicIpAddresses associateIpAddress",
    "volume": "listVolumes createVolume attachVolume",
    "snapshot": "listSnapshots createSnapshot",
    "securitygroup": "createSecurityGroup listSecurityGroups",
    "affinitygroup": "listAffinityGroups createAffinityGroup",
    "instancegroup": "createInstanceGroup listInstanceGroups",
    "vpc": "listVPCs createVPC",
    "networkacllist": "createNetworkACLList listNetworkACLLists",
    "networkacl": "createNetworkACL listNetworkACLs",
    "privategateway": "createPrivateGateway listPrivateGateways",
    "staticroute": "createStaticRoute listStaticRoutes",
    "nic": "listNics",
    "keypair": "listSSHKeyPairs createSSHKeyPair",
    "ostype": "listOsTypes addGuestOs",
    "oscategory": "listOsCategories",
    "role": "listRoles createRole",
    "router": "listRouters destroyRouter",
    "firewallrule": "listFirewallRules createFirewallRule",
    "loadbalancerrule": "listLoadBalancerRules",
    "portforwardingrule": "listPortForwardingRules createPortForwardingRule",
    "vlan": "createVlanIpRange listVlanIpRanges dedicatePublicIpRange",
    "vmsnapshot": "createVMSnapshot listVMSnapshot",
    "job": "queryAsyncJobResult listAsyncJobs",
    "userdata": "listUserData registerUserData",
}
# Templates and ISOs live in one table, as rules of the firewall family do: a parameter may name either.
WIDER = {
    "firewallrule": ("firewallrule", "egressrule", "portforwardingrule", "loadbalancerrule"),
    "portforwardingrule": ("portforwardingrule", "firewallrule", "egressrule", "loadbalancerrule"),
    "loadbalancerrule": ("loadbalancerrule",),
}
_KIND = {command: kind for kind, commands in ANSWERED_BY.items() for command in commands.split()}


@cache
def kinds_of(parameter: Parameter) -> tuple[str, ...]:
    """The kinds a uuid given for this parameter may have; empty if any kind will do."""
    if parameter.name == "jobid":
        return ("job",)
    if "listTemplates" in parameter.related or "listIsos" in parameter.related:
        return ("template",)
    found = {_KIND[name] for name in parameter.related if name in _KIND}
    if len(found) != 1:
        return ()
    [kind] = found
    return WIDER.get(kind, (kind,))
