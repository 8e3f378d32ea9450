"""Every setting of cfnlib in one value, and the only place that reads the environment and configuration files.

How to reach CloudStack is read as the `cs` tool reads it, by `cs` itself, so that whoever has a working
`~/.cloudstack.ini` is done. What is cfnlib's own comes from arguments, then from `CFNLIB_*` variables, then from the
mapping file (`~/.cfnlib.yaml`), which also gives names of this cloud for the names that templates written for another
one use::

    zone: Sandbox
    images: {ami-1234: Ubuntu 22.04}
    types: {m1.small: Small Instance}
    zones: {us-east-1b: Sandbox}

Source: cs 5.2, README: `CLOUDSTACK_*` variables, `CLOUDSTACK_CONFIG`, `CLOUDSTACK_REGION`, `CLOUDSTACK_OVERRIDES`.
"""

from __future__ import annotations

import configparser
import os
import re
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from attrs import evolve, field, fields, frozen

from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_TIMEOUT_S = 60.0
"""How long an answer may take when nothing else is said: a deployVirtualMachine among many takes several seconds."""

_OWN = {
    "zone": "CFNLIB_ZONE",
    "network_offering": "CFNLIB_NETWORK_OFFERING",
    "vpc_offering": "CFNLIB_VPC_OFFERING",
    "project_id": "CFNLIB_PROJECT_ID",
    "state_url": "CFNLIB_STATE",
    "signal_url": "CFNLIB_SIGNAL_URL",
    "region": "CFNLIB_REGION",
    "ec2_url": "CFNLIB_EC2_URL",
    "ec2_signature": "CFNLIB_EC2_SIGNATURE",
    "ec2_version": "CFNLIB_EC2_VERSION",
}
_FILE_NAMES = {"state_url": "state"}
_ALIASES = ("images", "types", "zones")
_environment_lock = Lock()


@frozen
class Config:
    """All settings. `endpoint` None means that no cloud is configured (`embedded`).

    `verify` is True, False or the path of a bundle of certificates; `cert` the path of a client certificate, or of
    it and its key. `retry` is how often a question (never a change) is asked again. `zone`, `network_offering` and
    `vpc_offering` are names; None lets the driver choose. `images`, `types`, `zones` give a name on this cloud for a
    foreign one. `signal_url` is where machines reach the service that takes their signals. `ec2_url` is an EC2 API
    to be used in place of CloudStack's own, with the same keys; requests to it are signed by AWS's version 4 or 2
    (`ec2_signature`), for the API's version `ec2_version` (a day; None: the newest). Secrets are not part of `repr`.
    """

    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    method: str = "get"
    timeout_s: float = DEFAULT_TIMEOUT_S
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    retry: int = 3
    retry_backoff_s: float = 0.5
    expiration_s: float = 600.0
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    profile: str | None = None
    zone: str | None = None
    network_offering: str | None = None
    vpc_offering: str | None = None
    project_id: str | None = None
    state_url: str = field(factory=lambda: default_state_url(os.environ), repr=False)
    images: Mapping[str, str] = field(factory=dict)
    types: Mapping[str, str] = field(factory=dict)
    zones: Mapping[str, str] = field(factory=dict)
    signal_url: str | None = None
    region: str = "cloudstack"
    ec2_url: str | None = None
    ec2_signature: str = "v4"
    ec2_version: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether no CloudStack is configured, so that only the embedded one can be meant."""
        return self.endpoint is None

    @classmethod
    def load(
        cls,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        mapping: str | Path | None = None,
        **overrides: Any,  # noqa: ANN401 - any field of this class
    ) -> Self:
        """Read every setting. `profile` is a section of the ini file; an override of None counts as not given.

        `mapping` is the path of the mapping file, in place of what `CFNLIB_MAPPING` names.

        An `endpoint` among the overrides stands for a cloud of its own: keys are then taken from the overrides only.
        Raises `ConfigError`, which names the variable or the place in the file, and the way out.
        """
        environ = os.environ if environ is None else environ
        if mapping is not None:
            environ = {**environ, "CFNLIB_MAPPING": str(mapping)}
        given = {name: value for name, value in overrides.items() if value is not None}
        unknown = given.keys() - {known.name for known in fields(cls)}
        if unknown:
            raise ConfigError(f"there is no setting {', '.join(sorted(unknown))}")
        values = {"state_url": default_state_url(environ), **_own(environ)}
        if "endpoint" not in given:
            values |= _cloud(profile, environ, ec2=bool(given.get("ec2_url") or values.get("ec2_url")))
        config = cls(**{**values, **given})
        _check(config, environ)
        return config

    def with_cloud(self, endpoint: str, key: str, secret: str) -> Config:
        """The same settings for another cloud."""
        return evolve(self, endpoint=endpoint, key=key, secret=secret)


def default_state_url(environ: Mapping[str, str]) -> str:
    """The URL of the store that is used when none is configured: a file in the user's state directory."""
    return f"sqlite:///{_state_folder(environ) / 'cfnlib.db'}"


def embedded_folder() -> Path:
    """Where the command line keeps its embedded cloud and the stacks on it: below the user's state directory."""
    return _state_folder(os.environ) / "embedded"


