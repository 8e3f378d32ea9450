"""Any value of the model, for property tests, and short ways to make one."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import strategies as st

from cfnlib.state.model import ChangeSet, Event, Intent, Resource, ResourceStatus, Signal, Stack, StackStatus

names = st.text("abcXYZ019-.:/é日", min_size=1, max_size=40)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
times = st.floats(0, 1e11)
counts = st.integers(0, 2**31 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(words, json_values, max_size=4)

stacks = st.builds(
    Stack,
    stack_id=st.builds(lambda: f"arn:{uuid4()}"),
    name=names,
    status=st.sampled_from(StackStatus),
    template=words,
    template_file=words,
    parameters=json_objects,
    reason=words,
    revision=counts,
    outputs=json_objects,
    previous_template=st.none() | words,
    previous_parameters=st.none() | json_objects,
    on_failure=st.sampled_from(["ROLLBACK", "DELETE", "DO_NOTHING"]),
    description=words,
    account=st.builds(lambda: f"account-{uuid4()}"),
    request=st.sampled_from([None, "cancel", "delete"]),
    asked=st.sampled_from([{}, {"token": "mine"}, {"token": None, "retained": ["Web"]}]),
    created_at=times,
    updated_at=st.none() | times,
    deleted_at=st.none() | times,
)
intents = st.builds(
    Intent,
    verb=st.sampled_from(["CREATE", "UPDATE", "DELETE"]),
    calls=st.lists(json_objects, max_size=3).map(tuple),
    step=st.integers(0, 9),
    sent=st.booleans(),
    job_id=st.none() | words,
    target=st.none() | json_objects,
)
resources = st.builds(
    Resource,
    logical_id=names,
    generation=st.integers(0, 3),
    type=names,
    name=words,
    status=st.sampled_from([status for status in ResourceStatus if status is not ResourceStatus.DELETE_COMPLETE]),
    physical_id=st.none() | words,
    reason=words,
    properties=json_objects,
    attributes=json_objects,
    depends_on=st.lists(names, max_size=3).map(tuple),
    group=st.none() | names,
    deletion_policy=st.sampled_from(["Delete", "Retain", "Snapshot"]),
    replace_policy=st.sampled_from(["Delete", "Retain", "Snapshot"]),
    intent=st.none() | intents,
    started_at=times,
    ended_at=st.none() | times,
)
events = st.builds(
    Event,
    stack_id=st.just(""),
    stack_name=names,
    logical_id=names,
    physical_id=st.none() | words,
    type=names,
    status=names,
    reason=words,
    at=times,
    sequence=counts,
)
change_sets = st.builds(
    ChangeSet,
    change_set_id=st.builds(lambda: f"change:{uuid4()}"),
    name=names,
    stack_id=st.just(""),
    stack_revision=counts,
    template=words,
    template_file=words,
    parameters=json_objects,
    summary=st.lists(json_objects, max_size=3),
    created_at=times,
    status=names,
    reason=words,
)
signals = st.builds(Signal, unique_id=st.text("ab", max_size=600), status=names, reason=words, data=words)


def new_stack(name="web", status=StackStatus.CREATE_IN_PROGRESS, account="") -> Stack:
    return Stack(f"arn:{uuid4()}", name, status, "{}", account=account or f"account-{uuid4()}")


def new_event(stack: Stack, reason="") -> Event:
    return Event(stack.stack_id, stack.name, "Web", None, "AWS::EC2::Instance", "CREATE_COMPLETE", reason, 1.5)


def new_resource(
    logical_id="Web", status=ResourceStatus.CREATE_IN_PROGRESS, generation=1, **properties: object
) -> Resource:
    return Resource(logical_id, generation, "AWS::EC2::Instance", "web-1", status, properties=properties)
