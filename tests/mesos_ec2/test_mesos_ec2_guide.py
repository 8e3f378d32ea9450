"""The guide beside the runner, walked through as a user would: every block of it is run here, or says why it is not.

What it says of the stock script is tried with our own script of that kind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from mesos_clusters import ROOT, checkout, clean_environment
from node_farm import NODE_FILES, Farm

from cfnlib.config import Config

GUIDE = (ROOT / "scripts" / "mesos-ec2" / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<mark>[^>]*) -->\n)?^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


def blocks(kind):
    """The blocks of a kind, and the marks before them."""
    found = [match for match in BLOCK.finditer(GUIDE) if match["kind"] == kind]
    return [(match["mark"], textwrap.dedent(match["text"])) for match in found]


class User:
    """Somebody with a checkout of the scripts, and machines that are folders, when there are any."""

    def __init__(self, folder: Path, *, machines: bool) -> None:
        self.farm = Farm(folder / "farm")
        if machines:
            self.farm.any_machine()
        self.home = folder / "home"
        self.environment = clean_environment(self.home, **self.farm.environment) | {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{self.farm.environment['PATH']}:{os.environ['PATH']}",
            "PYENV_ROOT": "/nonexistent",  # one interpreter is enough here
        }
        (self.home / "mesos").mkdir()
        shutil.move(checkout(folder), self.home / "mesos" / "ec2")

    def follow(self, text: str):
        """Type a block of the guide; gives its end. A fixed port and long waits are none of the guide's business."""
        text = text.replace("cfnlib ec2 >", "cfnlib ec2 --port 0 >").replace("-w 120", "-w 0")
        text = text.replace("~/mykey.pem\nchmod", f"~/mykey.pem\ncp ~/mykey.pem {self.farm.folder}/key\nchmod")
        trap = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\nset -em\n"
        with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as answers:
            done = subprocess.run(
                ["bash", "-c", trap + text],
                env=self.environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
                stdin=answers.stdout,
            )
            answers.kill()
        return done


def test_every_block_of_commands_says_whether_it_is_run():
    marks = [mark for mark, _ in blocks("sh")]
    assert len(marks) >= 4
    assert {mark.partition(":")[0] for mark in marks} == {"run", "not run"}


def test_a_first_look_needs_no_cloud(tmp_path):
    user = User(tmp_path, machines=False)
    (user.home / "any.pem").touch(0o600)
    [text] = [text for mark, text in blocks("sh") if mark == "run: no machine can be reached"]
    done = user.follow(text)
    assert done.returncode == 0, done.stderr
    assert "No route to host" in done.stderr
    assert re.search(r"^\d+\.\d+\.\d+\.\d+$", done.stdout, re.MULTILINE)


def test_the_five_steps_lead_to_a_cluster_and_its_end(tmp_path):
    if shutil.which("aws", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None:
        pytest.skip("there is no AWS command line")
    user = User(tmp_path, machines=True)
    texts = [text for mark, text in blocks("sh") if mark == "run: machines are folders"]
    done = user.follow("".join(texts))
    assert done.returncode == 0, done.stderr
    assert "PRIVATE KEY" in (user.home / "mykey.pem").read_text()
    assert done.stdout.count("Done!") == 3
    assert re.search(r"^logged in at \d+\.", done.stdout, re.MULTILINE)
    kinds = sorted(unit for units in user.farm.services().values() for unit in units)
    assert kinds == ["mesos-ec2-agent"] * 3 + ["mesos-ec2-master"]
    assert list((user.home / "tmp").iterdir()) == []


def test_the_mapping_file_is_one(tmp_path):
    [(_, text)] = blocks("yaml")
    (tmp_path / "mapping.yaml").write_text(text)
    config = Config.load(environ={"HOME": str(tmp_path)}, mapping=tmp_path / "mapping.yaml")
    assert (config.zone, config.images["default"]) == ("zone-1", "mesos-debian-12")


def test_what_is_to_be_installed_can_be():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for words in re.findall(r"cfnlib\[([\w,-]+)\]", GUIDE):
        assert set(words.split(",")) <= set(project["optional-dependencies"])


def test_every_file_variable_and_option_that_is_named_exists():
    sources = "".join(path.read_text() for path in (ROOT / "scripts/mesos-ec2/runner").glob("*.py"))
    node = "".join(path.read_text() for path in NODE_FILES.rglob("*") if path.is_file())
    options = GUIDE.partition("## Options of the runner")[2].partition("## ")[0]
    for option in re.findall(r"`(--[a-z-]+)", options):
        assert f'"{option}"' in sources, option
    for name in re.findall(r"\b(MESOS_[A-Z_]+|SSH_[A-Z_]+)\b", GUIDE):
        assert f"{name}=" in node, name
    for path in re.findall(r"`(deploy\.cloudstack/[\w./-]+)`", GUIDE):
        assert (NODE_FILES.parent / path).exists(), path
