"""One store may hold the stacks of several clouds and accounts; none is taken for another's."""

from __future__ import annotations

import pytest
from test_create import TEMPLATE

from cfnlib.config import Config
from cfnlib.errors import StackError, StackNotFoundError
from cfnlib.simulator import Simulator
from cfnlib.stacks import Stacks

NATIVE = TEMPLATE.replace("Isolated", "DefaultIsolatedNetworkOfferingWithSourceNatService").replace(
    "Debian 12", "Debian 12 (Simulator)"
)


def stacks_of(simulator, keys, store):
    config = Config(endpoint=simulator.endpoint, key=keys.key, secret=keys.secret, zone="Sandbox", state_url=store)
    return Stacks.from_config(config=config)


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path / 'stacks.db'}"


@pytest.fixture
def cloud():
    with Simulator() as simulator:
        yield simulator


def test_stacks_of_two_clouds_have_nothing_to_do_with_each_other(cloud, store):
    with (
        Simulator() as other,
        stacks_of(cloud, cloud.admin, store) as here,
        stacks_of(other, other.admin, store) as there,
    ):
        here.create("site", NATIVE)
        there.create("site", NATIVE)
        assert len(here.list()) == len(there.list()) == 1
        there.delete("site")
        assert [stack.status for stack in here.list()] == ["CREATE_COMPLETE"]
        assert [vm["state"] for vm in cloud.world.live("virtualmachine")] == ["Running"]
        with pytest.raises(StackNotFoundError):
            there["site"]


def test_a_stack_is_worked_on_with_the_keys_of_its_own_account_only(cloud, store):
    with stacks_of(cloud, cloud.admin, store) as admin, stacks_of(cloud, cloud.user, store) as user:
        user.create("site", NATIVE)
        for work in (admin.delete, admin.update, admin.resume):
            with pytest.raises(StackError, match="belongs to the account user"):
                work("site")
        assert len(cloud.world.live("virtualmachine")) == 1
        admin.create("site", NATIVE)
        admin.delete("site")
        user.delete("site")
        assert cloud.world.live("virtualmachine") == []
