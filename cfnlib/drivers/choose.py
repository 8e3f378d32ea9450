"""Which road a configuration asks for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlib.config import Config
    from cfnlib.drivers.base import Driver

_log = logging.getLogger("cfnlib")


def open_driver(config: Config) -> tuple[Driver, str]:
    """The driver that a configuration asks for, and the scope of its stacks: an EC2 API's where `ec2_url` is set.

    Raises `ConfigError` when no cloud is configured.
    """
    if config.ec2_url is not None:
        from cfnlib.drivers.ec2 import Ec2Driver  # noqa: PLC0415 - one of the two roads is taken

        _log.info("the cloud is reached through the EC2 API at %s (CFNLIB_EC2_URL)", config.ec2_url)
        return Ec2Driver(config), config.ec2_url
    from cfnlib.drivers.cloudstack import CloudStackDriver  # noqa: PLC0415 - as above

    return CloudStackDriver(config), config.endpoint or ""
