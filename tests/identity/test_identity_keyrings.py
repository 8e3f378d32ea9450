"""Keyrings learn from the cloud who has which secret, and who that is."""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import logging
import os
import threading
import uuid
from pathlib import Path

import pytest
from attrs import evolve
from cs import CloudStack

from cfnlib.config import Config
from cfnlib.errors import ConfigError
from cfnlib.identity import (
    AdminKeyring,
    Caller,
    ChainedKeyring,
    FileKeyring,
    FixedKeyring,
    Refusal,
    RefusedError,
)
from cfnlib.simulator import Fault, Simulator


class People:
    """A cloud in which there are users, by name, with a clock for keyrings."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.config = Config(
            endpoint=simulator.endpoint, key=simulator.admin.key, secret=simulator.admin.secret, retry=0
        )
        self.cloud = CloudStack(simulator.endpoint, simulator.admin.key, simulator.admin.secret)
        self.root = self.cloud.listDomains()["domain"][0]["id"]
        self.now = 0.0

    def clock(self):
        return self.now

    def domain(self, name, parent=None):
        made = self.cloud.createDomain(name=name, parentdomainid=parent or self.root)
        return made["domain"]["id"]

    def person(self, name, domain_id=None, kind=0):
        """A user with keys: (user's id, key, secret)."""
        made = self.cloud.createAccount(
            username=name,
            accounttype=kind,
            domainid=domain_id or self.root,
            firstname=name,
            lastname=name,
            email=f"{name}@example.org",
            password="x",
        )
        return made["account"]["id"], *self.new_keys(made["account"]["user"][0]["id"])

    def new_keys(self, user_id):
        keys = self.cloud.registerUserKeys(id=user_id)["userkeys"]
        return user_id, keys["apikey"], keys["secretkey"]

    def project(self, name):
        job = self.cloud.createProject(name=name, displaytext=name, fetch_result=True)
        return job["project"]["id"]

    def asked(self):
        """How many calls were made."""
        return self.simulator.requests.total()


@pytest.fixture(scope="module")
def simulator():
    with Simulator(seed=7) as started:
        yield started


@pytest.fixture
def people(simulator):
    simulator.faults.clear()
    return People(simulator)


@pytest.fixture
def admin(people):
    return AdminKeyring(people.config, now=people.clock)


def refusal_of(call, *given):
    with pytest.raises(RefusedError) as caught:
        call(*given)
    return caught.value.refusal


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:6]}"


# Who somebody is


@pytest.mark.parametrize("kind", ["admin", "file", "fixed"])
@pytest.mark.parametrize(("number", "role"), [(0, "User"), (1, "Admin"), (2, "DomainAdmin")])
def test_every_keyring_knows_the_same_of_a_user(people, tmp_path, kind, number, role):
    top = people.domain(unique("eng"))
    name = unique("ann")
    _, user_id, key, secret = people.person(name, top, number)
    config = evolve(people.config, key=key, secret=secret)
    if kind == "admin":
        keyring = AdminKeyring(people.config)
    elif kind == "fixed":
        keyring = FixedKeyring(config)
    else:
        keyring = FileKeyring(key_file(tmp_path, f"- {{key: '{key}', secret: '{secret}'}}"), config)
    path = people.cloud.listDomains(id=top)["domain"][0]["path"]
    found = keyring.caller(key)
    assert found == Caller(key, secret, user_id, name, name, top, path, role)
    assert keyring.secret(key) == secret
    assert keyring.caller_of(user_id, "p-1") == evolve(found, project_id="p-1")
    assert refusal_of(keyring.secret, "made-up") is Refusal.UNKNOWN_KEY
    assert refusal_of(keyring.caller, "made-up") is Refusal.UNKNOWN_KEY
    assert refusal_of(keyring.caller_of, str(uuid.uuid4()), None) is Refusal.UNKNOWN_KEY


