"""One store may hold the stacks of several clouds and accounts; none is taken for another's."""

from __future__ import annotations

import sqlite3
from contextlib import closing

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


def unmark(store, *names):
    """Make stacks look as if the first versions of cfnlib had made them."""
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection, connection:
        for name in names:
            connection.execute("UPDATE cfnlib_stack SET account = '', owner = '' WHERE name = ?", (name,))


def test_stacks_of_a_version_that_did_not_mark_them_are_taken_over_when_one_says_so(cloud, store):
    with stacks_of(cloud, cloud.user, store) as user:
        user.create("old", NATIVE)
        user.create("site", NATIVE)
    unmark(store, "old", "site")
    with stacks_of(cloud, cloud.user, store) as user:
        assert user.list() == []
        user.create("site", NATIVE)
        with pytest.raises(
            StackNotFoundError, match=r"2 stacks that are marked as nobody's, see cfnlib\.Stacks\.adopt"
        ):
            user["old"]
        assert user.adopt() == 1  # the other one's name is taken
        assert sorted(stack.name for stack in user.list()) == ["old", "site"]
        for name in ("old", "site"):
            user.delete(name)
        assert user.adopt() == 1
        user.delete("site")
        assert user.adopt() == 0
    assert cloud.world.live("virtualmachine") == []


def test_stacks_of_the_embedded_cloud_are_its_own_whoever_made_them(tmp_path):
    with Stacks.embedded(state=tmp_path) as stacks:
        stacks.create("old", NATIVE)
    unmark(f"sqlite:///{tmp_path / 'stacks.db'}", "old")
    with Stacks.embedded(state=tmp_path) as stacks:
        assert [stack.name for stack in stacks.list()] == ["old"]
        stacks.delete("old")
        assert stacks.list() == []
