"""A service in front of a simulated cloud with several accounts, and AWS's own clients that call it."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import json
import time
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import boto3
import pytest
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError
from cs import CloudStack

from cfnlib.config import Config
from cfnlib.engine.settings import Settings
from cfnlib.identity.keyring import AdminKeyring
from cfnlib.server.app import App, LateApp
from cfnlib.server.service import Service
from cfnlib.server.settings import ServiceSettings
from cfnlib.simulator import Simulator
from cfnlib.state.open import open_store
from cfnlib.web import Server

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.simulator import Fault, Latency

IMAGE, KIND = "CentOS 5.6 (64-bit) no GUI (Simulator)", "Small Instance"

QUICK = json.dumps(
    {
        "Description": "a key",
        "Parameters": {
            "Name": {"Type": "String", "Default": "key"},
            "Secret": {"Type": "String", "NoEcho": True, "Default": "hidden"},
        },
        "Resources": {
            "Key": {
                "Type": "AWS::EC2::KeyPair",
                "Properties": {"KeyName": {"Fn::Sub": "${AWS::StackName}-${Name}"}},
            }
        },
        "Outputs": {
            "Key": {"Value": {"Ref": "Key"}, "Description": "its name", "Export": {"Name": {"Ref": "AWS::StackName"}}}
        },
    }
)
"""A stack that is there at once."""

HELD = json.dumps(
    {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "DependsOn": "Key",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
            },
            "Key": {
                "Type": "AWS::EC2::KeyPair",
                "Properties": {"KeyName": {"Fn::Sub": "${AWS::StackName}-held"}},
            },
        },
        "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    }
)
"""A stack that is not there before its handle has heard from somebody."""

FAST = {"Delay": 0.1, "MaxAttempts": 200}
"""For waiters."""

SETTINGS = Settings(lease_s=4.0, heartbeat_s=0.1, poll_min_s=0.02, signal_s=0.05, look_s=(0.05, 0.1))


def refused(call: Any, **given: Any) -> tuple[str, str]:
    """The code and the text that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class Person(NamedTuple):
    """A user of the cloud, by the keys."""

    name: str
    key: str
    secret: str
    user_id: str
    domain_id: str


class Place:
    """The cloud, the service in front of it, and who there is: `people` by name."""

    def __init__(
        self, folder: Path, faults: tuple[Fault, ...] = (), latency: Latency | None = None, **settings: Any
    ) -> None:
        self.simulator = Simulator(latency, faults=faults).start()
        self.admin = self.simulator.admin
        self.cloud = CloudStack(
            endpoint=self.simulator.endpoint, key=self.admin.key, secret=self.admin.secret, trace=False
        )
        self.config = Config(endpoint=self.simulator.endpoint, key=self.admin.key, secret=self.admin.secret)
        self.url = f"sqlite:///{folder / 'stacks.db'}"
        self._settings = {"bucket_folder": folder / "bucket", **settings}
        self.people = {"admin": self._person(self.cloud.listUsers(username="admin")["user"][0])}
        self._clients: dict[tuple[str, str], Any] = {}
        self.open()

    def open(self) -> Self:
        """Begin to serve."""
        late = LateApp()
        self.server = Server(late.door()).start()
        self.public_url = f"http://127.0.0.1:{self.server.port}"
        settings = ServiceSettings(
            **{"public_url": self.public_url, "secret": b"s" * 32, "sweep_s": 0.2, "close_s": 20.0, **self._settings}
        )
        self.service = Service(
            self.config,
            store=open_store(self.url),
            keyring=AdminKeyring(self.config),
            settings=settings,
            engine=SETTINGS,
        )
        self.app = late.app = App(self.service)
        self.service.start()
        self._clients = {}
        return self

    def close_service(self) -> None:
        self.server.stop()
        self.app.close()
        self.service.close()

    def close(self) -> None:
        self.close_service()
        self.simulator.stop()

    # Who there is

    def domain(self, name: str, parent: str | None = None) -> str:
        """A new domain; gives its id."""
        given = {} if parent is None else {"parentdomainid": parent}
        found: str = self.cloud.createDomain(name=name, **given)["domain"]["id"]
        return found

    def person(self, name: str, domain_id: str | None = None, kind: int = 0, account: str | None = None) -> Person:
        """A user of this name, in an account of their own unless one is named; `kind` as createAccount's."""
        about = {"firstname": name, "lastname": name, "email": f"{name}@example.org", "password": "x"}
        if domain_id is None:
            domain_id = self.people["admin"].domain_id
        if account is None:
            made = self.cloud.createAccount(username=name, accounttype=kind, domainid=domain_id, **about)
            user = made["account"]["user"][0]
        else:
            user = self.cloud.createUser(username=name, account=account, domainid=domain_id, **about)["user"]
        self.cloud.registerUserKeys(id=user["id"])
        self.people[name] = self._person(user)
        return self.people[name]

    def _person(self, user: dict[str, Any]) -> Person:
        keys = self.cloud.getUserKeys(id=user["id"])["userkeys"]
        return Person(user["username"], keys["apikey"], keys["secretkey"], user["id"], user["domainid"])

    # Clients

    def client(self, name: str = "admin", service: str = "cloudformation") -> Any:
        """A client of boto3 with somebody's keys, which does not try again."""
        found = self._clients.get((name, service))
        if found is None:
            person = self.people[name]
            found = self._clients[name, service] = boto3.client(
                service,
                endpoint_url=self.public_url,
                region_name="us-east-1",
                aws_access_key_id=person.key,
                aws_secret_access_key=person.secret,
                config=BotoConfig(retries={"max_attempts": 0}, parameter_validation=False),
            )
        return found

    def until(self, stack: str, status: str, name: str = "admin") -> dict[str, Any]:
        """The stack, as soon as it is in the status; fails when it is not within a while."""
        found: dict[str, Any] = {}
        for _ in range(1500):
            found = self.client(name).describe_stacks(StackName=stack)["Stacks"][0]
            if found["StackStatus"] == status:
                return found
            Event().wait(0.05)
        raise AssertionError(f"{stack} is {found['StackStatus']}: {found.get('StackStatusReason')}")

    def made(self, stack: str, template: str = QUICK, name: str = "admin", **more: Any) -> str:
        """A stack that is there; gives its id."""
        stack_id: str = self.client(name).create_stack(StackName=stack, TemplateBody=template, **more)["StackId"]
        self.until(stack_id, "CREATE_COMPLETE", name)
        return stack_id

    def held(self, stack: str, name: str = "admin", **more: Any) -> str:
        """A stack whose creation waits for a signal to its handle; gives its id."""
        stack_id: str = self.client(name).create_stack(StackName=stack, TemplateBody=HELD, **more)["StackId"]
        for _ in range(1500):
            rows = self.client(name).describe_stack_resources(StackName=stack_id)["StackResources"]
            if any(row["LogicalResourceId"] == "Wait" for row in rows):
                return stack_id
            time.sleep(0.02)
        raise AssertionError("nothing waits")

    def removed(self, stack: str, name: str = "admin") -> None:
        self.client(name).delete_stack(StackName=stack)
        self.until(stack, "DELETE_COMPLETE", name)
