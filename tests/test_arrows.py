"""The shape of the tree: who may import whom, how long a file may be, and which names it may not have."""

from __future__ import annotations

import ast
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CFNLIB = ROOT / "cfnlib"

LAYERS = [
    ["errors"],
    ["diagnostic"],
    ["render"],
    ["config"],
    ["source"],
    ["schema"],
    ["resources"],
    ["template"],
    ["machine"],
    ["state"],
    ["plan"],
    ["drivers"],
    ["engine"],
    ["simulator"],
    ["shelf", "stacks", "stack", "wanted", "operations", "embedded"],
    ["identity"],
    ["wire"],
    ["web"],
    ["clusters"],
    ["server"],
    ["cli", "testing"],
]
"""A package (or module) imports itself and those of its own layer and of the layers above it in this list."""

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
LAST = len(LAYERS)
FACE = "stacks"
"""What `from cfnlib import Stacks` counts as: the public face stands where the facade does."""

ALONE = {"simulator", "render"}
"""They know nothing of the rest: a cloud does not know who calls it, and a picture is made of plain data, so that a
plan, which comes long before a stack, may show itself."""

EXCEPTIONS = {
    ("errors.py", "diagnostic"): "the type of what TemplateError holds",
    ("schema/check.py", "resources"): "proposes a known type for an unknown one, in the function that does so",
    ("schema/export.py", "resources"): "a document of all types, unless the caller names some",
}
"""Imports against the order, each for its reason, none of them when the module is loaded."""

FORBIDDEN_MODULES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "manager",
    "handler",
    "handlers",
    "mixins",
}
FORBIDDEN_ENDINGS = ("Manager", "Handler", "Helper", "Helpers", "Mixin", "Utils", "Util")

sources = sorted(path for path in CFNLIB.rglob("*.py"))
compat_sources = sorted((ROOT / "compat").rglob("*.py"))
script_sources = sorted((ROOT / "scripts").rglob("*.py"))
test_sources = sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def short(path: Path) -> str:
    return path.relative_to(CFNLIB).as_posix()


def part_of(path: Path) -> str:
    """The package or module directly below cfnlib that a file belongs to."""
    return path.relative_to(CFNLIB).parts[0].removesuffix(".py")


def imports(path: Path):
    """The parts of cfnlib that a file imports, wherever in the file and whatever for, with the line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found = [(alias.name.split("."), None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ["cfnlib", *path.relative_to(CFNLIB).parts[: -node.level]] if node.level else []
            module = [*package, *(node.module or "").split(".")] if node.module else package
            found = [(module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in found:
            if module[0] != "cfnlib":
                continue
            if len(module) > 1:
                yield node.lineno, module[1]
            elif name in RANK:
                yield node.lineno, name
            elif name != "__version__":
                yield node.lineno, FACE


def runs_when_loaded(tree: ast.Module):
    """The imports that are carried out when the module is: not in functions, not for types only."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno
        elif isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            todo += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def test_every_part_of_the_package_has_its_place_in_the_order():
    assert {part_of(path) for path in sources} - {"__init__", "__main__"} <= set(RANK)


def test_a_package_imports_only_from_those_before_it():
    wrong = []
    for path in sources:
        part = part_of(path)
        if part in {"__init__", "__main__"}:
            continue
        for line, target in imports(path):
            allowed = target == part if part in ALONE else RANK.get(target, LAST) <= RANK.get(part, LAST)
            if not allowed and (short(path), target) not in EXCEPTIONS:
                wrong.append(f"{short(path)}:{line} imports {target}")
    assert wrong == []


@pytest.mark.parametrize(("name", "target"), EXCEPTIONS)
def test_an_exception_is_still_there_and_costs_nothing_when_the_module_is_loaded(name, target):
    path = CFNLIB / name
    lines = {line for line, found in imports(path) if found == target}
    assert lines, "the exception is not needed any more"
    assert not lines & set(runs_when_loaded(tree_of(path)))


def test_the_library_does_not_know_what_is_built_on_it():
    wrong = [
        f"{short(path)}:{node.lineno}"
        for path in sources
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in {"compat", "tests"})
        or (isinstance(node, ast.Import) and any(a.name.split(".")[0] in {"compat", "tests"} for a in node.names))
    ]
    assert wrong == []


def test_only_config_reads_the_environment():
    wrong = []
    for path in [*sources, *compat_sources]:
        if path == CFNLIB / "config.py":
            continue
        for node in ast.walk(tree_of(path)):
            of_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            names = {node.attr} if of_os else set()
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                names = {alias.name for alias in node.names}
            if names & {"environ", "environb", "getenv", "getenvb", "putenv"}:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []


@pytest.mark.parametrize(
    ("paths", "limit"),
    [([*sources, *compat_sources, *script_sources], 400), (test_sources, 600)],
    ids=["modules", "tests"],
)
def test_files_are_short(paths, limit):
    lengths = {path.relative_to(ROOT).as_posix(): path.read_bytes().count(b"\n") for path in paths}
    assert {name: length for name, length in lengths.items() if length >= limit} == {}


def test_names_say_what_a_thing_is():
    everything = [*sources, *compat_sources, *script_sources]
    modules = {part.removesuffix(".py") for path in everything for part in path.relative_to(ROOT).parts}
    assert modules & FORBIDDEN_MODULES == set()
    classes = chain.from_iterable(
        (node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)) for path in everything
    )
    assert [name for name in classes if name.endswith(FORBIDDEN_ENDINGS)] == []


def test_compat_claims_no_global_name():
    assert not (ROOT / "compat" / "__init__.py").exists()
