"""What botocore's own clients write is read as they meant it, and what is written they read as it was meant."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from valid_parameters import filled, results, valid_params

from cfnlib.wire import Service, parse, render

botocore_model = pytest.importorskip("botocore.model")
botocore_loaders = pytest.importorskip("botocore.loaders")
botocore_parsers = pytest.importorskip("botocore.parsers")
botocore_serialize = pytest.importorskip("botocore.serialize")

SERVICES = ["cloudformation", "sts", "ec2"]


@cache
def client_model(name):
    """The service as botocore's clients see it, the newest."""
    return botocore_model.ServiceModel(botocore_loaders.Loader().load_service_model(name, "service-2"), name)


def sent(service, operation_name, params):
    """The parameters of the request that botocore makes of these."""
    serializer = botocore_serialize.create_serializer(service.protocol)
    request = serializer.serialize_to_request(params, client_model(service.name).operation_model(operation_name))
    return [(name, str(value)) for name, value in request["body"].items()]


def received(service, operation_name, body):
    """What botocore reads in a response's body, without the metadata."""
    shape = client_model(service.name).operation_model(operation_name).output_shape
    response = {"body": body, "headers": {}, "status_code": 200}
    parsed = botocore_parsers.create_parser(service.protocol).parse(response, shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "r-1"
    return parsed


@pytest.mark.parametrize("name", SERVICES)
def test_every_parameter_of_every_operation_is_read_as_botocore_wrote_it(name):
    service = Service.load(name)
    for operation in service.operations.values():
        params = filled(service, operation.input_shape)
        assert parse(service, operation.name, sent(service, operation.name, params), strict=True) == params


@pytest.mark.parametrize("name", SERVICES)
def test_every_member_of_every_result_is_read_by_botocore_as_it_was(name):
    service = Service.load(name)
    for operation in service.operations.values():
        result = filled(service, operation.output_shape) if operation.output_shape else {}
        body = render(service, operation.name, result, request_id="r-1")
        assert received(service, operation.name, body) == result


@st.composite
def operations_with(draw, values):
    service = Service.load(draw(st.sampled_from(SERVICES)))
    name = draw(st.sampled_from(sorted(service.operations)))
    return service, name, draw(values(service, name))


@settings(max_examples=300)
@given(operations_with(valid_params))
def test_what_botocore_sends_is_what_is_read(drawn):
    service, name, params = drawn
    assert parse(service, name, sent(service, name, params), strict=True) == params


@settings(max_examples=300)
@given(operations_with(results))
def test_what_is_written_is_what_botocore_reads(drawn):
    service, name, result = drawn
    assert received(service, name, render(service, name, result, request_id="r-1")) == result