def keep_figures_in(folder: Path) -> None:
    """Have prometheus_client, once it is imported, keep in a folder what several processes count together."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _state_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_STATE_HOME") or _home(environ) / ".local" / "state") / "cfnlib"


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


# cfnlib's own


def _own(environ: Mapping[str, str]) -> dict[str, Any]:
    found = _mapping_file(environ)
    for name, variable in _OWN.items():
        if environ.get(variable):
            found[name] = environ[variable]
    return found


def _mapping_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get("CFNLIB_MAPPING")
    path = Path(named).expanduser() if named else _home(environ) / ".cfnlib.yaml"
    if not path.exists():
        if named:
            raise ConfigError(
                f"CFNLIB_MAPPING: there is no file {path}; give the path of a mapping file, or unset it"
            )
        return {}
    content = _yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must be a mapping with keys such as images, types, zones, zone")
    file_names = {_FILE_NAMES.get(name, name): name for name in _OWN}
    found: dict[str, Any] = {}
    for key, value in content.items():
        if key in _ALIASES:
            found[key] = _aliases(path, key, value)
        elif key not in file_names:
            allowed = ", ".join((*_ALIASES, *file_names))
            raise ConfigError(f"{path}: unknown key {key!r}; the keys are {allowed}")
        elif isinstance(value, (dict, list)):
            raise ConfigError(f"{path}: {key} must be a text")
        elif value is not None:
            found[file_names[key]] = str(value)
    return found


def _yaml(path: Path) -> object:
    import yaml  # noqa: PLC0415 - only who has such a file pays for reading it

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _aliases(path: Path, key: str, value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or any(isinstance(item, (dict, list)) or item is None for item in value.values()):
        raise ConfigError(f"{path}: {key} must map each foreign name to a name on this cloud")
    return {str(name): str(item) for name, item in value.items()}


# How to reach CloudStack


def _cloud(profile: str | None, environ: Mapping[str, str], *, ec2: bool) -> dict[str, Any]:
    named = environ.get("CLOUDSTACK_CONFIG")
    paths = [_home(environ) / ".cloudstack.ini", Path.cwd() / "cloudstack.ini"]
    paths += [Path(named).expanduser()] if named else []
    files = [path for path in paths if path.exists()]
    if not environ.get("CLOUDSTACK_ENDPOINT"):
        if named and not paths[-1].exists():
            raise ConfigError(f"CLOUDSTACK_CONFIG: there is no file {paths[-1]}; correct the path, or unset it")
        if not files and ec2:
            pair = {"key": environ.get("CLOUDSTACK_KEY"), "secret": environ.get("CLOUDSTACK_SECRET")}
            return {name: value for name, value in pair.items() if value}
        if not files:
            _refuse_half(profile, environ)
            return {}
    read = _read_by_cs(profile, environ, files)
    return _translated(read, environ)


def _refuse_half(profile: str | None, environ: Mapping[str, str]) -> None:
    """Nothing says where the cloud is: fine, unless something says that one is meant."""
    region = environ.get("CLOUDSTACK_REGION")
    if profile or region:
        what = f"the profile {profile!r}" if profile else f"CLOUDSTACK_REGION={region}"
        raise ConfigError(f"{what} is asked for, but there is no ~/.cloudstack.ini and no ./cloudstack.ini")
    for variable in ("CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"):
        if environ.get(variable):
            raise ConfigError(f"{variable} is set, but CLOUDSTACK_ENDPOINT is not: set it to the URL of the API")


def _read_by_cs(profile: str | None, environ: Mapping[str, str], files: list[Path]) -> dict[str, Any]:
    from cs.client import read_config  # noqa: PLC0415 - it imports requests, which takes longer than all the rest
    from requests.utils import get_environ_proxies  # noqa: PLC0415 - as above

    shown = ", ".join(str(path) for path in files)
    with _as_environment(environ):
        try:
            found = dict(read_config(profile))
            endpoint = str(found.get("endpoint", ""))
            proxies = get_environ_proxies(endpoint) if endpoint else {}
        except configparser.NoSectionError as error:
            sections = _sections(files)
            raise ConfigError(f"{shown}: there is no section [{error.section}]; {sections}") from None
        except configparser.Error as error:
            raise ConfigError(f"{shown}: {_why(error)}") from None
        except SystemExit:
            raise ConfigError("CLOUDSTACK_OVERRIDES is set, but there is no file to override; unset it") from None
        except ValueError:
            if profile or environ.get("CLOUDSTACK_REGION") or "[cloudstack]" in _sections(files):
                section = profile or environ.get("CLOUDSTACK_REGION") or "cloudstack"
                raise ConfigError(
                    f"{shown}: the section [{section}] has no endpoint; add the URL of the API"
                ) from None
            sections = _sections(files)
            raise ConfigError(
                f"{shown}: there is no section [cloudstack]; {sections}; name one by --profile or CLOUDSTACK_REGION"
            ) from None
    found["proxy"] = proxies.get(urlsplit(endpoint).scheme) or proxies.get("all")
    return found


def _why(error: configparser.Error) -> str:
    """What is wrong with a file, without what stands there: it may be the secret."""
    if isinstance(error, configparser.InterpolationError):
        return f"{error.option} in section [{error.section}]: write %% for a %"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.option} in section [{error.section}] is given twice"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"section [{error.section}] is given twice"
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"cannot be read: line {error.lineno} stands before any section"
    if isinstance(error, configparser.ParsingError):
        return f"cannot be read: line {error.errors[0][0]} is no `name = value`"
    return "cannot be read"


def _sections(files: list[Path]) -> str:
    parser = configparser.ConfigParser()
    parser.read(files)
    names = ", ".join(f"[{name}]" for name in parser.sections())
    return f"the sections are {names}" if names else "the file has no sections"


@contextmanager
def _as_environment(environ: Mapping[str, str]) -> Iterator[None]:
    """Let `cs`, which reads the process's environment, read this one."""
    if environ is os.environ:
        yield
        return
    with _environment_lock:
        saved = dict(os.environ)
        try:
            os.environ.clear()
            os.environ.update(environ)
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)


