"""What the models tell about services, operations and errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cfnlib.wire import Service, UnknownOperationError, UnknownVersionError, parse
from cfnlib.wire.read import ENVELOPE

CLOUDFORMATION = Service.load("cloudformation")


@pytest.mark.parametrize(
    ("shape", "code", "status"),
    [
        ("ChangeSetNotFoundException", "ChangeSetNotFound", 404),
        ("InvalidChangeSetStatusException", "InvalidChangeSetStatus", 400),
        ("OperationStatusCheckFailedException", "ConditionalCheckFailed", 400),
        ("AlreadyExistsException", "AlreadyExistsException", 400),
        ("StackNotFoundException", "StackNotFoundException", 404),
    ],
)
def test_an_errors_code_is_the_models_and_not_its_shapes_name(shape, code, status):
    assert CLOUDFORMATION.error(shape) == (code, status, "Sender")


@pytest.mark.parametrize("name", ["NoSuchException", "CreateStackInput"])
def test_what_is_no_error_of_the_model_is_no_error(name):
    with pytest.raises(KeyError):
        CLOUDFORMATION.error(name)


def test_each_documented_error_is_in_the_model():
    for service in map(Service.load, ["cloudformation", "sts", "ec2"]):
        for operation in service.operations.values():
            assert all(service.error(name).code for name in operation.errors)


def test_an_operation_says_what_it_is():
    create, describe = CLOUDFORMATION.operation("CreateStack"), CLOUDFORMATION.operation("DescribeStacks")
    assert (create.reads, create.token, create.paginated) == (False, "ClientRequestToken", False)
    assert (describe.reads, describe.token, describe.paginated) == (True, None, True)
    assert describe.paging == ("NextToken", "NextToken", None, ("Stacks",))
    assert Service.load("ec2").operation("RunInstances").token == "ClientToken"
    assert CLOUDFORMATION.operation("DeleteStack").output_shape is None


def test_what_only_reads_is_known_by_its_name():
    reads = {name for name, operation in CLOUDFORMATION.operations.items() if operation.reads}
    assert {"GetTemplate", "ListStacks", "ValidateTemplate", "EstimateTemplateCost", "DetectStackDrift"} <= reads
    assert not {"SignalResource", "SetStackPolicy", "DeleteStack", "ExecuteChangeSet", "CancelUpdateStack"} & reads


def test_no_operation_has_a_parameter_of_the_envelopes_names():
    for service in map(Service.load, ["cloudformation", "sts", "ec2"]):
        for operation in service.operations.values():
            members = service.shapes[operation.input_shape]["members"]
            assert not ENVELOPE & {
                ref.get("queryName", ref.get("locationName", name)) for name, ref in members.items()
            }


def test_a_service_is_loaded_once():
    assert Service.load("cloudformation") is Service.load("cloudformation", "2010-05-15")
    assert Service.load("ec2", "2012-08-15") is Service.load("ec2", "2010-08-31")


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (None, "2016-11-15"),
        ("2010-08-31", "2014-09-01"),
        ("2014-10-01", "2014-10-01"),
        ("2015-02-01", "2014-10-01"),
        ("2016-11-15", "2016-11-15"),
        ("2030-01-01", "2016-11-15"),
    ],
)
def test_an_ec2_client_of_any_year_has_a_model(asked, used):
    service = Service.load("ec2", asked)
    assert service.api_version == used
    assert service.namespace == f"http://ec2.amazonaws.com/doc/{used}/"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("ec2", "2009-11-30"),
        ("ec2", "latest"),
        ("ec2", ""),
        ("cloudformation", "2014-10-01"),
        ("no-such-service", None),
    ],
)
def test_what_there_is_no_model_of_is_refused(name, version):
    with pytest.raises(UnknownVersionError, match=name):
        Service.load(name, version)


def test_an_unknown_operation_is_refused():
    with pytest.raises(UnknownOperationError, match="cloudformation has no operation 'createStack'"):
        CLOUDFORMATION.operation("createStack")


def test_an_old_client_is_not_asked_for_what_its_version_did_not_require():
    assert parse(Service.load("ec2", "2014-10-01"), "DescribeVolumeAttribute", [("VolumeId", "vol-1")])
    pairs = [("Filters.1.Name", "a"), ("Filters.1.Value.1", "b")]
    listings = {"Filters": [{"Name": "a", "Values": ["b"]}]}
    assert (
        parse(Service.load("ec2", "2014-10-01"), "DescribeReservedInstancesListings", pairs, strict=True) == listings
    )
    assert parse(Service.load("ec2"), "DescribeReservedInstancesListings", pairs) == {}


def test_importing_costs_nothing_of_botocore():
    code = "import sys, cfnlib.wire; print([name for name in sys.modules if name.startswith('boto')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "[]"
