"""The key file: a YAML list of key pairs that only the service may read.

Each entry has `key` and `secret`; `project` (its id) if the key is to work in one. Whose a key is, is asked of the
cloud with the pair itself, unless the entry says it: `user_id`, `account` and `domain_id`, and then, if wanted,
`user`, `domain_path` (ROOT/eng) and `role` (User, DomainAdmin or Admin; User if not given)::

    - {key: "abc...", secret: "def..."}
    - {key: "ghi...", secret: "jkl...", project: 0b1c...}
    - key: "mno..."
      secret: "pqr..."
      user_id: 7f0a...
      account: demo
      domain_id: 2d9e...
      domain_path: ROOT/eng

The file belongs to who runs the service and is his alone (mode 0600 or less), or to root, who may let the service's
group read it (0640).
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from cfnlib.errors import ConfigError
from cfnlib.identity.caller import Caller

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 22
_WHO = ("user_id", "account", "domain_id")
_MORE = ("user", "domain_path", "role")
_NAMES = {"key", "secret", "project", *_WHO, *_MORE}
_ROLES = {"User", "DomainAdmin", "Admin"}

Mark = tuple[int, int, int]


class Entry(NamedTuple):
    """A pair. `caller` is whose it is, None where the cloud is to be asked."""

    secret: str
    project_id: str | None
    caller: Caller | None

    def __repr__(self) -> str:
        return f"Entry(project_id={self.project_id!r}, caller={self.caller!r})"


def mark_of(path: Path) -> Mark:
    """What changes when the file does. Raises `ConfigError`."""
    try:
        return _mark(path.stat())
    except OSError as error:
        raise _unreadable(path, error) from None


def read_key_file(path: Path) -> tuple[Mark, dict[str, Entry]]:
    """The pairs by their keys, and the mark of what was read. Raises `ConfigError`, which shows no secret."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            _check_mode(path, about)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: the key file is larger than {MAX_BYTES} bytes")
    return _mark(about), _entries(path, content)


def _mark(about: os.stat_result) -> Mark:
    return about.st_mtime_ns, about.st_ino, about.st_size


def _check_mode(path: Path, about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise ConfigError(f"{path}: the key file must be a file")
    if about.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(f"{path}: the key file belongs to another user; chown it to the one who runs the service")
    allowed = stat.S_IRWXU | (stat.S_IRGRP if about.st_uid == 0 else 0)
    if stat.S_IMODE(about.st_mode) & ~allowed:
        raise ConfigError(f"{path}: others may read or change it, and it holds secrets; chmod 600 it")


def _entries(path: Path, content: bytes) -> dict[str, Entry]:
    import yaml  # noqa: PLC0415 - only who has such a file pays for reading it

    try:
        listed = yaml.safe_load(content.decode())
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):
        raise ConfigError(f"{path}: the key file is no YAML") from None
    if not isinstance(listed, list):
        raise ConfigError(f"{path}: the key file must be a list of entries with key and secret")
    found: dict[str, Entry] = {}
    for number, given in enumerate(listed, start=1):
        key, entry = _entry(f"{path}: entry {number}", given)
        if key in found:
            raise ConfigError(f"{path}: entry {number}: its key is there twice")
        found[key] = entry
    return found


def _entry(where: str, given: object) -> tuple[str, Entry]:
    if not isinstance(given, dict) or not {"key", "secret"} <= given.keys() or not given.keys() <= _NAMES:
        names = ", ".join(sorted(_NAMES - {"key", "secret"}))
        raise ConfigError(f"{where} must have key and secret, may have {names}, and nothing else")
    for name, value in given.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{where}: {name} must be a text; put it in quotes")
    said = {name: given[name] for name in (*_WHO, *_MORE) if name in given}
    if said and not set(_WHO) <= said.keys():
        raise ConfigError(f"{where}: to say whose the key is, give {', '.join(_WHO)}; or none of it")
    if said.get("role", "User") not in _ROLES:
        raise ConfigError(f"{where}: role must be one of {', '.join(sorted(_ROLES))}")
    project_id = given.get("project")
    caller = Caller(given["key"], given["secret"], project_id=project_id, **said) if said else None
    return given["key"], Entry(given["secret"], project_id, caller)


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: the key file cannot be read: {error.strerror}")
