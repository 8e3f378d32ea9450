"""Finding the script in a checkout, and seeing that it is what it says."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from runner.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN = {
    "cafa9331": "ec2/mesos_ec2.py of Apache Mesos, as it was last (923d735cb)",
}
"""The first eight digits of the SHA-1 of scripts that were tried, and what they are."""

OWN = Path(__file__).resolve().parent.parent
"""Where our own node files are."""

FAMILY = ("mesos_ec2.py", "spark_ec2.py")
"""The scripts that are looked for in a folder, in this order."""


def find_script(folder: str | None, name: str | None) -> Path:
    """The script's path. Raises `Problem` when there is none."""
    if name is not None and ("/" in name or folder is None):
        path = Path(name).expanduser()
        if not path.is_file():
            raise Problem(f"--script: there is no file {path}")
        return path.resolve()
    if folder is None:
        raise Problem("say where the checkout is: --scripts /path/to/mesos/ec2 (the folder that holds mesos_ec2.py)")
    place = Path(folder).expanduser()
    if place.is_file():
        return place.resolve()
    if not place.is_dir():
        raise Problem(f"--scripts: there is no folder {place}")
    for candidate in (name,) if name else FAMILY:
        for path in (place / candidate, place / "ec2" / candidate):
            if path.is_file():
                return path.resolve()
    raise Problem(f"--scripts: {place} holds no {name or ' or '.join(FAMILY)}; name the script with --script")


def check(path: Path, *, trust: bool = False) -> Iterator[str]:
    """What is to be told about the script before it runs. Raises `Problem` for what cannot be a script."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(f"{path} is no text in UTF-8 (byte {error.start}); is it really the script?") from None
    if b"import boto" not in content and b"from boto" not in content:
        raise Problem(
            f"{path} does not use boto, so it is no script of this family; name the right one with --script"
        )
    digest = sha1(content, usedforsecurity=False).hexdigest()
    known = KNOWN.get(digest[:8])
    if known is None and not trust:
        yield f"{path.name} has an unknown checksum (SHA-1 {digest}): it is run as it is; --trust silences this"


def workplace(script: Path, folder: Path) -> Path:
    """A folder to run the script in: what lies beside it, and our own node files beside that. Nothing is copied.

    The scripts look for `deploy.NAME` (option `-o NAME`) in the folder that they run in.
    """
    place = folder / "ec2"
    place.mkdir()
    for path in (*script.parent.iterdir(), *OWN.glob("deploy.*")):
        link = place / path.name
        if not link.exists():
            link.symlink_to(path)
    return place


def absolute(arguments: list[str]) -> list[str]:
    """The arguments with the paths of identity files made absolute, for the script runs in another folder.

    The forms are those of Python's optparse: `-i FILE`, `-iFILE`, `--identity-file FILE`, `--identity-file=FILE`.
    """
    found = []
    before = ""
    for argument in arguments:
        if before in {"-i", "--identity-file"}:
            found.append(_found(argument))
        elif argument.startswith("--identity-file="):
            found.append("--identity-file=" + _found(argument.removeprefix("--identity-file=")))
        elif argument.startswith("-i") and len(argument) > 2:
            found.append("-i" + _found(argument[2:]))
        else:
            found.append(argument)
        before = argument
    return found


def _found(path: str) -> str:
    return str(Path(path).resolve()) if Path(path).is_file() else path
