"""What the machines of templates/lamp.yaml do at their first boot."""

from __future__ import annotations

import subprocess

import pytest
from boot_machine import Machine
from template_cloud import TEMPLATES


@pytest.fixture
def programs(cloud):
    with cloud.stacks() as stacks:
        stacks.create("site", TEMPLATES / "lamp.yaml", {"DatabasePassword": "long-enough.1", "DatabaseName": "shop"})
    found = {name.split("-")[1]: name for name in cloud.machines()}
    programs = {kind: cloud.programs()[name] for kind, name in found.items()}
    return {**programs, "address": cloud.address(found["database"])}


def test_both_programs_are_proper_shell(programs):
    for name in ("web", "database"):
        checked = subprocess.run(["bash", "-n"], input=programs[name], text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_the_database_listens_and_lets_the_user_in(programs, tmp_path):
    machine = Machine(tmp_path / "machine", "site-database")
    ran = machine.boot(programs["database"])
    assert ran.returncode == 0, ran.stderr
    assert "install mariadb-server" in machine.read("log/apt-get")
    assert "bind-address = 0.0.0.0" in machine.read("/etc/mysql/mariadb.conf.d/99-stack.cnf")
    statements = machine.read("log/mariadb")
    assert "CREATE DATABASE IF NOT EXISTS `shop`" in statements
    assert "IDENTIFIED BY 'long-enough.1'" in statements


def test_the_web_server_knows_where_the_database_is(programs, tmp_path):
    machine = Machine(tmp_path / "machine", "site-web")
    ran = machine.boot(programs["web"])
    assert ran.returncode == 0, ran.stderr
    assert "apache2 libapache2-mod-php php-mysql" in machine.read("log/apt-get")
    settings = machine.read("/etc/stack-database.ini")
    assert f'host = "{programs["address"]}"' in settings
    assert 'name = "shop"' in settings
    assert "mysqli(" in machine.read("/var/www/html/index.php")


def test_a_mirror_that_fails_twice_is_asked_again(programs, tmp_path):
    flaky = 'echo "$*" >>"$LOG/apt-get"; (($(grep -c update "$LOG/apt-get") > 2))'
    machine = Machine(tmp_path / "machine", "site-web", **{"apt-get": flaky})
    assert machine.boot(programs["web"]).returncode == 0
    assert machine.read("log/apt-get").count("update") == 3


def test_a_mirror_that_is_gone_ends_the_boot_with_an_error(programs, tmp_path):
    machine = Machine(tmp_path / "machine", "site-web", **{"apt-get": "exit 1"})
    assert machine.boot(programs["web"]).returncode == 1
    assert machine.read("log/systemctl") == ""
