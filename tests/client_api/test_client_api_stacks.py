"""Stacks by CloudStack's own API: `cs` and its command line make, look at, change and delete them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import pytest
from client_api_calls import PATH, client_of, job_of, refused
from cs import CloudStackApiException
from service_world import HELD, QUICK


def test_a_stack_is_made_and_its_job_is_asked_until_it_is_there(client):
    begun = client.createStack(
        name="life",
        templatebody=QUICK,
        parameters=[{"key": "Name", "value": "one"}, {"key": "Secret", "value": "word"}],
        tags=[{"key": "team", "value": "red"}],
        timeout=5,
    )
    assert set(begun) == {"id", "jobid"}
    assert str(uuid.UUID(begun["jobid"])) == begun["jobid"]
    job = job_of(client, begun["jobid"], 1)
    assert (job["jobresultcode"], job["jobresulttype"]) == (0, "object")
    assert (job["jobinstancetype"], job["jobinstanceid"]) == ("Stack", begun["id"])
    [stack] = client.listStacks(id=begun["id"], fetch_list=True)
    assert job["jobresult"]["stack"] == stack
    assert (stack["name"], stack["status"], stack["onfailure"]) == ("life", "CREATE_COMPLETE", "ROLLBACK")
    assert (stack["account"], stack["timeout"], stack["description"]) == ("admin", 5, "a key")
    assert stack["parameter"] == [{"key": "Name", "value": "one"}, {"key": "Secret", "value": "****"}]
    assert stack["output"] == [{"key": "Key", "value": "life-one", "description": "its name"}]
    assert stack["tags"] == [{"key": "team", "value": "red"}]
    assert client.listSSHKeyPairs(name="life-one")["count"] == 1


def test_what_an_update_does_not_name_stays_as_it_is(client):
    client.createStack(
        name="grows", templatebody=QUICK, parameters={"Name": "a", "Secret": "s"}, tags=[{"key": "k", "value": "v"}],
        fetch_result=True,
    )  # fmt: skip
    changed = client.updateStack(name="grows", parameters={"Name": "b"}, fetch_result=True)["stack"]
    assert (changed["status"], changed["output"][0]["value"]) == ("UPDATE_COMPLETE", "grows-b")
    assert changed["tags"] == [{"key": "k", "value": "v"}]
    other = json.loads(QUICK) | {"Description": "another"}
    changed = client.updateStack(id=changed["id"], templatebody=json.dumps(other), fetch_result=True)["stack"]
    assert (changed["description"], changed["output"][0]["value"]) == ("another", "grows-b")
    assert refused(client.updateStack, name="grows", templatebody=json.dumps(other)) == (
        431,
        4350,
        "No updates are to be performed.",
    )


def test_a_deleted_stack_is_gone_from_the_list_and_its_jobs_still_answer(client):
    made = client.createStack(name="gone", templatebody=QUICK)
    job_of(client, made["jobid"], 1)
    deleted = client.deleteStack(name="gone")
    assert job_of(client, deleted["jobid"], 1)["jobresult"] == {"success": True}
    assert client.listStacks(name="gone") == {}
    [stack] = client.listStacks(id=made["id"])["stack"]
    assert stack["status"] == "DELETE_COMPLETE"
    assert client.listStacks(status="delete_complete", keyword="gone")["stack"] == [stack]
    # The creation did what it was asked to, whatever became of the stack later.
    assert job_of(client, made["jobid"])["jobstatus"] == 1
    assert refused(client.deleteStack, id=made["id"])[:2] == (431, 4350)


def test_a_job_that_fails_says_why(client):
    client.createStack(name="first", templatebody=QUICK, fetch_result=True)
    taken = QUICK.replace("${AWS::StackName}-${Name}", "first-key")
    job = client.createStack(name="second", templatebody=taken)["jobid"]
    with pytest.raises(CloudStackApiException) as failed:
        client._jobresult(jobid=job)
    assert failed.value.error["errorcode"] == 530
    assert failed.value.error["errortext"].startswith("stack second is ROLLBACK_COMPLETE: ")
    found = job_of(client, job)
    assert (found["jobstatus"], found["jobresultcode"], found["jobresulttype"]) == (2, 530, "object")
    gone = client.createStack(name="third", templatebody=taken, onfailure="DELETE")
    assert job_of(client, gone["jobid"], 2)["jobresult"]["errortext"].startswith("stack third is DELETE_COMPLETE")


def test_a_job_is_pending_while_its_operation_runs_and_a_deletion_takes_its_place(client):
    held = client.createStack(name="held", templatebody=HELD)
    assert job_of(client, held["jobid"])["jobstatus"] == 0
    [stack] = client.listStacks(name="held")["stack"]
    assert stack["status"] == "CREATE_IN_PROGRESS"
    deleted = client.deleteStack(id=held["id"])
    assert job_of(client, deleted["jobid"], 1)["jobresult"] == {"success": True}
    ended = job_of(client, held["jobid"])
    assert ended["jobstatus"] == 2
    assert "held" in ended["jobresult"]["errortext"]


def test_a_job_of_an_operation_that_another_has_followed_tells_its_own_end(client):
    made = client.createStack(name="twice", templatebody=QUICK)
    job_of(client, made["jobid"], 1)
    changed = client.updateStack(name="twice", parameters={"Name": "b"})
    job_of(client, changed["jobid"], 1)
    client.createStack(name="taker", templatebody=QUICK, fetch_result=True)
    taken = QUICK.replace("${AWS::StackName}-${Name}", "taker-key")
    failing = client.updateStack(name="twice", templatebody=taken)
    assert "UPDATE_ROLLBACK_COMPLETE" in job_of(client, failing["jobid"], 2)["jobresult"]["errortext"]
    client.updateStack(name="twice", parameters={"Name": "c"}, fetch_result=True)
    states = [job_of(client, one["jobid"])["jobstatus"] for one in (made, changed, failing)]
    assert states == [1, 1, 2]


def test_jobs_are_known_to_a_service_that_was_started_anew(place, client):
    made = client.createStack(name="lasting", templatebody=QUICK)
    job_of(client, made["jobid"], 1)
    place.app.client_api._jobs._stacks.clear()  # what a new process does not remember
    assert job_of(client, made["jobid"])["jobresult"]["stack"]["id"] == made["id"]


def test_events_and_resources_are_listed_by_pages_with_the_count_of_all(client):
    client.createStack(name="looked", templatebody=QUICK, fetch_result=True)
    events = client.listStackEvents(stackid="looked")
    assert events["count"] == len(events["stackevent"])
    assert events["stackevent"][0]["status"] == "CREATE_COMPLETE"
    assert events["stackevent"][-1]["logicalid"] == "looked"
    pages = [client.listStackEvents(name="looked", page=page, pagesize=2)["stackevent"] for page in (1, 2)]
    assert pages[0] + pages[1] == events["stackevent"][:4]
    assert client.listStackEvents(name="looked", page=90, pagesize=2) == {"count": events["count"]}
    assert {one["logicalid"] for one in client.listStackEvents(name="looked", keyword="KeyPair")["stackevent"]} == {
        "Key"
    }
    [key] = client.listStackResources(id="looked", fetch_list=True)
    assert (key["logicalid"], key["resourcetype"], key["status"]) == ("Key", "AWS::EC2::KeyPair", "CREATE_COMPLETE")
    assert client.listStackResources(id="looked", keyword="nothing") == {}


def test_stacks_are_listed_newest_first_by_pages_and_keywords(client):
    for name in ("page-a", "page-b", "page-c"):
        client.createStack(name=name, templatebody=QUICK, fetch_result=True)
    found = client.listStacks(keyword="PAGE-")
    assert [one["name"] for one in found["stack"]] == ["page-c", "page-b", "page-a"]
    assert found["count"] == 3
    second = client.listStacks(keyword="page-", page=2, pagesize=2)
    assert ([one["name"] for one in second["stack"]], second["count"]) == (["page-a"], 3)
    assert refused(client.listStacks, page=1, pagesize=501)[:2] == (431, 4350)
    assert refused(client._request, command="listStacks", pagesize=5)[:2] == (431, 9999)
    assert refused(client.listStacks, page=0)[:2] == (431, 4350)
    assert refused(client.listStacks, status="RUNNING")[0] == 431


def test_a_template_is_validated_with_all_that_can_be_said_of_it(client):
    found = client.validateTemplate(templatebody=QUICK)["template"]
    assert found["description"] == "a key"
    assert [one["name"] for one in found["parameter"]] == ["Name", "Secret"]
    assert found["parameter"][1]["default"] == "****"
    assert found["resourcetype"] == ["AWS::EC2::KeyPair"]
    assert [(one["text"], one["line"]) for one in found["warning"]] == [("the parameter 'Secret' is not used", 1)]
    code, detail, text = refused(client.validateTemplate, templatebody="Resources:\n  A:\n    Type: No::Such\n")
    assert (code, detail) == (431, 4350)
    assert "No::Such (line 3, " in text


def test_the_command_line_of_cs_makes_a_stack_and_waits_for_it(place, tmp_path):
    person = place.people["admin"]
    environment = os.environ | {
        "CLOUDSTACK_ENDPOINT": place.public_url + PATH,
        "CLOUDSTACK_KEY": person.key,
        "CLOUDSTACK_SECRET": person.secret,
        "CLOUDSTACK_POLL_INTERVAL": "0.05",
        "HOME": str(tmp_path),
    }

    def cs(*words):
        command = [sys.executable, "-c", "import cs, sys; sys.exit(cs.main())", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
        return json.loads(done.stdout)

    asked = ["createStack", "name=typed", f"templatebody={QUICK}", "parameters[0].key=Name", "parameters[0].value=x"]
    made = cs(*asked)["stack"]
    assert (made["status"], made["output"][0]["value"]) == ("CREATE_COMPLETE", "typed-x")
    assert [one["name"] for one in cs("listStacks", "keyword=typed")["stack"]] == ["typed"]
    assert cs("--post", "deleteStack", "name=typed") == {"success": True}


def test_a_long_template_comes_as_a_form(place):
    client = client_of(place, method="post")
    text = json.loads(QUICK) | {"Metadata": {"Notes": "ä€ ~*()'! + % &=?#" * 2000}}
    made = client.createStack(name="long", templatebody=json.dumps(text, ensure_ascii=False), fetch_result=True)
    assert made["stack"]["status"] == "CREATE_COMPLETE"
    assert place.client().get_template(StackName="long")["TemplateBody"] == text


@pytest.mark.parametrize(
    "given",
    [
        {"parameters[0].key": "Name", "parameters[0].value": "x"},
        {"parameters[0].name": "Name", "parameters[0].value": "x"},
        {"parameters[0].Name": "x"},
        {"PARAMETERS[3].Name": "x"},
        {"parameters[0].Secret": "b", "parameters[0].Name": "x"},
    ],
    ids=["key and value", "name and value", "details", "any case", "several at once"],
)
def test_parameters_come_in_each_of_the_ways_that_cloudstacks_maps_have(client, given):
    made = client.createStack(name="ways", templatebody=QUICK, fetch_result=True, **given)["stack"]
    assert made["output"][0]["value"] == "ways-x"
    client.deleteStack(name="ways", fetch_result=True)
