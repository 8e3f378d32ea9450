"""boto 2.49 for the script: where it is, and the configuration that leads it to the bridge.

The configuration alone is enough, so neither the script nor boto is touched. The port is given as `s3_port`, because
boto 2 reads that for every service of AWS, and cuts a port off `ec2_region_endpoint`. What the user's own
configuration says of patience is kept; where it leads to, and its keys, are not: they are those of another cloud.

Source: boto 2.49, boto/provider.py, boto/connection.py, boto/ec2/__init__.py, boto/pyami/config.py.
"""

from __future__ import annotations

import importlib.util
import os
from configparser import Error, RawConfigParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from runner.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2.49.0"
KEPT = (
    "ca_certificates_file",
    "debug",
    "http_socket_timeout",
    "https_validate_certificates",
    "max_retry_delay",
    "num_retries",
)
"""What of the user's own section [Boto] goes for the bridge as well."""
_INSTALL = "python3 -m pip install 'cfnlib[mesos-ec2]'"


def modules_folder(folder: Path, *, translates: bool) -> Path:
    """A folder that holds boto, and for a Python 3 what translates, and nothing else of this Python's packages."""
    place = folder / "modules"
    place.mkdir()
    _link(place, "boto", f"boto {VERSION} is missing: {_INSTALL}")
    if translates:
        _link(place, "fissix", f"fissix is missing, which translates Python 2: {_INSTALL}, or give a --python 2.7")
        _link(place, "six", f"six is missing: {_INSTALL}")
        _link(place, "appdirs", None)
    return place


def _link(place: Path, name: str, missing: str | None) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        if missing is not None:
            raise Problem(missing)
        return
    found = Path(spec.origin)
    if found.name == "__init__.py":
        found = found.parent
    (place / found.name).symlink_to(found)


def parsed(url: str) -> SplitResult:
    """The parts of a bridge's URL. Raises `Problem` for one that boto cannot be led to."""
    parts = urlsplit(url)
    try:
        known = parts.port != 0
    except ValueError:
        known = False
    if not known or parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise Problem(
            f"--bridge: boto 2 can only be led to the root of a host, such as http://127.0.0.1:8773, not {url!r}"
        )
    return parts


def write_configuration(path: Path, url: str, ca_file: str | None, environ: Mapping[str, str]) -> Path:
    """Write what leads boto to the bridge at this URL, and what of the user's own configuration is kept."""
    parts = parsed(url)
    secure = parts.scheme == "https"
    parser = RawConfigParser()
    parser["Boto"] = {
        **_users_own(environ),
        "ec2_region_name": "cloudstack",
        "ec2_region_endpoint": parts.hostname or "",
        "is_secure": str(secure),
    }
    if ca_file is not None:
        bundle = Path(ca_file).expanduser().resolve()
        if not bundle.is_file():
            raise Problem(f"--ca-file: there is no file {bundle}")
        parser["Boto"]["ca_certificates_file"] = str(bundle)
    parser["Credentials"] = {"s3_port": str(parts.port or (443 if secure else 80))}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        parser.write(file)
    return path


def _users_own(environ: Mapping[str, str]) -> dict[str, str]:
    """The options to keep, from the files that boto itself would read."""
    places = ["/etc/boto.cfg", "~/.boto"]
    if environ.get("BOTO_CONFIG"):
        places = [environ["BOTO_CONFIG"]]
    elif environ.get("BOTO_PATH"):
        places = environ["BOTO_PATH"].split(os.pathsep)
    parser = RawConfigParser(strict=False, allow_no_value=True)
    for place in places:
        path = Path(place).expanduser()
        try:
            parser.read(path, encoding="utf-8")
        except (Error, UnicodeDecodeError):  # what stands there may be a secret, so it is not shown
            raise Problem(
                f"{path} is no configuration of boto: correct it, or set BOTO_CONFIG to another one"
            ) from None
    return {name: value for name in KEPT if (value := parser.get("Boto", name, fallback=None))}
