"""The commands and their options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """\
exit codes:
  0  done
  1  the operation failed (the stack was rolled back, or is left as --on-failure says)
  2  wrong usage, or a template with errors
  3  the cloud cannot be used: configuration, keys, network
  4  the stack is not there, is busy, or is in a status that does not allow it
  130  interrupted; `cfnlib resume NAME` carries on

the cloud: CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET, or a section of ~/.cloudstack.ini (--profile);
with neither, an embedded one that keeps its state in a directory of yours
"""


def parser(given: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command line; where the words are given, options that they cannot mean are left out."""
    found = argparse.ArgumentParser(
        prog="cfnlib",
        description="Stacks of machines, networks and rules on Apache CloudStack, from CloudFormation templates.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = found.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _template_commands(commands)
    _doing_commands(commands)
    _looking_commands(commands)
    _change_set_commands(commands)
    _cluster_commands(commands, options=given is None or "cluster" in given)
    _other_commands(commands)
    return found


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - only for --version

        parser.exit(message=f"cfnlib {version('cfnlib')}\n")


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _command(
    commands: _Commands[argparse.ArgumentParser],
    name: str,
    text: str,
    *,
    function: str = "",
    module: str = "commands",
) -> argparse.ArgumentParser:
    one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    one.set_defaults(module=module, function=function or name.replace("-", "_"))
    return one


def _on_a_cloud(one: argparse.ArgumentParser, *, prints: bool = True) -> argparse.ArgumentParser:
    cloud = one.add_argument_group("cloud and state")
    cloud.add_argument("--profile", metavar="SECTION", help="section of ~/.cloudstack.ini")
    cloud.add_argument("--zone", help="zone to work in (default: the first one)")
    cloud.add_argument("--mapping", type=Path, metavar="FILE", help="aliases: images, types, zones (~/.cfnlib.yaml)")
    cloud.add_argument("--state", metavar="URL", help="where stacks are kept (default: a SQLite file of yours)")
    cloud.add_argument(
        "--job-seconds",
        type=float,
        default=1.0,
        metavar="S",
        help="embedded cloud: how long a job takes (default: 1)",
    )
    if prints:
        one.add_argument("--json", action="store_true", help="print JSON")
    return one


def _with_parameters(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="KEY=VALUE", help="a parameter's value (repeatable)"
    )
    one.add_argument("--parameters", type=Path, metavar="FILE", help="parameters in a JSON or YAML file")


def _template_commands(commands: _Commands[argparse.ArgumentParser]) -> None:
    one = _command(commands, "validate", "find every fault of templates, without a cloud", module="validate")
    one.add_argument("templates", nargs="+", type=Path, metavar="TEMPLATE")
    one.add_argument("--json", action="store_true", help="print JSON")
    one = _on_a_cloud(_command(commands, "plan", "show what create or update would do, and why"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("template", nargs="?", type=Path, metavar="TEMPLATE")
    _with_parameters(one)


def _doing_commands(commands: _Commands[argparse.ArgumentParser]) -> None:
    one = _on_a_cloud(_command(commands, "create", "make a stack from a template, and wait for it"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("template", type=Path, metavar="TEMPLATE")
    _with_parameters(one)
    one.add_argument("--on-failure", choices=("ROLLBACK", "DO_NOTHING", "DELETE"), default="ROLLBACK")
    one = _on_a_cloud(_command(commands, "update", "change a stack, and wait for it"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("template", nargs="?", type=Path, metavar="TEMPLATE", help="default: the present one")
    _with_parameters(one)
    one.add_argument("--on-failure", choices=("ROLLBACK", "DO_NOTHING"), default="ROLLBACK")
    one = _on_a_cloud(_command(commands, "delete", "remove a stack and all that it made, and wait for it"))
    one.add_argument("name", metavar="NAME")
    one = _on_a_cloud(_command(commands, "cancel", "stop the operation under way, and go back"))
    one.add_argument("name", metavar="NAME")
    one = _on_a_cloud(_command(commands, "resume", "carry on with the operation of a process that ended"))
    one.add_argument("name", nargs="?", metavar="NAME")
    one.add_argument("--all", action="store_true", help="every stack with an operation that nobody works on")
    one = _on_a_cloud(_command(commands, "rollback", "try again to go back to what was before a failed update"))
    one.add_argument("name", metavar="NAME")
    one = _on_a_cloud(_command(commands, "signal", "tell a wait condition's handle that something is done"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("handle", metavar="HANDLE", help="logical id of the handle")
    one.add_argument("--id", required=True, metavar="ID", help="unique id of the signal")
    one.add_argument("--status", choices=("SUCCESS", "FAILURE"), default="SUCCESS")
    one.add_argument("--reason", default="")
    one.add_argument("--data", default="")


def _looking_commands(commands: _Commands[argparse.ArgumentParser]) -> None:
    one = _on_a_cloud(_command(commands, "status", "show a stack and its resources"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("--all", action="store_true", help="every member of large groups")
    one.add_argument("--graph", type=Path, metavar="FILE.svg", help="also draw its graph with the states")
    one.add_argument(
        "--timeline", type=Path, metavar="FILE.svg", help="also draw what ran when in the last operation"
    )
    one = _on_a_cloud(_command(commands, "events", "show what happened to a stack"))
    one.add_argument("name", metavar="NAME")
    one.add_argument("--follow", action="store_true", help="go on until the operation under way has ended")
    one = _on_a_cloud(_command(commands, "outputs", "show a stack's outputs"))
    one.add_argument("name", metavar="NAME")
    one = _on_a_cloud(_command(commands, "list", "list the stacks", function="list_stacks"))
    one.add_argument("--deleted", action="store_true", help="the deleted ones too")


def _change_set_commands(commands: _Commands[argparse.ArgumentParser]) -> None:
    sets = _command(commands, "change-set", "store a plan, and carry it out later")
    inner = sets.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("create", "store what an update would do"),
        ("list", "list the stored plans of a stack"),
        ("show", "show a stored plan"),
        ("execute", "carry out a stored plan; refused when the stack has moved on"),
        ("delete", "remove a stored plan"),
    ):
        one = _on_a_cloud(_command(inner, name, text, function=f"change_set_{name}", module="change_sets"))
        one.add_argument("name", metavar="NAME")
        if name != "list":
            one.add_argument("change_set", metavar="CHANGE_SET")
        if name == "create":
            one.add_argument("template", nargs="?", type=Path, metavar="TEMPLATE")
            _with_parameters(one)


def _cluster_commands(commands: _Commands[argparse.ArgumentParser], *, options: bool) -> None:
    clusters = _command(commands, "cluster", "clusters of machines that work as one, such as Mesos")
    inner = clusters.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str, function: str = "", *, named: bool = True) -> argparse.ArgumentParser:
        one = _on_a_cloud(_command(inner, name, text, function=function or name, module="clusters"))
        if named:
            one.add_argument("name", metavar="NAME", help="name of the cluster")
        return one

    one = action("launch", "make a cluster, and wait for it")
    if options:
        _launch_options(one)
    one = action("status", "show a cluster and its machines")
    one.add_argument("--all", action="store_true", help="every machine of a large cluster")
    action("list", "list the clusters", "list_clusters", named=False)
    one = action("resize", "add agents to a cluster or remove some, and wait for it")
    size = one.add_mutually_exclusive_group(required=True)
    size.add_argument("--agents", type=int, metavar="N", help="have so many agents")
    size.add_argument("--add", type=int, metavar="N", help="add so many agents")
    size.add_argument("--remove", type=int, metavar="N", help="remove so many agents, the last ones first")
    action("destroy", "remove a cluster and all that it made, and wait for it")


def _launch_options(one: argparse.ArgumentParser) -> None:
    """The options of a launch are the fields of a configuration."""
    from cfnlib.clusters.config import OPTIONS, SCHEMA  # noqa: PLC0415 - other commands start without it

    one.add_argument("--config", type=Path, metavar="FILE", help="the cluster's configuration, in JSON or YAML")
    one.add_argument("--template", type=Path, metavar="FILE", help="a template of your own")
    for option in ("kind", *OPTIONS):
        schema = SCHEMA["properties"][option]
        name, text = f"--{option.replace('_', '-')}", schema["description"].rstrip(".").replace("%", "%%")
        if schema["type"] == "boolean":
            one.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif schema["type"] == "array":
            one.add_argument(name, nargs="+", metavar="NAME", help=text)
        elif schema["type"] == "integer":
            one.add_argument(name, type=int, metavar="N", help=text)
        else:
            one.add_argument(
                name, choices=schema.get("enum"), metavar=None if "enum" in schema else "TEXT", help=text
            )
    one.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="a tag (repeatable)")
    _with_parameters(one)


def _other_commands(commands: _Commands[argparse.ArgumentParser]) -> None:
    one = _command(commands, "docs", "explain a resource type, or list them", module="docs")
    one.add_argument("type", nargs="?", metavar="TYPE")
    one.add_argument("--json", action="store_true", help="print the type's JSON schema")
    from cfnlib.cli.serve import add_arguments  # noqa: PLC0415 - other commands start without it

    one = _command(commands, "serve", "serve CloudFormation's API, for AWS's own tools", module="serve")
    add_arguments(_on_a_cloud(one, prints=False))
    one = commands.add_parser("simulator", help="serve an embedded CloudStack for other clients", add_help=False)
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(module="simulate", function="simulate")
    one = commands.add_parser("ec2", help="serve the EC2 API in front of the cloud", add_help=False)
    one.add_argument("rest", nargs=argparse.REMAINDER)
    one.set_defaults(module="ec2", function="ec2")
