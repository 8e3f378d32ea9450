"""An EC2 API as a `Driver`: the same templates, from the same declarations.

The engine's calls and listings stay as the types declare them, in CloudStack's terms; `translate` says what each call
is in EC2, `listings` answers each listing, `waits` tells how what goes on has ended.

What makes an interrupted creation safe: a machine is launched with a client token that was written down before (a
second launch with it gives the same machine); a volume and a snapshot are made with a tag that holds their
deterministic name; a group and a key pair have such a name, or one that was asked for; an address is taken with a
tag that was written down before. An API older than tags at birth gets the tags in a second request, so that there a
volume or an address of a process that died between the two is not found again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cfnlib.drivers.base import Answer
from cfnlib.drivers.ec2.client import Client
from cfnlib.drivers.ec2.listings import MARK, Listings
from cfnlib.drivers.ec2.lookups import Lookups
from cfnlib.drivers.ec2.translate import translated
from cfnlib.drivers.ec2.waits import Waits
from cfnlib.drivers.judge import is_gone
from cfnlib.errors import NotFoundError, UnreachableError
from cfnlib.schema.calls import Effect, prepared
from cfnlib.schema.model import read_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfnlib.config import Config
    from cfnlib.drivers.base import Ended, Pending
    from cfnlib.schema.calls import Call, Find
    from cfnlib.schema.model import Facts, ResourceType


class Ec2Driver:
    """The road through an EC2 API, for one account.

    Takes a `Config` that has an `ec2_url`, or a `Client`. Raises `ConfigError` when there is none, or no keys.
    """

    def __init__(self, config: Config | Client) -> None:
        self.client = config if isinstance(config, Client) else Client(config)
        self._lookups = Lookups(self.client)
        self._listings = Listings(self.client, lambda: self.facts().elastic_addresses is False)
        self._waits = Waits(self._listings, self.read)

    def facts(self) -> Facts:
        """What a plan must know of the zone and this account. Asked for once."""
        return self._lookups.facts()

    def lookup(self, kind: str, name: str) -> str:
        """The id of the thing of this kind with this name, alias or id. Raises `NotFoundError`."""
        return self._lookups.lookup(kind, name)

    def prepare(self, call: Call) -> Call | None:
        """The call with everything chosen; None when it removes what is not there. Raises `NotFoundError`.

        The free address of a call is not an address, which EC2 chooses itself, but a mark to find it by.
        """

        def first(find: Find, name: str) -> Any:  # noqa: ANN401 - a field of a record
            return next((read_path(row, name) for row in self.find(find)), None)

        try:
            return prepared(call, first, lambda: f"{MARK}{uuid4().hex}")
        except LookupError as error:
            raise NotFoundError(str(error), command=call.command) from None

    def submit(self, call: Call, until: float | None = None) -> Answer:
        """Make the call, once. What is left of it after `until` is not made; EC2 takes a request for 15 minutes."""
        secrets = [str(call.params[name]) for name in call.sensitive if call.params.get(name)]
        work = translated(call.command, call.params, self)
        answer: Mapping[str, Any] = {}
        for number, request in enumerate(work.requests):
            if number == 0 and until is not None and time.time() >= until:
                raise UnreachableError(f"{call.command}: its time was over before it was sent", command=call.command)
            params = dict(request.params)
            if not self.client.tags_at_birth:
                params.pop("TagSpecifications", None)
            answer = self.client.call(request.action, params, secrets=secrets)
        record = dict(work.made(answer)) if work.made is not None else {}
        made_id = str(record["id"]) if record else None
        if made_id is not None and work.tags and not self.client.tags_at_birth:
            tags = [{"Key": key, "Value": value} for key, value in work.tags.items()]
            self.client.call("CreateTags", {"Resources": [made_id], "Tags": tags})
        job_id = work.wait.job_id(made_id) if work.wait is not None else None
        return Answer(made_id if call.effect is Effect.CREATES else None, job_id, {} if job_id else record)

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """The rows of the listing that match; none as well when what it is asked about does not exist."""
        return self._listings.find(find)

    def poll(self, pending: Sequence[Pending]) -> list[Ended]:
        """Those of the pending calls that have ended."""
        return self._waits.ended(pending)

    def read(self, resource: ResourceType, physical_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The records of things by id; what does not exist, or is only described as terminated, is absent."""
        read = resource.native.read if resource.native else None
        if read is None or not physical_ids:
            return {}
        rows = self._listings.listed(read.command, {"ids": list(physical_ids)})
        return {str(row["id"]): row for row in rows if not is_gone(resource, row)}

    def cancel(self, job_id: str) -> bool:  # noqa: ARG002 - of no use here
        """Never: EC2 has no action that gives up what is under way."""
        return False

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    # What a translation may ask

    def group_id(self, group: str) -> str:
        """The id of a security group by its name or id. Raises `NotFoundError`."""
        return self._listings.group_id(group)

    def one(self, command: str, thing_id: str) -> Mapping[str, Any]:
        """The record of a thing by its id. Raises `NotFoundError`."""
        return self._listings.one(command, thing_id)

    def root_device(self, image_id: str) -> str:
        """The device of the root disk of a machine that is made from an image."""
        return self._lookups.root_device(image_id)