def _translated(read: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: read[name] for name in ("endpoint", "key", "secret") if read.get(name)}
    values["method"] = str(read["method"]).lower()
    values["profile"] = read.get("name")
    values["headers"] = dict(read.get("headers", {}))
    values["proxy"] = read.get("proxy")
    if isinstance(read["timeout"], str):  # else it is cs's own default, and nobody has said anything
        values["timeout_s"] = _number(read, "timeout", environ)
    if isinstance(read.get("retry"), str):
        values["retry"] = int(_number(read, "retry", environ))
    if read.get("retry_backoff") is not None:
        values["retry_backoff_s"] = _number(read, "retry_backoff", environ)
    if read.get("expiration") is not None:
        values["expiration_s"] = _number(read, "expiration", environ)
    unsafe = read.get("dangerous_no_tls_verify")
    if not isinstance(unsafe, bool):
        place = _place(read, "dangerous_no_tls_verify", environ)
        raise ConfigError(f"{place} must be true or false, not {unsafe!r}")
    values["verify"] = read.get("verify") or not unsafe
    if read.get("cert"):
        values["cert"] = (read["cert"], read["cert_key"]) if read.get("cert_key") else read["cert"]
    return values


def _number(read: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> float:
    try:
        return float(read[name])
    except (TypeError, ValueError):
        place = _place(read, name, environ)
        raise ConfigError(f"{place} must be a number, not {read[name]!r}") from None


def _place(read: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> str:
    """Where a setting was read, as far as can be told: a variable, or the section of the file."""
    variable = f"CLOUDSTACK_{name.upper()}"
    if environ.get(variable) == read.get(name) or not read.get("name"):
        return variable
    return f"{name} in section [{read['name']}] of the configuration file"


def _check(config: Config, environ: Mapping[str, str]) -> None:
    read = {"name": config.profile}
    if config.endpoint is not None:
        parts = urlsplit(config.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            place = _place({**read, "endpoint": config.endpoint}, "endpoint", environ)
            raise ConfigError(
                f"{place} must be the URL of the API, such as https://cloud.example.org/client/api, "
                f"not {config.endpoint!r}"
            )
        if bool(config.key) != bool(config.secret):
            missing = "secret" if config.key else "key"
            raise ConfigError(f"{_place(read, missing, environ)} is missing: a key and a secret belong together")
    _check_ec2(config)
    if config.method not in ("get", "post"):
        place = _place({**read, "method": config.method}, "method", environ)
        raise ConfigError(f"{place} must be get or post, not {config.method!r}")
    if config.timeout_s <= 0:
        raise ConfigError(f"{_place(read, 'timeout', environ)} must be more than 0 seconds, not {config.timeout_s:g}")
    _check_files(config, environ)


def _check_ec2(config: Config) -> None:
    parts = urlsplit(config.ec2_url or "http://none")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"CFNLIB_EC2_URL must be the URL of an EC2 API, not {config.ec2_url!r}")
    if config.ec2_signature not in ("v4", "v2"):
        raise ConfigError(f"CFNLIB_EC2_SIGNATURE must be v4 or v2, not {config.ec2_signature!r}")
    if config.ec2_version is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", config.ec2_version):
        raise ConfigError(f"CFNLIB_EC2_VERSION must be a day such as 2012-08-15, not {config.ec2_version!r}")
    if config.ec2_url is not None and not (config.key and config.secret):
        raise ConfigError("CFNLIB_EC2_URL is set, but no keys: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET")


def _check_files(config: Config, environ: Mapping[str, str]) -> None:
    cert = config.cert if isinstance(config.cert, tuple) else (config.cert,)
    named = {"verify": config.verify, "cert": cert[0], "cert_key": cert[-1]}
    for name, path in named.items():
        if isinstance(path, str) and not Path(path).exists():
            place = _place({"name": config.profile, name: path}, name, environ)
            way_out = "; to check no certificate at all, set dangerous_no_tls_verify" if name == "verify" else ""
            raise ConfigError(f"{place}: there is no file {path}{way_out}")
