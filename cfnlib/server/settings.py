"""What the operator says about the service itself; how to reach the cloud is `cfnlib.config`'s."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import field, frozen

from cfnlib.config import embedded_folder
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_SECRET_BYTES = 32


@frozen
class ServiceSettings:
    """The service's numbers and places.

    `public_url` is how clients and machines reach the service; wait handles' URLs are made below it. `secret` signs
    those URLs and the tokens of lists: all processes on one store must have the same. `operations` is how many
    operations this process carries on at once, `calls` how many calls of the cloud they have under way,
    `queued_per_account` how many more operations of one account may wait, `stacks_per_account` how many stacks it may
    have, `requests_per_s` how often it may ask on average (None: as often as it likes). `sweep_s` is how often stacks
    that nobody works on are looked for, `idle_s` how long the connections of an account are kept, `keep_deleted_s`
    how long a deleted stack can still be looked at by its id, `close_s` how long a stop waits until operations are
    handed over. `handle_s` is how long a wait handle's URL is good. `body_bytes` and `url_bytes` bound templates by
    where they come from: AWS's limits are the defaults. `template_hosts` are the hosts that a TemplateURL may name
    besides the service's own bucket, which is kept in `bucket_folder`; None: there is no bucket. `between` is a
    folder for what all processes behind one socket know together; None: there is but one process.
    """

    public_url: str
    secret: bytes = field(repr=False)
    operations: int = 256
    calls: int = 64
    queued_per_account: int = 2000
    stacks_per_account: int = 2000
    requests_per_s: float | None = None
    sweep_s: float = 5.0
    idle_s: float = 900.0
    close_s: float = 60.0
    keep_deleted_s: float = 90 * 86400.0
    handle_s: float = 7 * 86400.0
    body_bytes: int = 51_200
    url_bytes: int = 1_048_576
    template_hosts: Sequence[str] = ()
    bucket_folder: Path | None = None
    between: Path | None = None


def load_secret(path: Path) -> bytes:
    """The service's secret from its file, which is made when it is not there. Raises `ConfigError`.

    Whoever has it can sign the URLs of wait handles: the file is its owner's alone. Processes on several hosts that
    serve one store need the same file.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_new(path)
        found = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{path}: the service's secret cannot be kept there: {error.strerror}") from error
    if len(found) < MIN_SECRET_BYTES:
        raise ConfigError(f"{path}: a secret has at least {MIN_SECRET_BYTES} bytes; remove the file for a new one")
    return found


def _write_new(path: Path) -> None:
    """Write a new secret; of several processes that do so at once, one wins, and all read the same afterwards."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()


def secret_place(state_url: str) -> Path:
    """Where the secret is kept when nothing is said: beside a store that is a file, or in the user's state folder."""
    scheme, _, rest = state_url.partition(":///")
    if scheme.startswith("sqlite") and rest and rest != ":memory:":
        return Path(rest).parent / "service.secret"
    return embedded_folder().parent / "service.secret"


def checked_public_url(url: str) -> str:
    """The URL without a slash at its end. Raises `ConfigError` when it is none that a client could call."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"--public-url must be as https://stacks.example.org, not {url!r}")
    return url.rstrip("/")
