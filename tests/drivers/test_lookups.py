"""Names of things on the cloud, and the facts of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from driver_fake_session import FakeSession
from driver_things import create_network
from driver_worlds import TEMPLATE

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.drivers.cloudstack.lookups import KINDS, Lookups
from cfnlib.errors import ConfigError, NotFoundError
from cfnlib.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def listings(**rows: list[dict[str, Any]]) -> FakeSession:
    """A cloud that has these things."""

    def respond(query: Mapping[str, str]) -> dict[str, Any]:
        if query["command"] == "listCapabilities":
            return {"capability": {}}
        key = next((kind.key for kind in KINDS.values() if kind.command == query["command"]), "account")
        found = [row for row in rows.get(key, []) if query.get("id") in (None, row["id"])]
        return {"count": len(found), key: found}

    return FakeSession(respond)


def lookups(session: FakeSession) -> Lookups:
    return Lookups(session.client(), {})


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simulator]:
    with Simulator(seed=1) as running:
        yield running


@pytest.fixture
def config(cloud) -> Config:
    return Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret)


def test_a_foreign_name_is_what_the_mapping_file_says(config):
    driver = CloudStackDriver(evolve(config, images={"ami-1": TEMPLATE}, types={"m1.small": "Small Instance"}))
    assert driver.lookup("template", "ami-1") == driver.lookup("template", TEMPLATE)
    assert driver.lookup("serviceoffering", "m1.small") == driver.lookup("serviceoffering", "Small Instance")


def test_a_mapping_to_what_is_not_there_is_told_as_such(config):
    driver = CloudStackDriver(evolve(config, images={"ami-1": "Ubuntu"}))
    with pytest.raises(NotFoundError, match=r"'Ubuntu' \(which the mapping file gives for 'ami-1'\)"):
        driver.lookup("template", "ami-1")


def test_the_zone_is_the_named_one(config):
    assert CloudStackDriver(evolve(config, zone="SandboxSG")).facts().security_groups
    assert not CloudStackDriver(evolve(config, zone="Sandbox")).facts().security_groups
    by_alias = CloudStackDriver(evolve(config, zone="us-east-1b", zones={"us-east-1b": "SandboxSG"}))
    assert by_alias.facts().zone_name == "SandboxSG"


def test_a_zone_that_is_not_there_is_a_wrong_setting(config):
    with pytest.raises(ConfigError, match="CFNLIB_ZONE to one of: Sandbox, SandboxSG"):
        CloudStackDriver(evolve(config, zone="Nowhere")).facts()


def test_a_thing_made_after_its_kind_was_listed_is_found_by_its_id(config):
    driver = CloudStackDriver(config)
    with pytest.raises(NotFoundError):
        driver.lookup("network", "fresh")
    facts = driver.facts()
    made = driver.submit(create_network("fresh", facts.zone_id, facts.network_offering_id)).physical_id
    assert driver.lookup("network", made) == made


def test_each_kind_is_listed_once_however_many_names_are_looked_up():
    session = listings(serviceoffering=[{"id": str(number), "name": f"offering {number}"} for number in range(9)])
    found = lookups(session)
    assert [found.lookup("serviceoffering", f"offering {number}") for number in range(9)] == [*"012345678"]
    assert session.commands == ["listServiceOfferings"]


def test_case_counts_only_where_two_names_differ_in_nothing_else():
    session = listings(serviceoffering=[{"id": "1", "name": "Small"}, {"id": "2", "name": "small"}])
    assert lookups(session).lookup("serviceoffering", "small") == "2"
    assert lookups(listings(serviceoffering=[{"id": "1", "name": "Small"}])).lookup("serviceoffering", "SMALL") == "1"


def test_two_things_of_one_name_must_be_told_apart_by_id():
    session = listings(network=[{"id": "1", "name": "n"}, {"id": "2", "name": "n"}])
    with pytest.raises(NotFoundError, match="give one of the ids 1, 2"):
        lookups(session).lookup("network", "n")


def test_a_template_in_several_zones_is_one_template():
    rows = [{"id": "1", "name": "t", "zoneid": "a"}, {"id": "1", "name": "t", "zoneid": "b"}]
    zones = [{"id": "a", "name": "a", "allocationstate": "Enabled"}]
    assert lookups(listings(template=rows, zone=zones)).lookup("template", "t") == "1"


def test_only_disk_offerings_of_custom_size_are_of_custom_size():
    rows = [{"id": "1", "name": "Small", "iscustomized": False}, {"id": "2", "name": "Custom", "iscustomized": True}]
    found = lookups(listings(diskoffering=rows))
    assert found.lookup("customdiskoffering", "Custom") == "2"
    with pytest.raises(NotFoundError):
        found.lookup("customdiskoffering", "Small")


def test_a_key_pair_is_known_by_its_name():
    assert lookups(listings(sshkeypair=[{"id": "1", "name": "mine"}])).lookup("keypair", "mine") == "mine"


def test_a_kind_that_nobody_knows_wants_an_id():
    with pytest.raises(NotFoundError, match="give an id"):
        lookups(listings()).lookup("nonsense", "x")


def test_of_several_accounts_ours_is_the_one_with_our_key():
    accounts = [
        {"id": "1", "name": "other", "domainid": "d", "user": [{"apikey": "x"}]},
        {"id": "2", "name": "mine", "domainid": "d", "roletype": "Admin", "user": [{"apikey": "k"}]},
    ]
    zones = [{"id": "a", "name": "a", "allocationstate": "Disabled"}, {"id": "b", "name": "b"}]
    facts = lookups(listings(account=accounts, zone=zones)).facts()
    assert (facts.account, facts.domain_id, facts.may_expunge) == ("mine", "d", True)
    assert facts.zone_name == "b"
    assert facts.network_offering_id is None


def test_a_cloud_without_a_zone_cannot_be_used():
    with pytest.raises(ConfigError, match="no enabled zone"):
        lookups(listings()).facts()
