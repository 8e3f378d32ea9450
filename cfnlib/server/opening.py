"""Opening a service: on the configured cloud, or on the embedded one when none is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve

from cfnlib.config import embedded_folder
from cfnlib.embedded import EmbeddedCloud, EmbeddedDriver
from cfnlib.errors import ConfigError, UnreachableError
from cfnlib.identity.keyring import AdminKeyring, FileKeyring, FixedKeyring
from cfnlib.identity.refusal import Refusal, RefusedError
from cfnlib.server.service import Service, cloudstack_driver
from cfnlib.shelf import adopt
from cfnlib.stacks import EMBEDDED
from cfnlib.state.open import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from cfnlib.config import Config
    from cfnlib.drivers.base import Driver
    from cfnlib.engine.settings import Settings
    from cfnlib.identity.keyring import Caller, Keyring
    from cfnlib.server.settings import ServiceSettings


class Opened(NamedTuple):
    """A service, and the keys that may be shown because they open nothing but a cloud on this machine."""

    service: Service
    access_key: str | None = None
    secret: str | None = None


def open_service(
    config: Config, settings: ServiceSettings, *, keys: Path | None = None, engine: Settings | None = None
) -> Opened:
    """A service on the cloud that `config` says.

    `keys` is a key file; without one, secrets come from the cloud with the configured keys, which must then be a root
    administrator's, or else are the only ones that may call. Raises `ConfigError`, `CloudError`, `StoreError`.
    """
    if config.endpoint is None:
        raise ConfigError("no cloud is configured; see open_embedded_service")
    keyring = keyring_of(config, keys)
    store = open_store(config.state_url)
    return Opened(Service(config, store=store, keyring=keyring, settings=settings, engine=engine))


def open_embedded_service(
    config: Config,
    settings: ServiceSettings,
    *,
    folder: Path | None = None,
    state_url: str | None = None,
    job_s: float = 0.0,
    engine: Settings | None = None,
) -> Opened:
    """A service on the embedded cloud of a folder, the one that the command line uses when it is None.

    `state_url` is another store than the folder's own, `job_s` how long each job of the cloud takes.
    """
    folder = embedded_folder() if folder is None else folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = open_store(state_url or f"sqlite:///{folder.absolute() / 'stacks.db'}")
    cloud = EmbeddedCloud(folder, job_s=job_s)
    place = cloud.place()
    if state_url is None:
        adopt(store, EmbeddedDriver(cloud, config), EMBEDDED)

    def near() -> Config:
        # Another process may have taken over serving the cloud, at another port.
        return evolve(config.with_cloud(**cloud.place()), retry_backoff_s=0.05, proxy=None)

    def make_driver(config: Config, caller: Caller) -> Driver:
        # Who has the cloud's own keys follows it when another process takes over serving it.
        if caller.access_key == place["key"] and caller.project_id is None:
            return EmbeddedDriver(cloud, config)
        return cloudstack_driver(near(), caller)

    service = Service(
        near(),
        store=store,
        keyring=AdminKeyring(near),
        settings=settings,
        scope=EMBEDDED,
        engine=engine,
        make_driver=make_driver,
        endpoint=lambda: cloud.place()["endpoint"],
        close=cloud.close,
    )
    return Opened(service, place["key"], place["secret"])


def keyring_of(config: Config, keys: Path | None) -> Keyring:
    """Where the secrets of callers come from; see `open_service`. Raises `ConfigError`, `UnreachableError`."""
    if keys is not None:
        return FileKeyring(keys, config)
    if not config.key:
        raise ConfigError(
            "nobody could call: give a key file by --keys, or configure an administrator's keys (CLOUDSTACK_KEY)"
        )
    only = FixedKeyring(config)
    try:
        role = only.caller(config.key).role
    except RefusedError as error:
        if error.refusal is Refusal.UNAVAILABLE:
            raise UnreachableError(f"the cloud at {config.endpoint} cannot be used: {error}") from error
        where = "CLOUDSTACK_KEY and CLOUDSTACK_SECRET, or those of the profile"
        raise ConfigError(f"the cloud at {config.endpoint} refuses the configured keys: check {where}") from error
    return AdminKeyring(config) if role == "Admin" else only
