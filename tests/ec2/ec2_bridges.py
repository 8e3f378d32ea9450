"""What the tests of the EC2 API share: the bridge in front of an embedded cloud, over sockets, and its accounts."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cfnlib.config import Config
from cfnlib.drivers.cloudstack.client import Client
from cfnlib.identity.gate import Gate
from cfnlib.identity.keyring import AdminKeyring
from cfnlib.simulator import Latency, Simulator
from cfnlib.web import Door, Server
from cfnlib.wire import Service
from compat.ec2.door import Bridge

SERVICE = Service.load("ec2")
IMAGE, TYPE, ZONE = "ami-4517dc2c", "m1.small", "us-east-1b"
"""What the stock scripts ask for when they are told nothing: the bridge has aliases for them."""
PLAIN = BotoConfig(retries={"max_attempts": 0}, parameter_validation=False, read_timeout=60)


class Keys(NamedTuple):
    """The key pair of an account."""

    key: str
    secret: str


class World:
    """A cloud with bridges in front of it: `urls` has one address for each of them."""

    def __init__(self, simulator: Simulator, urls: list[str]) -> None:
        self.simulator = simulator
        self.urls = urls
        self.user = Keys(simulator.user.key, simulator.user.secret)
        self.admin = Keys(simulator.admin.key, simulator.admin.secret)
        self.cloud = self.cloud_of(self.admin)

    def cloud_of(self, keys):
        """CloudStack's own API for an account."""
        return Client(Config(endpoint=self.simulator.endpoint, key=keys.key, secret=keys.secret))

    def stranger(self):
        """The keys of a user of a new account in a domain of its own, below the root."""
        domain = self.cloud.call("createDomain", {"name": "below"})["domain"]["id"]
        words = {"username": "other", "password": "password", "firstname": "O", "lastname": "T", "email": "o@x.org"}
        account = self.cloud.call("createAccount", {**words, "accounttype": 0, "domainid": domain})["account"]
        made = self.cloud.call("registerUserKeys", {"id": account["user"][0]["id"]})["userkeys"]
        return Keys(made["apikey"], made["secretkey"])

    def network(self, zone, name="further"):
        """The UUID of a further network of the user's, in a zone without security groups."""
        cloud = self.cloud_of(self.user)
        [place] = [row for row in cloud.rows("listZones", "zone") if row["name"] == zone]
        kind = "DefaultIsolatedNetworkOfferingWithSourceNatService"
        [offering] = cloud.rows("listNetworkOfferings", "networkoffering", {"name": kind})
        given = {"zoneid": place["id"], "networkofferingid": offering["id"], "name": name, "displaytext": name}
        return cloud.call("createNetwork", given)["network"]["id"]

    def ec2(self, keys=None, bridge=0):
        """A client of boto3's."""
        keys = keys or self.user
        return boto3.client(
            "ec2",
            endpoint_url=self.urls[bridge],
            region_name="cs",
            aws_access_key_id=keys.key,
            aws_secret_access_key=keys.secret,
            config=PLAIN,
        )

    def ask(self, pairs, keys=None):
        """The status and the document that answer a signed request with these parameters."""
        return self.send(urlencode(pairs), keys)

    def send(self, body, keys=None):
        """The same, for a body as it stands."""
        keys, place = keys or self.user, urlsplit(self.urls[0])
        content_type = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest("POST", self.urls[0] + "/", headers=content_type, data=body)
        SigV4Auth(Credentials(keys.key, keys.secret), "ec2", "cs").add_auth(request)
        connection = HTTPConnection(place.hostname, place.port, timeout=60)
        connection.request("POST", "/", body, dict(request.headers.items()))
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def machines(self):
        """The machines that the cloud really has, by name, without those that are gone."""
        rows = self.cloud.rows("listVirtualMachines", "virtualmachine", {"listall": True})
        return {row["name"]: row for row in rows if row["state"] not in {"Destroyed", "Expunging", "Error"}}


@contextmanager
def ec2_bridges(zone="Sandbox", *, job_s=0.0, bridges=1, **settings):
    """A world whose cloud's jobs take `job_s` seconds, with this many bridges that have these settings."""
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator(latency=Latency(job_s=job_s), seed=1))
        near = Config(endpoint=simulator.endpoint, key=simulator.admin.key, secret=simulator.admin.secret, zone=zone)
        urls = []
        for _ in range(bridges):
            bridge = Bridge(lambda: near, Gate(AdminKeyring(lambda: near)), **settings)
            stack.callback(bridge.close)
            door = Door(bridge.handle, name="ec2", refuse=bridge.refuse)
            server = Server(door, threads=16)
            server.start()
            stack.callback(server.stop)
            urls.append(server.url)
        yield World(simulator, urls)


def code_of(text):
    """EC2's code in an error document of EC2's form; None for any other text."""
    try:
        document = ET.fromstring(text)
    except ET.ParseError:
        return None
    code, message, request_id = (document.findtext(path) for path in ("*/Error/Code", "*/Error/Message", "RequestID"))
    return code if document.tag == "Response" and message and request_id else None


def refusal(call, **params):
    """EC2's code of the error that a call of boto3's raises."""
    try:
        answer = call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"it was not refused: {answer}")


def when(look, done, patience_s=20.0):
    """What `look` gives as soon as that is `done`."""
    until = time.monotonic() + patience_s
    while not done(found := look()):
        assert time.monotonic() < until, f"it does not come: {found}"
        time.sleep(0.02)
    return found


def states(ec2, **params):
    """The states of the account's instances by id."""
    reservations = ec2.describe_instances(**params)["Reservations"]
    return {one["InstanceId"]: one["State"]["Name"] for row in reservations for one in row["Instances"]}


def settled(ec2, name, ids):
    """Wait until these instances are all in a state."""
    return when(lambda: states(ec2, InstanceIds=ids), lambda found: set(found.values()) == {name})


def launched(ec2, count=1, **more):
    """Run instances; gives the reservation when they are all running."""
    params = {"ImageId": IMAGE, "InstanceType": TYPE, "MinCount": count, "MaxCount": count, **more}
    made = ec2.run_instances(**params)
    settled(ec2, "running", [one["InstanceId"] for one in made["Instances"]])
    return made
