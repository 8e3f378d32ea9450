"""Parameters as clients send them, and as no client should."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wrong_parameters import wrongs

from cfnlib.wire import FaultKind, InvalidParametersError, Service, UnknownOperationError, ec2_refusal, parse
from cfnlib.wire.faults import MAX_FAULTS, place
from cfnlib.wire.scalars import compiled

CLOUDFORMATION = Service.load("cloudformation")
EC2 = Service.load("ec2")


def read(*pairs, operation="CreateStack", **options):
    return parse(CLOUDFORMATION, operation, [("StackName", "web"), *pairs], **options)


def faults(*pairs, operation="CreateStack", service=CLOUDFORMATION, **options):
    with pytest.raises(InvalidParametersError) as caught:
        parse(service, operation, pairs, **options)
    return caught.value.faults


def kinds(found):
    return [(item.path, item.kind) for item in found]


def message(*pairs, **options):
    with pytest.raises(InvalidParametersError) as caught:
        read(*pairs, **options)
    return str(caught.value)


def test_what_is_about_the_request_is_no_parameter():
    pairs = [("Action", "CreateStack"), ("Version", "2010-05-15"), ("ContentType", "JSON"), ("Timestamp", "now")]
    assert read(*pairs, strict=True) == {"StackName": "web"}


def test_lists_are_in_the_order_of_their_numbers_whatever_these_are():
    pairs = [
        ("NotificationARNs.member.30", "c"),
        ("NotificationARNs.member.2", "b"),
        ("NotificationARNs.member.1", "a"),
    ]
    assert read(*pairs)["NotificationARNs"] == ["a", "b", "c"]


def test_a_list_may_be_flat():
    assert read(("Tags.1.Key", "a"), ("Tags.1.Value", "b"))["Tags"] == [{"Key": "a", "Value": "b"}]


def test_an_index_is_an_order_and_never_a_length():
    pairs = [("Tags.member.999999999.Key", "b"), ("Tags.member.999999999.Value", "y"), ("Tags.member.7.Key", "a")]
    assert read(*pairs, ("Tags.member.7.Value", "x"))["Tags"] == [
        {"Key": "a", "Value": "x"},
        {"Key": "b", "Value": "y"},
    ]


def test_a_list_sent_empty_is_empty_and_one_not_sent_is_not_there():
    assert read(("Tags", "")) == {"StackName": "web", "Tags": []}
    assert "Tags" not in read()


def test_a_map_has_its_entries():
    pairs = [
        ("Resources.member.1.ResourceType", "AWS::EC2::Instance"),
        ("Resources.member.1.ResourceIdentifier.entry.2.key", "b"),
        ("Resources.member.1.ResourceIdentifier.entry.2.value", "2"),
        ("Resources.member.1.ResourceIdentifier.entry.1.key", "a"),
        ("Resources.member.1.ResourceIdentifier.entry.1.value", "1"),
    ]
    params = parse(CLOUDFORMATION, "CreateGeneratedTemplate", [("GeneratedTemplateName", "x"), *pairs])
    assert params["Resources"][0]["ResourceIdentifier"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("TRUE", True)])
def test_booleans(text, value):
    assert read(("DisableRollback", text))["DisableRollback"] is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-01T12:30:15.250Z", datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC)),
        ("2026-03-01T12:30:15.25+02:00", datetime(2026, 3, 1, 10, 30, 15, 250_000, UTC)),
        ("2026-03-01T12:30:15", datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)),
        ("20260301T123015Z", datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("1772368215.25", datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC)),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(text, value):
    params = parse(EC2, "DescribeSpotPriceHistory", [("StartTime", text)])
    assert params == {"StartTime": value}


def test_bytes_may_have_line_breaks():
    params = parse(EC2, "ImportKeyPair", [("KeyName", "k"), ("PublicKeyMaterial", "c3No\nLXJz\r\nYQ==")])
    assert params["PublicKeyMaterial"] == b"ssh-rsa"


def test_unknown_names_are_faults_only_where_that_is_asked_for():
    odd = [
        ("TemplateUrl", "x"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "b"),
        ("Tags.member.1.Colour", "c"),
    ]
    assert read(*odd) == {"StackName": "web", "Tags": [{"Key": "a", "Value": "b"}]}
    found = faults(("StackName", "web"), *odd, strict=True)
    assert kinds(found) == [("TemplateUrl", FaultKind.UNKNOWN), ("Tags.member.1.Colour", FaultKind.UNKNOWN)]


def test_all_that_is_wrong_is_said_at_once_in_the_clients_own_names():
    found = faults(
        ("TimeoutInMinutes", "0"),
        ("OnFailure", "SHRUG"),
        ("Parameters.member.1.UsePreviousValue", "maybe"),
        ("RoleARN", "short"),
    )
    assert kinds(found) == [
        ("StackName", FaultKind.MISSING),
        ("Parameters.member.1.UsePreviousValue", FaultKind.TYPE),
        ("TimeoutInMinutes", FaultKind.RANGE),
        ("RoleARN", FaultKind.TOO_SHORT),
        ("OnFailure", FaultKind.ENUM),
    ]


HELD = "failed to satisfy constraint: Member must"


def test_the_message_is_that_of_cloudformation():
    assert message(("ClientRequestToken", "a" * 129)) == (
        f"1 validation error detected: Value '{'a' * 129}' at 'clientRequestToken' {HELD} have length less than or "
        "equal to 128"
    )
    assert message(("TimeoutInMinutes", "0"), ("OnFailure", "x")) == (
        f"2 validation errors detected: Value '0' at 'timeoutInMinutes' {HELD} have value greater than or equal to "
        f"1; Value 'x' at 'onFailure' {HELD} satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]"
    )
    allowed = "[CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]"
    assert message(("Capabilities.member.1", "x"), ("Tags.member.1.Key", "a")) == (
        f"2 validation errors detected: Value '[x]' at 'capabilities' {HELD} satisfy constraint: "
        f"[Member must satisfy enum value set: {allowed}]; Value null at 'tags.1.member.value' {HELD} not be null"
    )


def test_the_same_place_has_one_name_whatever_form_it_was_sent_in():
    assert place("Tags.member.2.Key") == place("Tags.2.Key") == "tags.2.member.key"
    assert place("X.entry.1.key") == "x.1.entry.key"
    assert place("Capabilities.member.3") == "capabilities.3"
    assert place("StackName") == "stackName"


def test_ec2_names_one_fault_what_is_missing_first():
    found = faults(("ImageId.x", "x"), ("MinCount", "x"), operation="RunInstances", service=EC2)
    assert ec2_refusal(found) == ("MissingParameter", "The request must contain the parameter MaxCount")
    found = faults(("MaxResults", "many"), operation="DescribeInstances", service=EC2)
    assert ec2_refusal(found) == (
        "InvalidParameterValue",
        "Value (many) for parameter MaxResults is invalid. It must be an integer",
    )
    found = faults(("Colour", "red"), operation="DescribeInstances", service=EC2, strict=True)
    assert ec2_refusal(found) == ("UnknownParameter", "The parameter Colour is not recognized")


def test_what_the_caller_judges_itself_is_not_judged_here():
    pairs = [("MinCount", "1"), ("MaxCount", "1"), ("InstanceType", "two-cores")]
    assert kinds(faults(*pairs, operation="RunInstances", service=EC2)) == [("InstanceType", FaultKind.ENUM)]
    assert parse(EC2, "RunInstances", pairs, open_shapes={"InstanceType"})["InstanceType"] == "two-cores"


def test_old_ec2_clients_number_a_single_value_and_do_not_number_a_list_of_one():
    assert parse(EC2, "GetConsoleOutput", [("InstanceId.1", "i-1")]) == {"InstanceId": "i-1"}
    assert parse(EC2, "DescribeInstances", [("InstanceId", "i-1")]) == {"InstanceIds": ["i-1"]}
    found = faults(("InstanceId.1", "i-1"), ("InstanceId.2", "i-2"), operation="GetConsoleOutput", service=EC2)
    assert kinds(found) == [("InstanceId", FaultKind.TYPE)]


@pytest.mark.parametrize(
    "pairs",
    [
        [("StackName", "a"), ("StackName", "a")],
        [("Tags", ""), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")],
        [("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b"), ("Tags", "")],
        [("Capabilities.member.1", "CAPABILITY_IAM"), ("Capabilities.1", "CAPABILITY_IAM")],
        [("Capabilities.member.1", "CAPABILITY_IAM"), ("Capabilities.member.01", "CAPABILITY_IAM")],
        [("Capabilities", "CAPABILITY_IAM")],
        [("Capabilities.member", "CAPABILITY_IAM")],
        [("Capabilities.member.-1", "CAPABILITY_IAM")],
        [("Capabilities.member.\u0661", "CAPABILITY_IAM")],
        [("Capabilities.member." + "9" * 5000, "CAPABILITY_IAM")],
        [("RollbackConfiguration", "x")],
        [("TemplateBody.x", "y")],
        [("TemplateBody", "\udcff")],
        [("TimeoutInMinutes", "1_0")],
        [("TimeoutInMinutes", "\u0661")],
        [("TimeoutInMinutes", " 5")],
        [("TimeoutInMinutes", "9" * 5000)],
        [("DisableRollback", "")],
    ],
)
def test_forms_that_no_client_sends_are_faults(pairs):
    assert any(item.kind is FaultKind.TYPE for item in faults(*pairs))


def test_a_fault_shows_a_long_value_shortened_and_only_what_can_be_written():
    [found] = faults(("StackName", "a"), ("OnFailure", "x" * 100_000))
    assert len(found.message) < 1000
    [found] = faults(("StackName", "a"), ("Tags.member.\udcff", "x"))
    assert found.message.encode()


def test_a_request_full_of_faults_has_an_answer_of_bounded_length():
    found = faults(*[(f"Tags.member.{index}.Value", "x" * 300) for index in range(1, 40)])
    assert len(found) < MAX_FAULTS
    found = faults(*[(f"Parameters.member.{index}.UsePreviousValue", "x" * 300) for index in range(1, 5000)])
    assert len(found) == MAX_FAULTS
    assert len(str(InvalidParametersError(found))) < 200_000


def test_a_list_with_more_elements_than_allowed_says_so_and_not_what_else_is_wrong_with_each():
    found = faults(("StackName", "a"), *[(f"Tags.member.{index}.Colour", "x") for index in range(1, 5000)])
    assert kinds(found) == [("Tags", FaultKind.TOO_LONG)]


def test_names_of_any_depth_and_number_are_only_left_out():
    deep = [("A" + ".1" * 200_000, "x"), ("Tags.member" + ".1" * 40, "x")]
    assert "Tags" not in read(*deep)
    assert read(*[(f"Junk{index}.member.1", "x") for index in range(5000)]) == {"StackName": "web"}


def test_an_unknown_operation_has_its_own_error():
    with pytest.raises(UnknownOperationError, match="MakeStack"):
        parse(CLOUDFORMATION, "MakeStack", [])


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^[0-9]{12}$", "123456789012", "123456789012\n"),
        (r"[\w]*", "abc", "é"),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 1", "#"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+", "\U0001f600", "\x01"),
    ],
)
def test_the_models_patterns_are_javas(pattern, good, bad):
    found = compiled(pattern)
    assert found.fullmatch(good)
    assert not found.fullmatch(bad)


@pytest.mark.parametrize("pattern", [r"x/^.{1,255}$", r"[\p{Emoji}]+", "(unclosed"])
def test_a_pattern_that_means_nothing_here_is_not_held_to(pattern):
    assert compiled(pattern) is None


@pytest.mark.parametrize("name", ["cloudformation", "sts", "ec2"])
def test_each_parameter_in_turn_wrong_is_the_fault_that_it_is(name):
    service = Service.load(name)
    for operation in service.operations:
        for label, pairs in wrongs(service, operation, []):
            with pytest.raises(InvalidParametersError) as caught:
                parse(service, operation, pairs)
            assert any(label.endswith(item.kind.value) for item in caught.value.faults), (operation, label)


def test_one_parameter_wrong_in_a_good_request_is_one_thing_wrong():
    good = [("Action", "CreateStack"), ("StackName", "web"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")]
    found = dict(wrongs(CLOUDFORMATION, "CreateStack", good))
    for label in ("StackName missing", "Tags.member.1.Value missing", "Tags.member.1.Key too long", "Tags type"):
        wrong = faults(*found[label])
        assert label.startswith(wrong[0].path)
        assert label.endswith(wrong[0].kind.value)
        assert len(wrong) == 1


PARTS = [
    "StackName",
    "Tags",
    "Capabilities",
    "RollbackConfiguration",
    "ResourcesToImport",
    "Key",
    "Value",
    "key",
    "value",
]
EC2_PARTS = [
    "ImageId",
    "BlockDeviceMapping",
    "Ebs",
    "VolumeSize",
    "SecurityGroup",
    "TagSpecification",
    "Tag",
    "Placement",
]
ODD_PARTS = ["ResourceIdentifier", "member", "entry", "0", "1", "2", "99999999999", "", "é", "\udcff"]
NAMES = st.lists(st.sampled_from([*PARTS, *EC2_PARTS, *ODD_PARTS]), min_size=1, max_size=7).map(".".join)
VALUES = st.sampled_from(["", "x", "true", "1", "CAPABILITY_IAM", "\udcff", "\x00"]) | st.text(max_size=9)
ANY_PAIRS = st.lists(st.tuples(NAMES | st.text(max_size=9), VALUES), max_size=12)
ANY_OPERATION = st.sampled_from(
    [(CLOUDFORMATION, "CreateChangeSet"), (EC2, "RunInstances"), (Service.load("ec2", "2014-10-01"), "RunInstances")]
)


@given(ANY_OPERATION, ANY_PAIRS, st.booleans())
def test_whatever_is_sent_is_read_or_faulty(called, pairs, strict):
    service, operation = called
    try:
        answer = set(parse(service, operation, pairs, strict=strict))
    except InvalidParametersError as error:
        answer = error
    if isinstance(answer, set):
        assert answer <= set(service.shapes[service.operation(operation).input_shape]["members"])
    else:
        assert 1 <= len(answer.faults) <= MAX_FAULTS
        assert str(answer).encode()
        assert all(text.encode() for text in ec2_refusal(answer.faults))
