"""Parameters on the wire, pages, and many threads at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from cs.client import transform
from driver_fake_session import FakeSession
from driver_things import NETWORK, associate
from hypothesis import given, settings
from hypothesis import strategies as st

from cfnlib.config import Config
from cfnlib.drivers.cloudstack import Client, CloudStackDriver
from cfnlib.drivers.cloudstack.client import PAGE_SIZE, flattened
from cfnlib.drivers.cloudstack.transport import Pool
from cfnlib.errors import AuthenticationError, CapacityError, CloudError, UnreachableError
from cfnlib.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMES = st.text("abcdefghij", min_size=1, max_size=5)
PLAIN = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none())
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simulator]:
    with Simulator(seed=1) as running:
        yield running


@pytest.fixture(scope="module")
def driver(cloud) -> CloudStackDriver:
    return CloudStackDriver(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret))


@given(
    st.dictionaries(
        NAMES,
        st.one_of(
            PLAIN,
            st.lists(st.one_of(st.text("xyz", max_size=4), st.integers()), max_size=3),
            st.lists(st.dictionaries(NAMES, st.text("xyz", max_size=4), min_size=1, max_size=2), max_size=3),
            st.dictionaries(NAMES, st.text("xyz", max_size=4), min_size=1, max_size=3),
        ),
        max_size=5,
    )
)
def test_parameters_are_written_as_cs_writes_them(params):
    theirs = dict(params)
    transform(theirs)
    assert dict(flattened(params)) == theirs


def test_a_truth_value_is_written_as_cloudstack_reads_it_wherever_it_stands():
    params = {"a": True, "b": [False, True], "c": [{"d": True}], "e": {"f": False}, "g": None, "h": []}
    assert dict(flattened(params)) == {
        "a": "true",
        "b": "false,true",
        "c[0].d": "true",
        "e[0].f": "false",
    }


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_any_text_arrives_signed_and_whole(cloud, driver, text):
    before = cloud.requests["listZones"]
    assert driver.client.rows("listZones", "zone", {"unknown": text})
    assert cloud.requests["listZones"] == before + 1


def paged(total: int, *, count: int | None = None, honest: bool = True) -> FakeSession:
    """A listing of so many rows; one that is not honest gives the first page for every page."""

    def respond(query: Mapping[str, str]) -> dict[str, Any]:
        first = (int(query["page"]) - 1) * PAGE_SIZE if honest else 0
        rows = [{"id": str(number)} for number in range(first, min(first + PAGE_SIZE, total))]
        return {"count": total if count is None else count, "thing": rows} if rows else {}

    return FakeSession(respond)


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (499, 1), (500, 1), (501, 2), (1200, 3)])
def test_all_pages_are_read_and_no_more(total, pages):
    session = paged(total)
    assert [row["id"] for row in session.client().rows("listThings", "thing")] == [str(n) for n in range(total)]
    assert len(session.asked) == pages


def test_a_count_that_promises_too_much_ends_with_the_rows():
    assert len(paged(500, count=900).client().rows("listThings", "thing")) == 500


def test_a_listing_that_knows_no_pages_has_an_end():
    assert len(paged(500, honest=False).client().rows("listThings", "thing")) == 500


def test_a_listing_that_holds_no_list_is_an_error():
    with pytest.raises(CloudError, match="is not a list"):
        FakeSession(lambda _: {"count": 1, "thing": "one"}).client().rows("listThings", "thing")


def test_threads_never_share_an_address(driver):
    network = "00000000-0000-4000-8000-00000000ffff"
    with ThreadPoolExecutor(8) as pool:
        calls = list(pool.map(lambda _: driver.prepare(associate(network)), range(80)))
    assert len({call.params["ipaddress"] for call in calls if call}) == 80


def test_threads_that_look_up_at_once_list_once(cloud):
    driver = CloudStackDriver(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret))
    before = cloud.requests["listServiceOfferings"]
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: driver.lookup("serviceoffering", "Small Instance"), range(40)))
    assert len(found) == 1
    assert cloud.requests["listServiceOfferings"] == before + 1


def test_when_no_address_is_free_there_is_none_to_choose():
    session = FakeSession(
        lambda query: {"count": 1, "zone": [{"id": "z", "name": "z"}]} if "Zones" in query["command"] else {}
    )
    with pytest.raises(CapacityError, match="no free public address"):
        CloudStackDriver(session.client()).prepare(associate("n"))


def test_a_closed_driver_leaves_no_thread_behind(cloud):
    driver = CloudStackDriver(Client(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret)))
    nowhere = [f"00000000-0000-4000-8000-{number:012}" for number in range(20)]
    assert driver.read(NETWORK, nowhere) == {}
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("cfnlib-ask")]
    assert mine
    driver.close()
    for thread in mine:
        thread.join(5.0)
    assert not any(thread.is_alive() for thread in mine)


def keys_in(cloud: Simulator) -> int:
    return sum(1 for _ in cloud.world.live("keypair"))


@pytest.mark.parametrize("ahead_s", [-3600.0, 0.0, 60.0])
def test_a_call_with_an_end_is_taken_whatever_the_clock_of_the_cloud_shows(ahead_s):
    with Simulator(clock=lambda: time.time() + ahead_s) as skewed:
        used = Client(Config(endpoint=skewed.endpoint, key=skewed.admin.key, secret=skewed.admin.secret))
        for number in range(3):
            used.call("createSSHKeyPair", {"name": f"k{number}"}, until=time.time() + 30)
        refused = 1 if ahead_s > 30 else 0
        assert (keys_in(skewed), skewed.requests["createSSHKeyPair"]) == (3, 3 + refused)


def test_a_call_that_comes_after_its_end_is_not_taken(cloud):
    config = Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret=cloud.admin.secret)

    class Stopped(Pool):
        """A process that was stopped when it was about to send."""

        def send(self, method, form, retry, until=None):
            time.sleep(max(0.0, until - time.time()) + 0.01)
            return super().send(method, form, retry)

    before = keys_in(cloud)
    with pytest.raises(UnreachableError, match="too late"):
        Client(config, sender=Stopped(config)).call("createSSHKeyPair", {"name": "late"}, until=time.time() + 0.1)
    assert keys_in(cloud) == before


def test_wrong_keys_are_wrong_keys_also_with_an_end(cloud):
    used = Client(Config(endpoint=cloud.endpoint, key=cloud.admin.key, secret="another"))
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            used.call("createSSHKeyPair", {"name": "k"}, until=time.time() + 60)
