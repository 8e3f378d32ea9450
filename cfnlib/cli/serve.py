"""`cfnlib serve`: the service, until it is told to stop."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cfnlib.cli.processes import common_folder, run_processes
from cfnlib.cli.usage import UsageError
from cfnlib.config import Config, embedded_folder
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from cfnlib.cli.processes import Part
    from cfnlib.server.opening import Opened
    from cfnlib.server.settings import ServiceSettings
    from cfnlib.web import Listening

_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - what is not listened to without being asked for
_IN_MEMORY = ("sqlite://", "sqlite:///", "sqlite:///:memory:")
_NEEDED = ("botocore", "prometheus_client", "waitress", "werkzeug")


def add_arguments(one: argparse.ArgumentParser) -> None:
    """The options of the service itself; those of the cloud and the store are every command's."""
    net = one.add_argument_group("network")
    net.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    net.add_argument("--port", type=int, default=8000, help="port, 0 for any free one (default: 8000)")
    net.add_argument("--unix-socket", type=Path, metavar="FILE", help="listen there, for a proxy beside it")
    net.add_argument("--public-url", metavar="URL", help="how clients and machines reach the service")
    net.add_argument(
        "--processes",
        type=int,
        default=1,
        metavar="N",
        help="processes behind the socket, each of which uses one core and has the numbers below (default: 1)",
    )
    net.add_argument("--threads", type=int, default=16, metavar="N", help="requests at once (default: 16)")
    net.add_argument("--connections", type=int, metavar="N", help="clients at once (default: 1000 if files allow it)")
    net.add_argument(
        "--operators",
        choices=("all", "loopback"),
        default="all",
        help="who may ask for /health, /ready and /metrics: all, or who connects from this machine (default: all)",
    )
    own = one.add_argument_group("service")
    own.add_argument("--keys", type=Path, metavar="FILE", help="key file; without it the cloud is asked for secrets")
    own.add_argument("--workers", type=int, default=256, metavar="N", help="operations at once (default: 256)")
    own.add_argument("--calls", type=int, default=64, metavar="N", help="calls of the cloud at once (default: 64)")
    own.add_argument("--secret-file", type=Path, metavar="FILE", help="signs wait handles' URLs; one for all hosts")
    own.add_argument(
        "--template-hosts", action="append", default=[], metavar="HOST", help="host of a TemplateURL (repeatable)"
    )
    own.add_argument("--bucket-folder", type=Path, metavar="DIR", help="where the bucket for templates is kept")
    own.add_argument("--requests-per-second", type=float, metavar="N", help="of each account, by all processes")
    own.add_argument("--stacks-per-account", type=int, default=2000, metavar="N", help="(default: 2000)")
    own.add_argument("--log-format", choices=("json", "text"), default="text", help="(default: text)")


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, then hand over what is under way."""
    check_packages()
    _check(arguments)
    with common_folder(arguments.processes) as folder:
        from cfnlib.web import Listening, forget_process  # noqa: PLC0415 - see `common_folder`

        listening = Listening(host=arguments.host, port=arguments.port, unix_socket=arguments.unix_socket)
        try:
            if folder is None:
                return _serve(arguments, listening)
            work = partial(_serve, arguments, listening, folder)
            return run_processes(arguments.processes, work, forget=forget_process)
        finally:
            listening.close()


def _serve(
    arguments: argparse.Namespace, listening: Listening, folder: Path | None = None, part: Part | None = None
) -> int:
    """Serve in this process; with a folder it is a part of several."""
    from cfnlib.server.app import App, LateApp  # noqa: PLC0415 - after the packages that it needs are known to be there
    from cfnlib.web import Limits, Metrics, Server, Stop, memory, setup_logging  # noqa: PLC0415 - as above

    setup_logging(as_json=arguments.log_format == "json")
    memory.begin()
    stop = Stop()
    late, metrics = LateApp(), Metrics(together=folder is not None)
    server = Server(
        late.door(metrics, Limits(operators=arguments.operators)),
        listening,
        threads=arguments.threads,
        connections=arguments.connections,
    )
    opened = _opened(arguments, arguments.public_url or server.url, folder)
    late.app = App(opened.service)
    late.app.show(metrics)
    with opened.service:
        server.start()
        if part is None or part.first:
            sys.stderr.write(_told(opened, server.url))
        memory.loaded()
        if part is not None:
            part.serves()
        for second in count(1):
            if stop.wait(1.0) or (part is not None and part.is_orphan()):
                break
            metrics.refresh()
            if second % memory.GIVE_BACK_S == 0:
                memory.give_back()
        sys.stderr.write("cfnlib: handing over what is under way\n")
        server.stop()
        late.app.close()
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` for options that are none, or do not go together."""
    if min(arguments.workers, arguments.calls, arguments.threads, arguments.processes) < 1:
        raise UsageError("--workers, --calls, --threads and --processes are at least 1")
    if arguments.connections is not None and arguments.connections < 1:
        raise UsageError("--connections is at least 1")
    if arguments.public_url is None and arguments.unix_socket is not None:
        raise UsageError("--unix-socket is for a proxy: say by --public-url how clients and machines reach that")
    if arguments.public_url is None and arguments.host in _ANYWHERE:
        raise UsageError(f"--host {arguments.host} is every address: say by --public-url how the service is reached")


