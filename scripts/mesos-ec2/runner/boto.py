"""boto 2.49 for the script: where it is, and the configuration that leads it to the bridge.

The configuration alone is enough, so neither the script nor boto is touched. The port is given as `s3_port`, because
boto 2 reads that for every service of AWS, and cuts a port off `ec2_region_endpoint`.

Source: boto 2.49, boto/provider.py, boto/ec2/__init__.py, boto/pyami/config.py.
"""

from __future__ import annotations

import importlib.util
from configparser import RawConfigParser
from pathlib import Path
from urllib.parse import urlsplit

from runner.problem import Problem

VERSION = "2.49.0"


def boto_folder(folder: Path) -> Path:
    """A folder that holds boto and nothing else, so that a Python 2 can import it from there too."""
    spec = importlib.util.find_spec("boto")
    if spec is None or not spec.submodule_search_locations:
        raise Problem(f"boto {VERSION} is missing: python3 -m pip install 'cfnlib[mesos-ec2]'")
    place = folder / "boto"
    place.mkdir(exist_ok=True)
    link = place / "boto"
    if not link.exists():
        link.symlink_to(next(iter(spec.submodule_search_locations)))
    return place


def write_configuration(path: Path, url: str, ca_file: str | None = None) -> Path:
    """Write what leads boto to the bridge at this URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise Problem(
            f"--bridge: boto 2 can only be led to the root of a host, such as http://127.0.0.1:8773, not {url!r}"
        )
    secure = parts.scheme == "https"
    parser = RawConfigParser()
    parser["Boto"] = {
        "ec2_region_name": "cloudstack",
        "ec2_region_endpoint": parts.hostname,
        "is_secure": str(secure),
    }
    if ca_file is not None:
        parser["Boto"]["ca_certificates_file"] = str(Path(ca_file).expanduser().resolve())
    parser["Credentials"] = {"s3_port": str(parts.port or (443 if secure else 80))}
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
    return path
