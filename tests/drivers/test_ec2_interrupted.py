"""A process that dies in the middle of an operation through an EC2 API is followed by one that ends it.

Nothing is left over and nothing is there twice, wherever it died: before a call, after its answer; and when a request
or its answer was lost, in one process.
"""

from __future__ import annotations

import os
import random
from base64 import b64encode
from contextlib import contextmanager, suppress

import pytest
from attrs import evolve
from ec2_worlds import MESOS, SETTINGS, bridge_world, moto_world

from cfnlib.errors import OperationFailedError, StackNotFoundError

KILLS = int(os.environ.get("CFNLIB_EC2_KILLS", "24"))
ONE_AT_A_TIME = evolve(SETTINGS, inline=True)
PUBLIC_KEY = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(range(32))).decode()
CHANGED = {"Agents": "2", "Port": "5051", "Disk": "9", "Size": "Medium Instance"}


class Killed(BaseException):
    """Stands for kill -9."""


class Strike:
    """Kills a process at its n-th call that changes something, before the call is made or after it was answered."""

    def __init__(self, stacks, number, *, late) -> None:
        self.left = number
        self._late = late
        self._submit = stacks.driver.submit
        stacks.driver.submit = self

    def __call__(self, call, until=None) -> object:
        """Make the call, or die."""
        self.left -= 1
        if self.left == 0 and not self._late:
            raise Killed
        answer = self._submit(call, until)
        if self.left == 0:
            raise Killed
        return answer


@contextmanager
def worlds(name, moto_url):
    """A world by its name."""
    made = moto_world(moto_url) if name == "moto" else bridge_world(name)
    with made as world:
        yield world


def there(world):
    """What is there of the stack: ids by kind, without the disks that machines were made with."""
    own = {volume["VolumeId"] for volume in world.volumes() if volume["Size"] == 7}
    held = {kind: [one for one in ids if one not in own] for kind, ids in world.held().items()}
    return {kind: ids for kind, ids in held.items() if ids}


def died(world, verb, number, *, late):
    """Let a process die at a call of an operation, and the next one end it. Tells whether it came that far."""
    stacks = world.engine(ONE_AT_A_TIME)
    strike = Strike(stacks, number, late=late)
    doing = {
        "create": lambda: stacks.create("mesos", MESOS),
        "update": lambda: stacks.update("mesos", None, CHANGED),
        "delete": lambda: stacks.delete("mesos"),
    }
    with suppress(Killed, OperationFailedError):
        doing[verb]()
    with suppress(OperationFailedError, StackNotFoundError):
        world.engine().resume("mesos")
    return strike.left <= 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["moto", "Sandbox"])
def test_wherever_a_process_dies_the_next_leaves_and_doubles_nothing(name, request):
    seed = int(os.environ.get("CFNLIB_SEED", str(random.SystemRandom().randrange(10**9))))
    print(f"CFNLIB_SEED={seed}")
    chance = random.Random(seed)
    url = request.getfixturevalue("moto_url") if name == "moto" else ""
    with worlds(name, url) as world:
        kills, enough = 0, KILLS // 3 if name == "moto" else KILLS  # moto's server is slow
        while kills < enough:
            for verb in ("create", "update", "delete"):
                number, late = chance.randint(1, 24 if verb == "create" else 12), chance.random() < 0.5
                kills += died(world, verb, number, late=late)
                where = f"seed {seed}, {verb} {number} {late}"
                if verb == "delete":
                    assert world.held() == {}, where
                    continue
                status = str(world.stacks["mesos"].status)
                assert status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, f"{where}: {status}"
                assert there(world) == world.known("mesos"), where
                assert len(world.machines()) == (5 if verb == "create" else 4), where
                assert len([volume for volume in world.volumes() if volume["Size"] == 7]) == 1, where


@pytest.mark.parametrize("what", ["drop", "lose"])
@pytest.mark.parametrize(
    "action",
    [
        "AllocateAddress",
        "AssociateAddress",
        "AttachVolume",
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "CreateTags",
        "CreateVolume",
        "ImportKeyPair",
        "RunInstances",
    ],
)
def test_a_request_or_answer_that_is_lost_doubles_nothing(moto_url, action, what):
    template = MESOS.replace('-key"}', f'-key", PublicKeyMaterial: {PUBLIC_KEY}}}')
    with moto_world(moto_url) as world:
        world.gateway.trouble[action] = what
        stack = world.stacks.create("mesos", template)
        assert world.gateway.trouble == {}
        assert stack.status == "CREATE_COMPLETE"
        assert there(world) == world.known("mesos")
        assert len(world.machines()) == 5
        world.stacks.delete("mesos")
        assert world.held() == {}


@pytest.mark.parametrize("action", ["TerminateInstances", "DeleteVolume", "DeleteSecurityGroup", "ReleaseAddress"])
def test_a_removal_whose_answer_is_lost_is_done(moto_url, action):
    with moto_world(moto_url) as world:
        world.stacks.create("mesos", MESOS)
        world.gateway.trouble[action] = "drop"
        assert world.stacks.delete("mesos").status == "DELETE_COMPLETE"
        assert world.held() == {}


def test_a_launch_whose_answer_is_lost_at_the_bridge_is_the_same_machine():
    with bridge_world("SandboxSG") as world:
        world.gateway.trouble["RunInstances"] = "drop"
        world.stacks.create("mesos", MESOS)
        assert len(world.machines()) == 5
        assert there(world) == world.known("mesos")
        world.stacks.delete("mesos")
        assert world.held() == {}
