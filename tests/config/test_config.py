"""Where settings come from, and what a wrong one is told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from cfnlib.config import Config
from cfnlib.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

INI = """
[cloudstack]
endpoint = https://cloud.example.org/client/api
key = from-file
secret = hidden-file

[second]
endpoint = https://second.example.org/client/api
key = k2
secret = s2
timeout = 7
method = POST
retry = 5
header_x_trace = yes

[empty]
key = k3
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An empty home directory, which is the working directory as well."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ini(home) -> Path:
    path = home / ".cloudstack.ini"
    path.write_text(INI)
    return path


def load(home: Path, profile: str | None = None, **environ: str) -> Config:
    return Config.load(profile, {"HOME": str(home), **environ})


def test_with_nothing_configured_only_the_embedded_cloud_can_be_meant(home):
    config = load(home)
    assert config.embedded
    assert config.endpoint is None


def test_variables_say_where_the_cloud_is(home):
    config = load(home, CLOUDSTACK_ENDPOINT="http://c/api", CLOUDSTACK_KEY="k", CLOUDSTACK_SECRET="s")
    assert (config.endpoint, config.key, config.secret, config.embedded) == ("http://c/api", "k", "s", False)


@pytest.mark.usefixtures("ini")
def test_the_file_in_the_home_directory_says_where_the_cloud_is(home):
    config = load(home)
    assert config.endpoint == "https://cloud.example.org/client/api"
    assert config.key == "from-file"
    assert config.profile == "cloudstack"


@pytest.mark.usefixtures("ini")
@pytest.mark.parametrize("through", ["profile", "variable"])
def test_another_section_is_named_by_profile_or_variable(home, through):
    config = load(home, "second") if through == "profile" else load(home, CLOUDSTACK_REGION="second")
    assert config.endpoint == "https://second.example.org/client/api"
    assert (config.timeout_s, config.method, config.retry) == (7.0, "post", 5)
    assert config.headers == {"x_trace": "yes"}


@pytest.mark.usefixtures("ini")
def test_variables_come_before_the_file_unless_it_is_asked_to_override(home):
    plain = load(home, CLOUDSTACK_ENDPOINT="http://c/api", CLOUDSTACK_KEY="k", CLOUDSTACK_SECRET="s")
    assert plain.endpoint == "http://c/api"
    mixed = load(
        home,
        CLOUDSTACK_ENDPOINT="http://c/api",
        CLOUDSTACK_KEY="k",
        CLOUDSTACK_SECRET="s",
        CLOUDSTACK_OVERRIDES="endpoint",
    )
    assert (mixed.endpoint, mixed.key) == ("http://c/api", "from-file")


def test_a_file_elsewhere_is_named_by_a_variable(home):
    path = home / "elsewhere.ini"
    path.write_text(INI)
    assert load(home, CLOUDSTACK_CONFIG=str(path)).key == "from-file"


def test_the_file_in_the_working_directory_comes_after_the_one_in_the_home_directory(home, tmp_path, monkeypatch):
    (home / ".cloudstack.ini").write_text(INI)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "cloudstack.ini").write_text("[cloudstack]\nendpoint = http://here/api\n")
    config = load(home)
    assert (config.endpoint, config.key) == ("http://here/api", "from-file")


@pytest.mark.usefixtures("ini")
def test_reading_leaves_the_environment_of_the_process_as_it_was(home):
    before = dict(os.environ)
    load(home)
    assert dict(os.environ) == before


@pytest.mark.usefixtures("ini")
def test_an_endpoint_given_by_hand_leaves_every_key_of_the_environment_aside(home):
    config = Config.load(None, {"HOME": str(home)}, endpoint="http://c/api", key="k", secret="s")
    assert (config.endpoint, config.key) == ("http://c/api", "k")


def test_an_argument_comes_before_a_variable_and_that_before_the_mapping_file(home):
    (home / ".cfnlib.yaml").write_text(
        "zone: of-file\nregion: of-file\nnetwork_offering: of-file\nimages: {ami-1: Ubuntu}\n"
    )
    environ = {"HOME": str(home), "CFNLIB_ZONE": "of-variable", "CFNLIB_REGION": "of-variable"}
    config = Config.load(None, environ, zone="of-argument", network_offering=None)
    assert (config.zone, config.region, config.network_offering) == ("of-argument", "of-variable", "of-file")
    assert config.images == {"ami-1": "Ubuntu"}
    assert config.types == {}


def test_the_mapping_file_may_be_elsewhere(home):
    path = home / "names.yaml"
    path.write_text("zones: {us-east-1b: Sandbox}\ntypes: {m1.small: Small Instance}\nstate: sqlite:///x.db\n")
    config = load(home, CFNLIB_MAPPING=str(path))
    assert config.zones == {"us-east-1b": "Sandbox"}
    assert config.types == {"m1.small": "Small Instance"}
    assert config.state_url == "sqlite:///x.db"


def test_stacks_are_kept_in_the_users_state_directory(home):
    assert load(home).state_url == f"sqlite:///{home}/.local/state/cfnlib/cfnlib.db"
    assert load(home, XDG_STATE_HOME="/var/x").state_url == "sqlite:////var/x/cfnlib/cfnlib.db"
    assert load(home, CFNLIB_STATE="mysql://u@h/d").state_url == "mysql://u@h/d"


