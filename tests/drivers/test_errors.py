"""What each error of CloudStack means; the cases are all the errors of the recorded traffic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfnlib import errors as tree
from cfnlib.drivers.cloudstack.errors import MAX_TEXT, from_answer
from cfnlib.errors import (
    CapacityError,
    CloudError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    JobFailedError,
    LimitError,
    NotFoundError,
    UnknownOutcomeError,
)

RECORDED = json.loads((Path(__file__).parent / "data" / "errors.json").read_text())


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['command']}-{case['code']}-{case['kind']}")
def test_a_recorded_error_is_what_it_was_judged_to_be(case):
    error = from_answer(case["command"], case["code"], case["text"], job=case["job"])
    assert type(error) is getattr(tree, case["kind"])
    assert error.code == case["code"]
    assert error.command == case["command"]
    assert str(error).startswith(case["command"] + ": ")


def test_every_code_of_the_recordings_is_told_apart():
    kinds = {case["kind"] for case in RECORDED}
    assert {"AuthenticationError", "NotAllowedError", "NotFoundError", "ConflictError", "LimitError"} <= kinds
    assert {"CapacityError", "InvalidRequestError", "InUseError", "JobFailedError", "UnknownOutcomeError"} <= kinds


@pytest.mark.parametrize(
    ("code", "kind"),
    [(429, LimitError), (532, LimitError), (534, CapacityError), (536, InUseError), (537, ConflictError)],
)
def test_a_code_that_says_enough_needs_no_text(code, kind):
    assert type(from_answer("createNetwork", code, "")) is kind


def test_an_id_that_is_nowhere_is_said_shortly():
    text = next(case["text"] for case in RECORDED if "value=nope" in case["text"] and "zoneid" in case["text"])
    error = from_answer("deployVirtualMachine", 431, text)
    assert isinstance(error, NotFoundError)
    assert str(error) == "deployVirtualMachine: zoneid nope does not exist, or is not a valid id"
    assert error.text == text


def test_a_failed_job_without_a_better_reason_is_a_failed_job():
    assert type(from_answer("stopVirtualMachine", 530, "Failed", job=True)) is JobFailedError
    assert type(from_answer("stopVirtualMachine", 530, "Failed")) is CloudError


def test_an_error_of_the_server_itself_leaves_a_change_open_and_a_question_not():
    assert type(from_answer("createNetwork", 500, "oops")) is UnknownOutcomeError
    assert type(from_answer("listNetworks", 500, "oops")) is CloudError
    assert type(from_answer("listNetworks", 530, "DB Exception on: SELECT")) is CloudError


def test_an_error_says_the_way_out():
    assert "clock" in str(from_answer("listZones", 401, "unable to verify user credentials and/or request signature"))
    assert "limit" in str(from_answer("deployVirtualMachine", 535, "Maximum amount of resources"))
    assert "role" in str(from_answer("createZone", 432, "The API [createZone] does not exist"))


def test_a_text_is_shown_without_secrets_and_with_an_end():
    error = from_answer("createX", 431, "bad value hunter22 " + "x" * 5000, secrets=["hunter22", "x"])
    assert "hunter22" not in str(error)
    assert "hunter22" not in error.text
    assert len(str(error)) < MAX_TEXT + 100
    assert isinstance(error, InvalidRequestError)