def _opened(arguments: argparse.Namespace, public_url: str, between: Path | None) -> Opened:
    """The service on the cloud that the options and the environment say."""
    from cfnlib.server.opening import open_embedded_service, open_service  # noqa: PLC0415 - as above

    config = Config.load(arguments.profile, zone=arguments.zone, state_url=arguments.state, mapping=arguments.mapping)
    if between is not None and (arguments.state or config.state_url) in _IN_MEMORY:
        raise UsageError("--processes: a store in memory is one process's alone; name a file or a server by --state")
    if not config.embedded:
        return open_service(config, _settings(arguments, public_url, config.state_url, between), keys=arguments.keys)
    if arguments.keys is not None:
        raise UsageError("--keys: no cloud is configured, and the embedded one has keys of its own")
    folder = embedded_folder()
    state_url = arguments.state or f"sqlite:///{folder.absolute() / 'stacks.db'}"
    settings = _settings(arguments, public_url, state_url, between)
    return open_embedded_service(
        config, settings, folder=folder, state_url=arguments.state, job_s=arguments.job_seconds
    )


def _settings(
    arguments: argparse.Namespace, public_url: str, state_url: str, between: Path | None
) -> ServiceSettings:
    from cfnlib.server.settings import (  # noqa: PLC0415 - as above
        ServiceSettings,
        checked_public_url,
        load_secret,
        secret_place,
    )

    return ServiceSettings(
        public_url=checked_public_url(public_url),
        secret=load_secret(arguments.secret_file or secret_place(state_url)),
        bucket_folder=arguments.bucket_folder or secret_place(state_url).with_name("bucket"),
        operations=arguments.workers,
        calls=arguments.calls,
        stacks_per_account=arguments.stacks_per_account,
        requests_per_s=arguments.requests_per_second,
        template_hosts=tuple(arguments.template_hosts),
        between=between,
    )


def _told(opened: Opened, place: str) -> str:
    """Where the service listens, and how its first client calls it."""
    public = opened.service.settings.public_url
    lines = []
    if opened.access_key is not None:
        lines.append(f"cfnlib: no cloud is configured; using the embedded one, kept in {embedded_folder()}")
    lines.append(f"cfnlib: the service listens at {place}")
    if public != place:
        lines.append(f"cfnlib: clients reach it at {public}")
    if opened.access_key is not None:
        lines += [
            "",
            f"  export AWS_ACCESS_KEY_ID={opened.access_key}",
            f"  export AWS_SECRET_ACCESS_KEY={opened.secret}",
        ]
    else:
        lines += ["", "  export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...   # a user's keys of CloudStack"]
    lines += [
        "  export AWS_DEFAULT_REGION=us-east-1                       # any will do",
        f"  aws --endpoint-url {public} cloudformation list-stacks",
        "",
    ]
    return "\n".join(lines) + "\n"


def check_packages() -> None:
    """Raise `ConfigError` when a package of the service is missing."""
    missing = [name.replace("_", "-") for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(f"the service needs {', '.join(missing)}; install with: pip install 'cfnlib[service]'")