def test_a_proxy_is_used_unless_the_host_is_left_out(home):
    named = {"CLOUDSTACK_ENDPOINT": "https://c.example.org/api", "https_proxy": "http://proxy:3128"}
    assert load(home, **named).proxy == "http://proxy:3128"
    assert load(home, **named, no_proxy="example.org").proxy is None


@pytest.mark.usefixtures("ini")
def test_no_secret_is_shown(home):
    config = Config.load(None, {"HOME": str(home)}, proxy="http://user:pw-word@proxy:1", headers={"X": "tok-en"})
    config = evolve(config, state_url="mysql://user:db-word@host/db")
    for secret in ("from-file", "hidden-file", "pw-word", "tok-en", "db-word"):
        assert secret not in repr(config)
        assert secret not in str(config)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CLOUDSTACK_ENDPOINT": "cloud.example.org"}, "CLOUDSTACK_ENDPOINT must be the URL of the API"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_TIMEOUT": "soon"}, "CLOUDSTACK_TIMEOUT must be a number"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_TIMEOUT": "0"}, "more than 0 seconds"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_METHOD": "put"}, "CLOUDSTACK_METHOD must be get or post"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_RETRY": "x"}, "CLOUDSTACK_RETRY must be a number"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_KEY": "k"}, "CLOUDSTACK_SECRET is missing"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_VERIFY": "/no/such"}, "set dangerous_no_tls_verify"),
        ({"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_CERT": "/no/such"}, "CLOUDSTACK_CERT: there is no file"),
        (
            {"CLOUDSTACK_ENDPOINT": "http://c", "CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY": "perhaps"},
            "CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY must be true or false",
        ),
        ({"CLOUDSTACK_KEY": "k"}, "CLOUDSTACK_ENDPOINT is not"),
        ({"CLOUDSTACK_CONFIG": "/no/such.ini"}, "CLOUDSTACK_CONFIG: there is no file"),
        ({"CLOUDSTACK_REGION": "lab"}, "CLOUDSTACK_REGION=lab is asked for"),
        ({"CFNLIB_MAPPING": "/no/such.yaml"}, "CFNLIB_MAPPING: there is no file"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(home, environ, told):
    with pytest.raises(ConfigError) as caught:
        load(home, **environ)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("third", "there is no section [third]; the sections are [cloudstack], [second], [empty]"),
        ("empty", "the section [empty] has no endpoint"),
    ],
)
def test_a_wrong_section_is_told_with_the_right_ones(home, ini, profile, told):
    with pytest.raises(ConfigError) as caught:
        load(home, profile)
    assert told in str(caught.value)
    assert str(ini) in str(caught.value)


def test_a_file_without_the_usual_section_asks_which_one_is_meant(home, ini):
    ini.write_text("[lab]\nendpoint = http://lab/api\n")
    with pytest.raises(ConfigError, match="--profile or CLOUDSTACK_REGION"):
        load(home)


def test_a_wrong_value_in_a_file_is_told_by_its_section(home, ini):
    ini.write_text("[cloudstack]\nendpoint = http://c/api\ntimeout = soon\n")
    with pytest.raises(ConfigError, match=r"timeout in section \[cloudstack\]"):
        load(home)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("secret = top%secret\n", "cannot be read: line 1"),
        ("[cloudstack]\ntop%secret\n", "cannot be read: line 2"),
        ("[cloudstack]\nsecret = top%secret\n", "secret in section [cloudstack]: write %% for a %"),
        ("[cloudstack]\nsecret = a\nsecret = top%secret\n", "secret in section [cloudstack] is given twice"),
        ("[cloudstack]\n[cloudstack]\n", "section [cloudstack] is given twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_its_place_and_without_its_content(home, ini, content, told):
    ini.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(home)
    assert told in str(caught.value)
    assert str(ini) in str(caught.value)
    assert "top" not in str(caught.value)


def test_to_override_a_file_that_is_not_there_is_refused(home):
    with pytest.raises(ConfigError, match="CLOUDSTACK_OVERRIDES"):
        load(home, CLOUDSTACK_ENDPOINT="http://c/api", CLOUDSTACK_OVERRIDES="key")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[1, 2]", "must be a mapping"),
        ("image: {}", "unknown key 'image'; the keys are images"),
        ("images: [a]", "images must map"),
        ("images: {a: {b: c}}", "images must map"),
        ("zone: [a]", "zone must be a text"),
        ("zone: {", "cannot be read"),
    ],
)
def test_a_wrong_mapping_file_is_told_by_its_name(home, content, told):
    (home / ".cfnlib.yaml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(home)
    assert told in str(caught.value)
    assert ".cfnlib.yaml" in str(caught.value)


def test_an_empty_mapping_file_says_nothing(home):
    (home / ".cfnlib.yaml").write_text("images:\nzone:\n")
    assert load(home).zone is None


def test_a_setting_that_does_not_exist_is_refused(home):
    with pytest.raises(ConfigError, match="there is no setting zoen"):
        Config.load(None, {"HOME": str(home)}, zoen="x")
