"""Who may use a template, and who may ask that."""

# What is test machinery is read by its name, and takes what it is given.

from __future__ import annotations

import pytest
from simulated_cloud import Refused


@pytest.fixture
def template(cloud):
    """The id of a template of the user's own."""
    given = {"hypervisor": "Simulator", "ostypeid": cloud.admin("listOsTypes")["ostype"][0]["id"]}
    words = {"name": "own", "displaytext": "own", "format": "QCOW2", "url": "http://example.org/own.qcow2"}
    return cloud.user("registerTemplate", zoneid=cloud.zone, **given, **words)["template"][0]["id"]


def told(client, template):
    return client("listTemplatePermissions", id=template)["templatepermission"]


def test_a_template_is_its_owners_until_others_are_named(cloud, template):
    assert told(cloud.user, template) == {"id": template, "ispublic": False}
    cloud.user("updateTemplatePermissions", id=template, op="add", accounts="admin")
    assert told(cloud.user, template)["account"] == ["admin"]
    cloud.user("updateTemplatePermissions", id=template, op="add", accounts="admin")
    assert told(cloud.user, template)["account"] == ["admin"]
    cloud.user("updateTemplatePermissions", id=template, op="remove", accounts="admin")
    assert "account" not in told(cloud.user, template)


def test_a_reset_takes_everything_back(cloud, template):
    cloud.user("updateTemplatePermissions", id=template, op="add", accounts="admin")
    cloud.user("updateTemplatePermissions", id=template, ispublic="true")
    assert told(cloud.user, template)["ispublic"]
    cloud.user("updateTemplatePermissions", id=template, op="reset")
    assert told(cloud.user, template) == {"id": template, "ispublic": False}


def test_the_domain_is_shown_to_the_root_admin(cloud, template):
    assert set(told(cloud.admin, template)) - set(told(cloud.user, template)) == {"domainid"}


@pytest.mark.parametrize("wrong", [{"op": "add", "accounts": "nobody"}, {"op": "give"}, {"accounts": "admin"}])
def test_what_cannot_be_granted_is_refused_and_changes_nothing(cloud, template, wrong):
    with pytest.raises(Refused) as refused:
        cloud.user("updateTemplatePermissions", id=template, **wrong)
    assert (refused.value.status, refused.value.code) == (431, 4350)
    assert told(cloud.user, template) == {"id": template, "ispublic": False}


def test_a_private_template_of_another_account_says_nothing(cloud):
    given = {"hypervisor": "Simulator", "ostypeid": cloud.admin("listOsTypes")["ostype"][0]["id"]}
    words = {"name": "hers", "displaytext": "hers", "format": "QCOW2", "url": "http://example.org/hers.qcow2"}
    hers = cloud.admin("registerTemplate", zoneid=cloud.zone, **given, **words)["template"][0]["id"]
    with pytest.raises(Refused) as refused:
        told(cloud.user, hers)
    assert refused.value.status == 531
    cloud.admin("updateTemplatePermissions", id=hers, ispublic="true")
    assert told(cloud.user, hers)["ispublic"]
