"""Many stacks at once while a share of all calls goes wrong: every one ends, and knows just what the cloud holds."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from attrs import evolve
from fault_worlds import IMAGE, SETTINGS, TEMPLATE, cloud

from cfnlib.errors import CfnlibError, CloudError, OperationFailedError
from cfnlib.simulator import Capacity, Fault, Latency

STACKS = 30
SHARES = [float(share) for share in os.environ.get("CFNLIB_SHARES", "0.02,0.06").split(",")]
"""How many of all calls go wrong, for each kind of trouble."""
CHANGES = (
    "create*",
    "deploy*",
    "register*",
    "associate*",
    "enable*",
    "attach*",
    "update*",
    "resize*",
    "change*",
    "st*",
)
REMOVALS = ("destroy*", "delete*", "disassociate*", "disable*", "detach*")
LIMITS = dict.fromkeys(("user_vm", "cpu", "memory", "volume", "primary_storage", "public_ip", "network"), -1)
GROUP = f"""
Parameters:
  Size: {{Type: Number, Default: 3}}
Resources:
  Like:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties: {{ImageId: {IMAGE}, InstanceType: Small Instance}}
  Nodes:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {{AutoScalingCreationPolicy: {{MinSuccessfulInstancesPercent: 60}}}}
    UpdatePolicy: {{AutoScalingRollingUpdate: {{MaxBatchSize: 2}}}}
    Properties: {{LaunchConfigurationName: !Ref Like, MinSize: !Ref Size, MaxSize: 9}}
"""


def trouble(seed, share):
    """Faults of a share of all calls, of every kind."""
    numbers = random.Random(seed)

    def of(kind, commands, part=1.0):
        return [Fault(c, kind, share=share * part, seed=numbers.randrange(10**6)) for c in commands]

    return [
        *of("drop_answer", CHANGES + REMOVALS),
        *of("reset", CHANGES + REMOVALS),
        *of("truncate", CHANGES + REMOVALS, 0.5),
        *of("html", CHANGES + REMOVALS, 0.5),
        *of("job", CHANGES, 0.5),
        *of("job", REMOVALS, 0.5),
        *of("vanish", CHANGES + REMOVALS),
        *of("error", CHANGES, 0.25),
        *of("reset", ("list*", "query*")),
        *of("html", ("list*", "query*"), 0.5),
    ]


def steps(number, chance):
    """The operations on one stack."""
    name = f"stack{number}"
    if number % 2:
        yield "create", (name, GROUP)
        yield "update", (name, None, {"Size": str(chance.choice([1, 2, 5]))})
        yield "update", (name, GROUP.replace(IMAGE, "Ubuntu 22.04 (Simulator)"))
    else:
        yield "create", (name, TEMPLATE)
        yield "update", (name, None, {"Ssh": "2222", "Size": "Medium Instance"})
        yield "update", (name, None, {"Disk": "9", "Ssh": str(chance.choice([22, 80]))})
    if chance.random() < 0.5:
        yield "delete", (name,)


def work(world, number, seed):
    """One stack's operations, each as a process of its own would do it; what must not be is given."""
    chance = random.Random(f"{seed}/{number}")
    name = f"stack{number}"
    for verb, arguments in steps(number, chance):
        stacks = world.engine(retry=3)
        try:
            getattr(stacks, verb)(*arguments)
        except (OperationFailedError, CloudError):  # the cloud may not even say what it is: nothing is begun then
            pass
        except CfnlibError as error:
            if "cannot be updated" not in str(error) and "no stack" not in str(error):
                return f"{name} {verb}: {type(error).__name__} {error}"
        finally:
            stacks.driver.close()
            with suppress(CfnlibError):  # the cloud did not answer a question, so it was left to be resumed
                world.engine(retry=9).resume(name)
        states = [one for one in world.store.stacks(deleted=True) if one.name == name]
        if any(one.status.in_progress for one in states):
            return f"{name} after {verb}: {states[-1].status.value}"
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_every_one_of_many_stacks_ends_and_knows_just_what_the_cloud_holds(share):
    seed = int(os.environ.get("CFNLIB_SEED", str(random.SystemRandom().randrange(10**9))))
    print(f"CFNLIB_SEED={seed}")
    settings = evolve(SETTINGS, look_s=(0.05, 0.1, 0.2), job_timeout_s=20.0)
    latency = Latency(job_s=0.05, jitter=0.5)
    with cloud(latency=latency, capacity=Capacity(limits=LIMITS), settings=settings) as world:
        world.fault(*trouble(seed, share))
        with ThreadPoolExecutor(8) as pool:
            wrong = [found for found in pool.map(lambda number: work(world, number, seed), range(STACKS)) if found]
        assert wrong == []
        states = world.store.stacks()
        assert world.held() == world.known(*(state.stack_id for state in states))
        ends = sorted(state.status.value for state in states)
        print({end: ends.count(end) for end in set(ends)})
        world.mend()
        for state in states:
            assert world.stacks.delete(state.stack_id).status == "DELETE_COMPLETE"
        assert world.held() == set()
