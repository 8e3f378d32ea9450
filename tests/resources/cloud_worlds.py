"""An embedded cloud on which a type's calls are carried out, each one watched by its own check."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cfnlib.config import Config
from cfnlib.drivers.base import Pending
from cfnlib.drivers.cloudstack import CloudStackDriver
from cfnlib.errors import NotFoundError
from cfnlib.plan.evaluate import with_ids
from cfnlib.resources import find
from cfnlib.schema.calls import Effect
from cfnlib.schema.check import coerce
from cfnlib.schema.lifecycle import create_calls, delete_calls, update_calls
from cfnlib.schema.model import Desired, Existing
from cfnlib.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import ResourceType

SMALL, IMAGE = "Small Instance", "CentOS 5.6 (64-bit) no GUI (Simulator)"


class World:
    """A cloud, and the things that were made on it."""

    def __init__(self, driver: CloudStackDriver) -> None:
        self.driver = driver
        self.facts = driver.facts()
        self._count = 0

    def make(self, type_name: str, **values: object) -> Existing:
        """Make a thing."""
        self._count += 1
        desired = self._desired(find(type_name), f"thing-{self._count}", values)
        resource = find(type_name)
        calls = create_calls(resource, desired)
        creates = any(call.effect is Effect.CREATES for call in calls)
        physical_id, record = self.carry_out(resource, calls, None if creates else desired.name)
        if resource.native and resource.native.read:
            record = self.driver.read(resource, [physical_id]).get(physical_id, {}) | dict(record)
        attributes = resource.attributes_of(record)
        return Existing("Thing", desired.name, physical_id, desired.properties, attributes, self.facts)

    def change(self, type_name: str, thing: Existing, **values: object) -> Existing:
        """Give a thing these properties and no others."""
        resource = find(type_name)
        desired = self._desired(resource, thing.name, values)
        self.carry_out(resource, update_calls(resource, thing, desired), thing.physical_id)
        return Existing("Thing", thing.name, thing.physical_id, desired.properties, thing.attributes, self.facts)

    def remove(self, type_name: str, thing: Existing) -> None:
        """Remove a thing, and see that removing it once more changes nothing."""
        resource = find(type_name)
        calls = delete_calls(resource, thing)
        self.carry_out(resource, calls, thing.physical_id)
        for call in calls:
            assert self.driver.prepare(call.bound(thing.physical_id)) is None or not self._shows(
                call, thing.physical_id
            )

    def rows(self, command: str, key: str, **params: object) -> list[Mapping[str, Any]]:
        """What a listing of the cloud shows."""
        return self.driver.client.rows(command, key, params)

    def carry_out(
        self, resource: ResourceType, calls: list[Call], physical_id: str | None
    ) -> tuple[str, Mapping[str, Any]]:
        """Make the calls. Each one's check must not show its effect before, where it is exclusive, and must after."""
        record: Mapping[str, Any] = {}
        for call in calls:
            ready = self.driver.prepare(call.bound(physical_id))
            if ready is None:
                continue
            assert not (ready.exclusive and self.driver.find(ready.check)), "somebody else's thing is there"
            answer = self.driver.submit(ready)
            physical_id = answer.physical_id or physical_id
            record = {**record, **(answer.record or self._end(resource, ready, answer.job_id, physical_id))}
            if "userdata" in ready.params and ready.effect is Effect.CHANGES:
                continue  # the embedded cloud lists no user data
            found = self.driver.find(ready.bound(physical_id).check)
            assert bool(found) is (ready.effect is not Effect.REMOVES), f"{ready}: its check shows {found}"
            if ready.effect is Effect.CREATES:
                assert [row["id"] for row in found] == [physical_id]
        assert physical_id is not None
        return physical_id, record

    def _shows(self, call: Call, physical_id: str) -> bool:
        ready = self.driver.prepare(call.bound(physical_id))
        return ready is not None and bool(self.driver.find(ready.check))

    def _desired(self, resource: ResourceType, name: str, values: dict[str, Any]) -> Desired:
        coerced, problems = coerce(resource, values)
        assert problems == []
        return Desired("Thing", name, "stack", with_ids(resource, coerced, self.driver.lookup), self.facts)

    def _end(
        self, resource: ResourceType, call: Call, job_id: str | None, physical_id: str | None
    ) -> Mapping[str, Any]:
        if job_id is None:
            return {}
        for _ in range(1000):
            for end in self.driver.poll([Pending("it", resource, call, job_id, physical_id)]):
                gone = call.effect is Effect.REMOVES and isinstance(end.error, NotFoundError)
                assert end.error is None or gone, f"{call.command}: {end.error}"
                return end.record
            time.sleep(0.005)
        raise AssertionError(f"{call.command} has no end")


@contextmanager
def world(zone: str) -> Iterator[World]:
    """A fresh cloud, seen by an ordinary account, in its zone `Sandbox`, or `SandboxSG` with security groups."""
    with Simulator(seed=1) as cloud:
        driver = CloudStackDriver(
            Config(endpoint=cloud.endpoint, key=cloud.user.key, secret=cloud.user.secret, zone=zone)
        )
        yield World(driver)
        driver.close()
