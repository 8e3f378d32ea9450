"""Why an action of EC2 is not offered here, and what to do instead.

Every action of EC2's model that no module of `actions` has is found here: by its name, or by a word in it. The first
that fits counts, so the narrower stand before the wider.
"""

from __future__ import annotations

_TABLE = """\
VpcPeering: CloudStack does not peer VPCs: put both sides' subnets into one VPC, whose tiers are routed, or join
    two VPCs with CloudStack's createVpnGateway, createVpnCustomerGateway and createVpnConnection
ClientVpn: CloudStack's client VPN is on its routers: createRemoteAccessVpn on a public address and addVpnUser
VpnConcentrator: CloudStack has site-to-site VPNs one by one: createVpnConnection for each customer gateway
VpnGateway: the VPN gateway of a VPC is part of its router: CloudStack's createVpnGateway with the vpcid
CustomerGateway: the other side of a VPN needs its secret and ciphers, which EC2's call does not take:
    CloudStack's createVpnCustomerGateway does
VpnConnection: a VPN of CloudStack is made of gateways of its own: createVpnConnection with s2svpngatewayid and
    s2scustomergatewayid, and listVpnConnections tells of it
VpnTunnel: a VPN of CloudStack has one tunnel, whose settings are its customer gateway's: updateVpnCustomerGateway
    and resetVpnConnection change it
VgwRoute: routes are not propagated from a VPN: a customer gateway of CloudStack names the other side's blocks
TransitGateway: nothing routes between VPCs of CloudStack but VPNs and private gateways: put the subnets into one
    VPC, or use createPrivateGateway (an administrator's call) with routes to it
LocalGateway: there are no Outposts here: machines reach the network beside the cloud by CloudStack's private
    gateways and shared networks
Coip: there are no Outposts here: public addresses are CloudStack's own, AllocateAddress takes one
OutpostLag: there are no Outposts here
ServiceLink: there are no Outposts here
CarrierGateway: there are no carriers' zones here: an internet gateway is the way out of a VPC
EgressOnlyInternetGateway: this API speaks of IPv4 only, whose way out is a NAT gateway or the VPC's source NAT;
    IPv6 is set up on CloudStack's network offerings
Ipv6: this API speaks of IPv4 only: CloudStack gives IPv6 addresses by the network offering, not by a call
SubnetCidrBlock: a subnet has the one block that it was made with, and that is of IPv4: make another subnet
VpcCidrBlock: a VPC of CloudStack has the one block that it was made with: make it larger, or another VPC
SubnetCidrReservation: CloudStack reserves addresses when a network is made, by its startip and endip: ask for
    machines' addresses with PrivateIpAddress
NatGatewayAddress: a NAT gateway here is the VPC's source NAT, which has one public address: give machines
    addresses of their own with AssociateAddress
VpcEndpoint: there are no services of AWS inside this cloud's networks to have an endpoint for: machines reach
    what is served elsewhere by the VPC's way out
ClassicLink: CloudStack has no classic network to link: give the machine an interface in the subnet with
    AttachNetworkInterface
MoveAddressToVpc: an address stays in the network or VPC it was allocated for: AllocateAddress with the VPC's id
    as NetworkBorderGroup takes one there
RestoreAddressToClassic: an address stays in the network or VPC it was allocated for: AllocateAddress takes one in
    the network that launches without a subnet share
MovingAddresses: an address stays in the network or VPC it was allocated for: DescribeAddresses tells of it
AddressTransfer: an address belongs to its account's network: release it, and have the other account allocate it
    with AllocateAddress and Address
AddressAttribute: CloudStack keeps no name for a public address's reverse lookup: whoever runs the DNS of its
    block sets that
PublicIpv4Pool: the blocks of public addresses are the administrator's: createVlanIpRange and
    dedicatePublicIpRange
Byoip: the blocks of public addresses are the administrator's: createVlanIpRange brings one in
Ipam: CloudStack gives out addresses of networks and of the administrator's blocks by itself: CreateVpc and
    CreateSubnet take the blocks that you plan
PrefixList: CloudStack has no lists of prefixes: name the CIDR blocks in the rules, one each
RouteServer: CloudStack's routers speak to no route servers: routes of a VPC are static, CreateRoute makes them
TrafficMirror: CloudStack mirrors no traffic: capture it in the machine
FlowLogs: CloudStack logs no flows: its usage server counts bytes (listUsageRecords), and machines can capture
NetworkInsights: CloudStack analyses no paths: what is open stands in DescribeSecurityGroups, DescribeNetworkAcls
    and CloudStack's listFirewallRules
ReachabilityAnalyzer: CloudStack analyses no paths: what is open stands in its rules
NetworkPerformanceOptions: the rate of a machine's network is its service offering's (networkrate)
NetworkPerformance: CloudStack measures no latencies between zones: measure from machine to machine
NetworkInterfacePermission: an interface is part of its machine, and so its account's: give the other account a
    machine in the network, by a project that both are members of
SecurityGroupVpc: a security group of CloudStack is the account's, not a VPC's: it can be named by any launch
SecurityGroupReferences: groups are not known across VPCs here: DescribeSecurityGroupRules, filtered by
    referenced-group-id, tells which rules name a group
StaleSecurityGroups: there is no peering, so no rule can be stale: DescribeSecurityGroupRules tells of them all
GetSecurityGroupsForVpc: every security group of the account may be named in any VPC: DescribeSecurityGroups
ValidateSecurityGroupQuotas: CloudStack sets no limits for rules of an interface: authorize them
Trunk: cards of machines are in one network each: AttachNetworkInterface adds one in a further subnet
Secondary: there are no secondary networks of accelerators here: AttachNetworkInterface adds a card in a subnet
InstanceConnectEndpoint: there is no endpoint to connect through: use CloudStack's console
    (createConsoleEndpoint), or a machine with a public address
VerifiedAccess: CloudStack does not stand before applications: let a client in by createRemoteAccessVpn
BlockPublicAccess: CloudStack has no switch against public use for a whole account: leave images private
    (ModifyImageAttribute), and machines without public addresses
EncryptionControl: CloudStack does not encrypt between machines of a VPC: do it in the machines, or by a VPN
VpcTenancy: CloudStack's administrator dedicates hosts to accounts (dedicateHost), not VPCs to hosts
PrivateDnsNameOptions: a machine's name is its reservation and launch index (r-…-0): it cannot be had otherwise
PublicIpDnsNameOptions: a public address has no name here: DescribeInstances shows the address itself
VpcResources: CloudStack does not encrypt between machines of a VPC: do it in the machines, or by a VPN
LaunchTemplate: CloudStack keeps no templates of launches, and nothing is stored here: write the parameters of
    RunInstances into a CloudFormation template (cfnlib) or into the client's own settings
CapacityReservation: capacity is not reserved: the administrator dedicates hosts to accounts (dedicateHost)
SpotFleet: there is no market: RequestSpotInstances or RunInstances makes as many machines as are wanted at once
SpotDatafeed: there is no market, and no prices to be told of
SpotPlacementScores: there is no market: machines are made or refused at once, by RunInstances
Fleet: nobody here keeps a fleet at its size: RunInstances makes the machines, and CloudStack's autoscaling
    (createAutoScaleVmGroup) keeps a number of them behind a load balancer
ScheduledInstances: nothing is launched by a calendar here: run RunInstances from a scheduler of your own
ScheduledInstanceAvailability: nothing is launched by a calendar here: run RunInstances from a scheduler
ReservedInstances: capacity is not sold in advance: DescribeAccountAttributes tells what the account may have, and
    CloudStack's administrator raises it (updateResourceLimit)
CapacityBlock: capacity is not reserved: the administrator dedicates hosts to accounts (dedicateHost)
CapacityManager: CloudStack tells administrators of the cloud's capacity: listCapacity
MetricCategor: CloudStack tells of machines' load in listVirtualMachinesMetrics
Mac: there are no Macs here: DescribeInstanceTypes lists what there is
HostReservation: hosts are the administrator's: dedicateHost gives one to an account
Hosts: hosts are the administrator's: dedicateHost gives one to an account
ModifyInstancePlacement: a machine joins a placement group when it is launched; the administrator moves machines
    (migrateVirtualMachine), and updateVMAffinityGroup changes a stopped machine's groups
InstanceTopology: a user is not told which hosts machines run on: a placement group keeps them together or apart
InstanceTypesFromInstanceRequirements: choose from DescribeInstanceTypes: they are the cloud's service offerings
IamInstanceProfile: CloudStack has no roles for machines: hand keys over in the user data, encrypted
EnclaveCertificate: CloudStack has no enclaves: keep certificates in the machine
ConsoleScreenshot: CloudStack shows a console in a browser: createConsoleEndpoint gives its address
SerialConsole: CloudStack shows a console in a browser: createConsoleEndpoint gives its address
SendDiagnosticInterrupt: no interrupt can be sent to a machine: RebootInstances, or StopInstances with Force
CreditSpecification: there are no burstable types: a service offering says what a machine has
CpuOptions: the processors of a machine are its service offering's: ModifyInstanceAttribute with InstanceType
InstanceMetadata: metadata comes from the network's router, in one form: there is nothing to set
InstanceImageMetadata: DescribeInstances and DescribeImages tell of machines and their images
MaintenanceOptions: whether a machine is started again elsewhere is its service offering's (offerha)
InstanceEvent: nothing is planned for machines that could be told: DescribeInstanceStatus shows no events
ReportInstanceStatus: nobody collects such reports: tell the cloud's administrator
ApplicationStatus: CloudStack looks at machines, not at what runs in them: a load balancer's health policy does
    (createLBHealthCheckPolicy)
InstanceTpm: a user is not told of a machine's TPM keys: read them in the machine
InstanceUefi: a user is not told of a machine's UEFI variables: read them in the machine
SqlHa: CloudStack knows nothing of databases in machines
ElasticGpus: accelerators are part of service offerings: DescribeInstanceTypes lists the offerings
ManagedResource: nothing here is managed for you by another service
ConfirmProductInstance: images have no product codes here
BundleInstance: there is no S3 to bundle into: CreateImage makes an image of a stopped machine
BundleTask: there is no S3 to bundle into: CreateImage makes an image of a stopped machine
ImportImage: an image comes from a URL: CloudStack's registerTemplate fetches it, DescribeImages shows it then
ImportSnapshot: a disk comes from a URL as a volume: CloudStack's uploadVolume, then CreateSnapshot
ImportVolume: a disk comes from a URL: CloudStack's uploadVolume, DescribeVolumes shows it then
ImportInstance: a machine comes as an image: CloudStack's registerTemplate fetches it, then RunInstances
ImportTask: nothing is imported by this API: registerTemplate and uploadVolume are CloudStack's calls
ConversionTask: nothing is imported by this API: registerTemplate and uploadVolume are CloudStack's calls
ExportImage: there is no S3 to export to: CloudStack's extractTemplate gives a URL to fetch the image from
InstanceExport: there is no S3 to export to: CreateImage, then CloudStack's extractTemplate gives a URL
ExportTask: there is no S3 to export to: CloudStack's extractTemplate and extractVolume give URLs
StoreImage: there is no S3 to keep images in: CloudStack's extractTemplate gives a URL to fetch one from
RestoreImageTask: there is no S3 to bring images from: CloudStack's registerTemplate fetches one from a URL
RecycleBin: what is deleted is gone: CloudStack keeps a machine's volumes only until the machine is expunged
FpgaImage: there are no FPGAs here: DescribeImages lists the images
AllowedImages: an account may use its own images, those it was given, and public ones: that is not narrowed
ImageDeprecation: images are not deprecated by a date: DeregisterImage deletes one's own
ImageDeregistrationProtection: an image cannot be protected: only its owner can deregister it
ImageLaunchPermission: an account cannot give back an image that it was given: its owner takes it back with
    ModifyImageAttribute
FastLaunch: CloudStack copies images to primary storage when they are first used: there is nothing to prepare
ImageWatermark: images have no watermarks here: tag them with CreateTags
ImageUsage: which machines were made from an image DescribeInstances tells, filtered by image-id
ImageReferences: which machines were made from an image DescribeInstances tells, filtered by image-id
ImageAncestry: an image knows no others that it came from: its name and tags may tell
ImageFindings: nobody looks into images here: scan them in a machine
ImageInstanceType: an image can be used with every type whose disk it fits
EnableImage: an image is there until it is deleted, and cannot be hidden: make it private (ModifyImageAttribute)
DisableImage: an image is there until it is deleted, and cannot be hidden: make it private (ModifyImageAttribute)
CreateSnapshots: CloudStack snapshots one volume at a time: CreateSnapshot for each, or createVMSnapshot
CopyVolumes: a volume is copied by CreateSnapshot and CreateVolume with the SnapshotId
SnapshotAttribute: a snapshot is its account's own: for others make an image of it, with CloudStack's
    createTemplate and snapshotid, and share that with ModifyImageAttribute
FastSnapshotRestores: a volume is made of a snapshot at once or not at all: there is nothing to warm up
SnapshotTier: snapshots lie on secondary storage, of one tier
LockSnapshot: a snapshot cannot be locked: its owner may delete it
UnlockSnapshot: a snapshot cannot be locked: its owner may delete it
LockedSnapshots: a snapshot cannot be locked: its owner may delete it
EbsEncryption: whether volumes are encrypted is their disk offering's: choose one that encrypts
EbsDefaultKmsKey: there is no KMS: CloudStack keeps the keys of volumes that their disk offering encrypts
KmsKey: there is no KMS: CloudStack keeps the keys of volumes that their disk offering encrypts
VolumeAttribute: a volume's only attribute would be autoEnableIO, and its reading and writing never stops here
EnableVolumeIO: reading and writing of a volume is never stopped here, so it need not be enabled
ReplaceRootVolume: CloudStack's restoreVirtualMachine sets a machine's root volume back to its image
IdFormat: ids are always long: a prefix and 17 digits, made from CloudStack's UUIDs
AvailabilityZoneGroup: every zone that the account may use is open to it: DescribeAvailabilityZones
DeclarativePolicies: CloudStack has no organizations: roles and domains say who may do what
NetworkingFlexCost: nothing is billed by this API: CloudStack's usage server counts (listUsageRecords)
"""


def _read(table: str) -> tuple[tuple[str, str], ...]:
    """The entries of a table: a word, a colon and a text, whose further lines are indented."""
    entries: list[tuple[str, str]] = []
    for line in table.splitlines():
        if line.startswith(" "):
            word, text = entries.pop()
            entries.append((word, f"{text} {line.strip()}"))
        else:
            word, _, text = line.partition(": ")
            entries.append((word, text))
    return tuple(entries)


REASONS = _read(_TABLE)
"""Words in the names of actions, and why those actions are not offered."""

FALLBACK = "CloudStack has nothing like it: see the actions that are offered, in compat/ec2/README.md"
"""What is said of an action that a newer model than this table's has."""


def reason(action: str) -> str:
    """Why an action is not offered, and the way out."""
    return f"{action}: {next((text for word, text in REASONS if word in action), FALLBACK)}"
