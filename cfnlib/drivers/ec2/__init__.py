"""The road through an EC2 API: the bridge of `compat.ec2`, an old CloudStack's own, or any other that speaks it."""

from __future__ import annotations

from cfnlib.drivers.ec2.client import Client
from cfnlib.drivers.ec2.driver import Ec2Driver

__all__ = ["Client", "Ec2Driver"]
