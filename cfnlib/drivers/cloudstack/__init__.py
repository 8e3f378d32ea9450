"""The road to CloudStack: its API, by HTTP, with the caller's own keys."""

from __future__ import annotations

from cfnlib.drivers.cloudstack.client import Client
from cfnlib.drivers.cloudstack.driver import CloudStackDriver

__all__ = ["Client", "CloudStackDriver"]
