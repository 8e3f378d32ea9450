"""Free public addresses, each handed out to one call only.

CloudStack takes an address of its own choice when none is named; but then nobody could tell, after an answer was
lost, which address was taken. So one is chosen here, at random, because other processes choose from the same ones.
"""

from __future__ import annotations

import random
import time
from threading import Lock
from typing import TYPE_CHECKING

from cfnlib.errors import CapacityError

if TYPE_CHECKING:
    from cfnlib.drivers.cloudstack.client import Client

KEPT_BACK_S = 600.0
"""How long an address that was handed out is not handed out again, though it is still listed as free."""


class FreeAddresses:
    """The free public addresses of a zone. May be used by several threads at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._free: list[str] = []
        self._handed_out: dict[str, float] = {}

    def take(self, zone_id: str) -> str:
        """An address that is free, as far as is known. Raises `CapacityError` when there is none."""
        with self._lock:
            if not self._free:
                self._refresh(zone_id)
            address = self._free.pop()
            self._handed_out[address] = time.monotonic()
            return address

    def forget(self) -> None:
        """Look again before the next address is handed out: somebody else has taken one of those listed."""
        with self._lock:
            self._free.clear()

    def _refresh(self, zone_id: str) -> None:
        params = {"allocatedonly": False, "state": "Free", "forvirtualnetwork": True, "zoneid": zone_id}
        rows = self._client.rows("listPublicIpAddresses", "publicipaddress", params)
        now = time.monotonic()
        self._handed_out = {held: at for held, at in self._handed_out.items() if now - at < KEPT_BACK_S}
        listed = {str(row["ipaddress"]) for row in rows if row.get("ipaddress")}
        self._free = sorted(listed - self._handed_out.keys())
        if not self._free:
            raise CapacityError(
                "no free public address is left in the zone; release one that is not needed",
                command="listPublicIpAddresses",
            )
        random.shuffle(self._free)
