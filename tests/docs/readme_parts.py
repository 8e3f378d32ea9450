"""The README's parts: marked commands, fenced blocks, and the tables that are made from the code.

Run as a program it writes the tables anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from cfnlib.resources import all_types
from cfnlib.template.functions.table import FUNCTIONS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"


def read() -> str:
    """The whole text."""
    return README.read_text(encoding="utf-8")


def command(name: str, text: str) -> list[str]:
    """The lines of the block behind `<!-- command: NAME -->` (or `commands:`)."""
    found = re.search(rf"^<!-- commands?: {name} -->\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found[1].splitlines() if found else []


def blocks(language: str, text: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def part(name: str, text: str) -> str:
    """What stands between `<!-- NAME -->` and `<!-- /NAME -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    return found[1].strip("\n") if found else ""


def types_table() -> str:
    """The resource types with what each is."""
    rows = ["| type | what it is on CloudStack |", "|---|---|"]
    rows += [f"| `{resource.name}` | {resource.doc} |" for resource in all_types()]
    return "\n".join(rows)


def functions_table() -> str:
    """The functions of the template language."""
    plain = [name for name, one in FUNCTIONS.items() if not (one.condition or one.extension or one.rules_only)]
    conditions = [name for name, one in FUNCTIONS.items() if one.condition and not one.rules_only]
    rules = [name for name, one in FUNCTIONS.items() if one.rules_only]
    extensions = ["Fn::ForEach", *(name for name, one in FUNCTIONS.items() if one.extension)]
    rows = ["| functions | where |", "|---|---|"]
    for names, where in (
        (plain, "everywhere"),
        (conditions, "in Conditions, in Rules, and inside each other"),
        (rules, "in Rules"),
        (extensions, "with `Transform: AWS::LanguageExtensions`"),
    ):
        rows.append(f"| {', '.join(f'`{name}`' for name in sorted(names))} | {where} |")
    return "\n".join(rows)


def with_part(name: str, content: str, text: str) -> str:
    """The text with the content of a part replaced."""
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda found: f"{found[1]}{content}\n{found[2]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    README.write_text(
        with_part("functions", functions_table(), with_part("types", types_table(), read())), encoding="utf-8"
    )
