"""Whatever is done to the parts of a VPC, at whichever of two bridges, both tell what a plain model tells."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

from ec2_bridges import ec2_bridges, refusal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from vpc_walk import by

CIDR = "10.0.0.0/16"
DESTINATIONS = st.sampled_from(["0.0.0.0/0", "192.0.2.0/24", "198.51.100.0/24"])
ANY = st.integers(0, 9)


class Vpc(RuleBasedStateMachine):
    """One VPC with two subnets and a gateway; `tables` are routes by table, `given` the table of each subnet."""

    def __init__(self):
        super().__init__()
        self.bridges = ec2_bridges(bridges=2)
        world = self.bridges.__enter__()
        self.clients = [world.ec2(bridge=number) for number in (0, 1)]
        self.turn = 0

    @initialize()
    def make(self):
        ec2 = self.clients[0]
        self.vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
        cidrs = ("10.0.1.0/24", "10.0.2.0/24")
        self.subnets = [ec2.create_subnet(VpcId=self.vpc, CidrBlock=one)["Subnet"]["SubnetId"] for one in cidrs]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.attached = True
        [row] = ec2.describe_route_tables()["RouteTables"]
        self.main, self.tables, self.given = row["RouteTableId"], {row["RouteTableId"]: {}}, {}

    @property
    def ec2(self):
        """Each request goes to the other bridge than the one before."""
        self.turn += 1
        return self.clients[self.turn % 2]

    def table(self, number):
        return sorted(self.tables)[number % len(self.tables)]

    def associations(self):
        rows = self.ec2.describe_route_tables()["RouteTables"]
        return {one.get("SubnetId"): one["RouteTableAssociationId"] for row in rows for one in row["Associations"]}

    @rule()
    def make_a_table(self):
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.tables[made] = {}

    @rule(number=ANY)
    def remove_a_table(self, number):
        name = self.table(number)
        if name == self.main or name in self.given.values():
            assert refusal(self.ec2.delete_route_table, RouteTableId=name) == "DependencyViolation"
        else:
            self.ec2.delete_route_table(RouteTableId=name)
            del self.tables[name]

    @rule(number=ANY, cidr=DESTINATIONS)
    def make_a_route(self, number, cidr):
        name = self.table(number)
        asked = {"RouteTableId": name, "DestinationCidrBlock": cidr, "GatewayId": self.gateway}
        if cidr in self.tables[name]:
            assert refusal(self.ec2.create_route, **asked) == "RouteAlreadyExists"
        elif not self.attached:
            assert refusal(self.ec2.create_route, **asked) == "InvalidParameterValue"
        else:
            self.ec2.create_route(**asked)
            self.tables[name][cidr] = self.gateway

    @rule(number=ANY, cidr=DESTINATIONS)
    def remove_a_route(self, number, cidr):
        name = self.table(number)
        asked = {"RouteTableId": name, "DestinationCidrBlock": cidr}
        if cidr in self.tables[name]:
            self.ec2.delete_route(**asked)
            del self.tables[name][cidr]
        else:
            assert refusal(self.ec2.delete_route, **asked) == "InvalidRoute.NotFound"

    @rule(number=ANY, which=st.integers(0, 1))
    def associate(self, number, which):
        name, subnet = self.table(number), self.subnets[which]
        if self.given.get(subnet, name) != name:
            code = refusal(self.ec2.associate_route_table, RouteTableId=name, SubnetId=subnet)
            assert code == "Resource.AlreadyAssociated"
        else:
            self.ec2.associate_route_table(RouteTableId=name, SubnetId=subnet)
            self.given[subnet] = name

    @rule(which=st.integers(0, 1))
    def disassociate(self, which):
        name = self.associations().get(self.subnets[which])
        if name is not None:
            self.ec2.disassociate_route_table(AssociationId=name)
            del self.given[self.subnets[which]]

    @rule(number=ANY, which=st.integers(0, 2))
    def replace_an_association(self, number, which):
        name = self.table(number)
        subnet = [*self.subnets, None][which]
        association = self.associations().get(subnet)
        if association is None:
            return
        self.ec2.replace_route_table_association(AssociationId=association, RouteTableId=name)
        if subnet is None:
            self.main = name
        else:
            self.given[subnet] = name

    @rule()
    def attach_or_detach(self):
        asked = {"InternetGatewayId": self.gateway, "VpcId": self.vpc}
        if self.attached:
            self.ec2.detach_internet_gateway(**asked)
        else:
            self.ec2.attach_internet_gateway(**asked)
        self.attached = not self.attached

    @invariant()
    def both_bridges_tell_what_was_done(self):
        state = "active" if self.attached else "blackhole"
        wanted = {name: {**dict.fromkeys(routes, state), CIDR: "active"} for name, routes in self.tables.items()}
        for ec2 in self.clients:
            rows = ec2.describe_route_tables(Filters=by("vpc-id", self.vpc))["RouteTables"]
            told = {row["RouteTableId"]: row for row in rows}
            assert {
                name: {one["DestinationCidrBlock"]: one["State"] for one in row["Routes"]}
                for name, row in told.items()
            } == wanted
            associations = [one for row in rows for one in row["Associations"]]
            assert [one["RouteTableId"] for one in associations if one["Main"]] == [self.main]
            assert {one["SubnetId"]: one["RouteTableId"] for one in associations if not one["Main"]} == self.given
            [row] = ec2.describe_internet_gateways()["InternetGateways"]
            assert bool(row["Attachments"]) is self.attached

    def teardown(self):
        self.bridges.__exit__(None, None, None)


TestVpc = Vpc.TestCase
TestVpc.settings = settings(max_examples=6, stateful_step_count=15, deadline=None)