def test_users_of_one_account_are_told_apart(people, admin, tmp_path):
    name = unique("pair")
    _, first, key, secret = people.person(name)
    made = people.cloud.createUser(
        username=f"{name}-2",
        account=name,
        domainid=people.root,
        firstname="b",
        lastname="b",
        email="b@example.org",
        password="x",
    )
    second, key_2, secret_2 = people.new_keys(made["user"]["id"])
    lines = f"- {{key: '{key}', secret: '{secret}'}}\n- {{key: '{key_2}', secret: '{secret_2}'}}"
    for keyring in (admin, FileKeyring(key_file(tmp_path, lines), people.config)):
        assert (keyring.caller(key).user_id, keyring.caller(key_2).user_id) == (first, second)
        assert keyring.caller_of(second, None).secret == secret_2
        assert keyring.caller(key).account_number == keyring.caller(key_2).account_number


def test_who_is_disabled_is_not_known(people, admin):
    account_id, _, key, _ = people.person(unique("gone"))
    people.cloud.disableAccount(id=account_id, lock=False, fetch_result=True)
    assert refusal_of(admin.secret, key) is Refusal.UNKNOWN_KEY


def test_new_keys_count_when_the_old_are_forgotten_and_for_what_is_under_way_at_once(people, admin):
    _, user_id, key, _ = people.person(unique("renewed"))
    assert admin.caller_of(user_id, None).access_key == key
    _, new_key, new_secret = people.new_keys(user_id)
    assert admin.secret(new_key) == new_secret
    people.now = 299.0
    assert admin.secret(key)
    people.now = 301.0
    assert refusal_of(admin.secret, key) is Refusal.UNKNOWN_KEY
    assert admin.caller_of(user_id, None).secret == new_secret


# Who sees what


def test_a_domain_is_seen_from_itself_and_from_above(people, admin):
    top, aside = people.domain(unique("eng")), people.domain(unique("ops"))
    below = people.domain("web", people.domain("apps", top))
    whose = {}
    for name, domain_id, kind in (("root", None, 1), ("boss", top, 2), ("chief", below, 2), ("user", top, 0)):
        whose[name] = admin.caller(people.person(unique(name), domain_id, kind)[2])
    sees = {
        name: [admin.sees_domain(caller, one) for one in (people.root, top, below, aside, "none")]
        for name, caller in whose.items()
    }
    assert sees == {
        "root": [True, True, True, True, True],
        "boss": [False, True, True, False, False],
        "chief": [False, False, True, False, False],
        "user": [False, False, False, False, False],
    }


def test_a_project_is_seen_by_its_members(people, admin):
    project = people.project(unique("shared"))
    _, _, key, _ = people.person(unique("member"))
    caller = admin.caller(key)
    assert admin.sees_project(admin.caller(people.config.key), project)
    assert not admin.sees_project(caller, project)
    people.cloud.addAccountToProject(projectid=project, account=caller.account, fetch_result=True)
    people.now += 60.0
    assert admin.sees_project(caller, project)
    assert [admin.sees_project(caller, one) for one in ("", "-1", str(uuid.uuid4()))] == [False] * 3


# A cloud that is asked too much, or cannot be asked


def test_the_cloud_is_asked_once_in_a_while(people, admin):
    key = people.person(unique("often"))[2]
    admin.caller(key)
    before = people.asked()
    for _ in range(50):
        admin.caller(key)
        admin.secret(key)
    assert people.asked() == before
    people.now += 301.0
    admin.caller(key)
    assert people.asked() > before


