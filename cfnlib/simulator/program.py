"""The simulator as a program: prints how to reach it, then serves until it is told to stop."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, get_type_hints

import attrs

from cfnlib.simulator.faults import Fault
from cfnlib.simulator.latency import Latency
from cfnlib.simulator.seed import DEFAULT_LIMITS, Capacity
from cfnlib.simulator.simulator import Simulator

if TYPE_CHECKING:
    import argparse

FAULT_HELP = """something that goes wrong, as command:kind[:name=value,...]; e.g. deployVirtualMachine:job:nth=3 or
'list*:hang:share=0.01,hang_s=5'; match.NAME=PATTERN looks at a parameter of the call (may be given again)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the program, for a parser of one's own."""
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the world in this file across restarts")
    parser.add_argument("--job-seconds", type=float, default=0.0, metavar="S", help="how long each job takes")
    parser.add_argument("--real", action="store_true", help="take as long over things as a real server did")
    parser.add_argument("--fault", action="append", default=[], type=parse_fault, metavar="SPEC", help=FAULT_HELP)
    parser.add_argument("--no-limits", action="store_true", help="let the ordinary account have as much as it likes")
    parser.add_argument("--seed", type=int, help="make ids and addresses the same each time")
    parser.add_argument("--json", action="store_true", help="print endpoint and keys as JSON, not as shell exports")


def parse_fault(text: str) -> Fault:
    """A fault written as ``command:kind:name=value,...``; raises ValueError if it is none."""
    command, _, rest = text.partition(":")
    kind, _, options = rest.partition(":")
    types = get_type_hints(Fault, localns={"Mapping": dict})
    known = {field.name for field in attrs.fields(Fault)} - {"command", "kind", "match"}
    given: dict[str, Any] = {"kind": kind or "job"}
    match: dict[str, str] = {}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name.startswith("match."):
            match[name.removeprefix("match.")] = value
        elif name in known:
            given[name] = _number(value) if types[name] is not str else value
        else:
            raise ValueError(f"a fault has no {name!r}; it has {', '.join(sorted(known))} and match.NAME")
    return Fault(command, match=match, **given)


def _number(value: str) -> int | float:
    return float(value) if "." in value else int(value)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    latency = Latency.real() if args.real else Latency(job_s=args.job_seconds)
    capacity = Capacity(limits=dict.fromkeys(DEFAULT_LIMITS, -1) if args.no_limits else {})
    simulator = Simulator(latency, args.fault, args.state, args.port, args.host, capacity, seed=args.seed)
    orders: SimpleQueue[int] = SimpleQueue()  # may be put into while it is waited for, as by a second signal
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: orders.put(number))
    with simulator:
        sys.stdout.write(announcement(simulator, as_json=args.json))
        sys.stdout.flush()
        orders.get()
    return 0


def announcement(simulator: Simulator, *, as_json: bool) -> str:
    """What the program prints once it serves."""
    admin, user = simulator.admin, simulator.user
    if as_json:
        reach = {
            "endpoint": simulator.endpoint,
            "key": admin.key,
            "secret": admin.secret,
            "user_key": user.key,
            "user_secret": user.secret,
        }
        return json.dumps(reach) + "\n"
    return (
        f"export CLOUDSTACK_ENDPOINT={simulator.endpoint}\n"
        f"export CLOUDSTACK_KEY={admin.key}\n"
        f"export CLOUDSTACK_SECRET={admin.secret}\n"
        f"# an ordinary account: CLOUDSTACK_KEY={user.key} CLOUDSTACK_SECRET={user.secret}\n"
    )
