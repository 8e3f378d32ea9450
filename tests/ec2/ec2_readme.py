"""The tables of compat/ec2/README.md, which are made from the code.

Run as a program it writes them anew.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType

from cfnlib.simulator.api import commands
from cfnlib.wire import Service
from compat.ec2.actions import table
from compat.ec2.reasons import REASONS
from compat.ec2.world import KINDS, World

FOLDER = Path(__file__).parents[2] / "compat" / "ec2"
README = FOLDER / "README.md"
COMMANDS = frozenset(commands())
WAIT = {"queryAsyncJobResult"}
"""What is called for every job, and says nothing of an action."""


def modules_table() -> str:
    """What each module is about: the first sentence of its docstring."""
    rows = ["| module | what it knows |", "|---|---|"]
    for path in [*sorted(FOLDER.glob("*.py")), *sorted((FOLDER / "actions").glob("*.py"))]:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append(f"| `{path.relative_to(FOLDER)}` | {_sentence(text)} |")
    return "\n".join(rows)


@cache
def actions_table() -> str:
    """Every action that is offered, what it does, and the commands of CloudStack's that it may take."""
    rows = ["| action | what it does | CloudStack's commands |", "|---|---|---|"]
    for name, work in sorted(table().items()):
        found = sorted(one for one in _commands(work) - WAIT if not _of_other_direction(name, one))
        changing = [one for one in found if not one.startswith("list")]
        told = ", ".join(f"`{one}`" for one in (changing or found)) or "-"
        rows.append(f"| `{name}` | {_sentence(work.__doc__ or '')} | {told} |")
    return "\n".join(rows)


def _of_other_direction(action: str, command: str) -> bool:
    directions = ("Ingress", "Egress")
    of = [one for one in directions if action.endswith(one)]
    return bool(of) and command.endswith(directions) and not command.endswith(of[0])


def reasons_table() -> str:
    """The actions that are not offered, by what is said of them."""
    others = [name for name in Service.load("ec2").operations if name not in table()]
    counts: dict[str, list[str]] = {}
    for name in sorted(others):
        counts.setdefault(next(word for word, _ in REASONS if word in name), []).append(name)
    rows = ["| actions | why they are not, and what to do instead |", "|---|---|"]
    for word, text in REASONS:
        names = counts[word]
        told = f"`{names[0]}`" if len(names) == 1 else f"`…{word}…` ({len(names)})"
        rows.append(f"| {told} | {text} |")
    return "\n".join(rows)


def _sentence(text: str) -> str:
    flat = " ".join(text.split("\n\n", 1)[0].split())
    return re.split(r"(?<=\.)\s(?=[A-Z`])", flat, maxsplit=1)[0].replace("|", "\\|")


def _commands(work: FunctionType, seen: set[FunctionType] | None = None) -> set[str]:
    """The commands that a function names, or that something names that it calls, within the package."""
    seen = set() if seen is None else seen
    if work in seen or not work.__module__.startswith("compat.ec2"):
        return set()
    seen.add(work)
    tree = ast.parse(dedent(inspect.getsource(work)))
    module = sys.modules[work.__module__]
    found = _constants(tree) | _kinds(tree)
    for called in _called(tree, module):
        found |= _commands(called, seen)
    return found


def _constants(tree: ast.AST) -> set[str]:
    found = set()
    compared = {one for node in ast.walk(tree) if isinstance(node, ast.Compare) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in COMMANDS and node not in compared:
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            start = str(node.values[0].value)
            if re.fullmatch(r"[a-z]+[A-Z]\w+", start):
                found |= {name for name in COMMANDS if re.fullmatch(rf"{start}(Ingress|Egress)", name)}
    return found


def _kinds(tree: ast.AST) -> set[str]:
    """The listings behind `world.rows("volume")` and its like."""
    return {
        KINDS[argument.value].command
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"rows", "one", "chosen", "uuid", "listed"}
        for argument in node.args
        if isinstance(argument, ast.Constant) and argument.value in KINDS
    }


def _called(tree: ast.AST, module: ModuleType) -> list[FunctionType]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            one = getattr(module, node.id, None)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = getattr(module, node.value.id, None)
            one = getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
            if node.value.id == "world" and node.attr not in {
                "call",
                "done",
                "rows",
                "one",
                "chosen",
                "uuid",
                "listed",
            }:
                one = getattr(World, node.attr, None)
        elif isinstance(node, ast.Attribute) and node.attr == "add_to":
            one = module.Disks.add_to if hasattr(module, "Disks") else None
        else:
            continue
        if isinstance(one, FunctionType):
            found.append(one)
        elif isinstance(one, type) and one.__module__.startswith("compat.ec2") and one is not World:
            found += [value for value in vars(one).values() if _has_text(value)]
    return found


def _has_text(value: object) -> bool:
    """Whether something is a function that was written down, and not made by attrs."""
    return isinstance(value, FunctionType) and not value.__code__.co_filename.startswith("<")


PARTS = {"modules": modules_table, "actions": actions_table, "reasons": reasons_table}


def part(name: str, text: str) -> str:
    """What stands between `<!-- NAME -->` and `<!-- /NAME -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    return found[1] if found else ""


def written(text: str) -> str:
    """The text with all its parts made anew."""
    for name, made in PARTS.items():
        start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}{made()}{end}{rest.partition(end.strip())[2]}"
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