def test_many_at_once_ask_one_question(people, admin):
    key = people.person(unique("crowd"))[2]
    alone = AdminKeyring(people.config)
    before = people.asked()
    alone.caller(key)
    one = people.asked() - before
    found = []
    threads = [threading.Thread(target=lambda: found.append(admin.secret(key))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert people.asked() - before == 2 * one
    assert len(found) == 20


def test_a_flood_of_made_up_keys_does_not_reach_the_cloud_nor_shut_out_who_is_at_work(people, admin):
    key, late = people.person(unique("work"))[2], people.person(unique("late"))[2]
    admin.caller(key)
    before = people.asked()
    refusals = [refusal_of(admin.secret, f"made-up-{number}") for number in range(1000)]
    assert people.asked() - before <= 150
    assert set(refusals) == {Refusal.UNKNOWN_KEY, Refusal.UNAVAILABLE}
    assert refusal_of(admin.secret, late) is Refusal.UNAVAILABLE
    assert admin.secret(key)
    people.now += 301.0
    for number in range(1000):
        refusal_of(admin.secret, f"also-made-up-{number}")
    assert admin.secret(key)
    people.now += 5.0
    assert admin.secret(late)


def test_a_key_that_is_not_known_is_asked_for_again_soon(people, admin):
    assert refusal_of(admin.secret, "new-soon") is Refusal.UNKNOWN_KEY
    before = people.asked()
    assert refusal_of(admin.secret, "new-soon") is Refusal.UNKNOWN_KEY
    assert people.asked() == before
    people.now += 11.0
    assert refusal_of(admin.secret, "new-soon") is Refusal.UNKNOWN_KEY
    assert people.asked() > before


@pytest.mark.parametrize("kind", ["reset", "html", "truncate"])
def test_a_cloud_that_fails_is_unavailable_and_nobody_is_forgotten(people, admin, kind, caplog):
    _, _, key, secret = people.person(unique("unlucky"))
    people.simulator.faults.add(Fault("*", kind=kind))
    own = FixedKeyring(evolve(people.config, key=key, secret=secret))
    with caplog.at_level(logging.DEBUG):
        assert refusal_of(admin.secret, key) is Refusal.UNAVAILABLE
        assert refusal_of(own.caller, key) is Refusal.UNAVAILABLE
    assert secret not in caplog.text
    assert people.config.secret not in caplog.text
    people.simulator.faults.clear()
    people.now += 2.0
    assert admin.secret(key) == secret


def test_nobody_is_there_when_there_is_no_cloud(people):
    away = evolve(people.config, endpoint="http://127.0.0.1:9/client/api")
    with pytest.raises(RefusedError) as caught:
        AdminKeyring(away).secret("some-key")
    assert caught.value.refusal is Refusal.UNAVAILABLE
    assert "127.0.0.1" not in str(caught.value)


def test_wrong_keys_of_the_administrator_are_not_the_callers_fault(people):
    _, _, key, secret = people.person(unique("plain"))
    wrong = AdminKeyring(evolve(people.config, secret="wrong"))
    assert refusal_of(wrong.secret, key) is Refusal.UNAVAILABLE
    ordinary = AdminKeyring(evolve(people.config, key=key, secret=secret))
    assert refusal_of(ordinary.secret, key) is Refusal.UNAVAILABLE


# The key file


def key_file(folder, text, mode=0o600):
    path = folder / "keys.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_the_file_may_say_whose_a_key_is_and_the_cloud_is_not_asked(people, tmp_path):
    text = """
- key: the-key
  secret: the-secret
  project: p-1
  user_id: u-1
  user: ann
  account: eng
  domain_id: d-1
  domain_path: ROOT/eng
  role: DomainAdmin
"""
    before = people.asked()
    keyring = FileKeyring(key_file(tmp_path, text), people.config)
    expected = Caller("the-key", "the-secret", "u-1", "ann", "eng", "d-1", "ROOT/eng", "DomainAdmin", "p-1")
    assert keyring.caller("the-key") == expected
    assert keyring.caller_of("u-1", None) == evolve(expected, project_id=None)
    assert people.asked() == before


def test_the_file_is_read_again_when_it_changes(people, tmp_path):
    path = key_file(tmp_path, "- {key: one, secret: two}")
    keyring = FileKeyring(path, people.config)
    assert keyring.secret("one") == "two"
    key_file(tmp_path, "- {key: three, secret: four-four}")
    assert keyring.secret("three") == "four-four"
    assert refusal_of(keyring.secret, "one") is Refusal.UNKNOWN_KEY
    path.unlink()
    assert refusal_of(keyring.secret, "three") is Refusal.UNAVAILABLE


def test_a_wrong_secret_in_the_file_is_nobody(people, tmp_path):
    key = people.person(unique("typo"))[2]
    keyring = FileKeyring(key_file(tmp_path, f"- {{key: '{key}', secret: wrong}}"), people.config)
    assert refusal_of(keyring.caller, key) is Refusal.UNKNOWN_KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_may_read_or_change_is_refused(people, tmp_path, mode):
    path = key_file(tmp_path, "- {key: one, secret: two}", mode)
    if mode == 0o640 and os.geteuid() == 0:  # root's own file, read by the service's group
        assert FileKeyring(path, people.config).secret("one") == "two"
        return
    with pytest.raises(ConfigError, match="chmod 600"):
        FileKeyring(path, people.config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{key: hush", "no YAML"),
        ("key: hush", "must be a list"),
        ("- {key: hush}", "entry 1 must have key and secret"),
        ("- {key: a, secret: hush, colour: red}", "nothing else"),
        ("- {key: 1, secret: hush}", "key must be a text"),
        ("- {key: a, secret: 123}", "secret must be a text"),
        ("- {key: a, secret: hush}\n- {key: a, secret: hush}", "entry 2: its key is there twice"),
        ("- {key: a, secret: hush, account: b}", "give user_id, account, domain_id"),
        ("- {key: a, secret: hush, account: b, user_id: c, domain_id: d, role: King}", "role must be one of"),
        ("- !!python/object/apply:os.system [hush]", "no YAML"),
        ("\x00", "no YAML"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place_and_without_a_secret(people, tmp_path, text, said):
    with pytest.raises(ConfigError, match=said) as caught:
        FileKeyring(key_file(tmp_path, text), people.config)
    assert "keys.yaml" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_without_a_file_or_keys_there_is_no_keyring(people, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        FileKeyring(tmp_path / "none.yaml", people.config)
    with pytest.raises(ConfigError, match="must be a file"):
        FileKeyring(Path(os.devnull), people.config)
    with pytest.raises(ConfigError, match="CLOUDSTACK_KEY"):
        FixedKeyring(Config(endpoint="http://h"))


# In a chain


def test_in_a_chain_the_first_that_knows_a_key_tells(people, admin, tmp_path):
    name = unique("chained")
    _, user_id, key, secret = people.person(name)
    lines = "- {key: local, secret: hush, user_id: u-1, account: a, domain_id: d-1}"
    chain = ChainedKeyring(FileKeyring(key_file(tmp_path, lines), people.config), admin)
    assert chain.secret("local") == "hush"
    assert chain.secret(key) == secret
    assert chain.caller_of(user_id, None).account == name
    assert chain.caller_of("u-1", None).access_key == "local"
    assert not chain.sees_domain(chain.caller(key), people.root)
    assert not chain.sees_project(chain.caller(key), str(uuid.uuid4()))
    assert refusal_of(chain.secret, "made-up") is Refusal.UNKNOWN_KEY


def test_in_a_chain_who_cannot_be_asked_is_passed_over(people, admin):
    key = people.person(unique("behind"))[2]
    away = AdminKeyring(evolve(people.config, endpoint="http://127.0.0.1:9/client/api"))
    assert ChainedKeyring(away, admin).secret(key)
    assert refusal_of(ChainedKeyring(away, admin).secret, "made-up") is Refusal.UNAVAILABLE
    assert refusal_of(ChainedKeyring().secret, "made-up") is Refusal.UNKNOWN_KEY


def test_no_keyring_shows_a_secret(people, admin, tmp_path):
    _, _, key, secret = people.person(unique("hidden"))
    keyring = FileKeyring(key_file(tmp_path, f"- {{key: '{key}', secret: '{secret}'}}"), people.config)
    shown = [repr(one) for one in (keyring, keyring._entries(), keyring.caller(key), admin, admin.caller(key))]
    assert secret not in "".join(shown)
