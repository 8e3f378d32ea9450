"""The table of a stack's moves."""

from __future__ import annotations

import pytest
from state_values import new_stack

from cfnlib.errors import StackError
from cfnlib.state.model import STACK_MOVES, UPDATABLE, ResourceStatus, StackStatus


def reached(start):
    """All statuses that can follow on this one."""
    seen, todo = set(), [start]
    while todo:
        status = todo.pop()
        if status not in seen:
            seen.add(status)
            todo.extend(STACK_MOVES[status])
    return seen


def test_each_status_has_its_moves_and_can_come_about():
    assert set(STACK_MOVES) == set(StackStatus)
    assert reached(StackStatus.REVIEW_IN_PROGRESS) == set(StackStatus)


@pytest.mark.parametrize("status", StackStatus)
def test_a_stack_can_always_be_deleted_but_once(status):
    if status is StackStatus.DELETE_COMPLETE:
        assert not STACK_MOVES[status]
    else:
        assert StackStatus.DELETE_COMPLETE in reached(status)


@pytest.mark.parametrize("status", StackStatus)
def test_a_move_is_made_or_refused_as_the_table_says(status):
    stack = new_stack(status=status)
    for target in StackStatus:
        if target is status or target in STACK_MOVES[status]:
            moved = stack.moved(target, "why")
            assert (moved.status, moved.reason) == (target, "why")
        else:
            with pytest.raises(StackError, match=f"web: no way from {status.value} to {target.value}"):
                stack.moved(target)


def test_an_update_starts_only_where_no_operation_is_under_way():
    assert not any(status.in_progress for status in UPDATABLE)
    assert all(StackStatus.UPDATE_IN_PROGRESS in STACK_MOVES[status] for status in UPDATABLE)


def test_the_verb_of_a_resources_status():
    assert {status.verb for status in ResourceStatus} == {"CREATE", "UPDATE", "DELETE"}
