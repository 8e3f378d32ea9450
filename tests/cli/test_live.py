"""What the live view shows of an operation, whatever happens in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cfnlib.cli.live import Progress
from cfnlib.cli.text import Piece, plain, table
from cfnlib.state.model import Event

NAMES = ["Net", "Web", "Db", *(f"Agents[{number}]" for number in range(1, 15)), *(f"Masters[{n}]" for n in (1, 2, 3))]
STATUSES = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def event(name, status, at=0.0, reason=""):
    return Event("id", "demo", name, None, "AWS::EC2::Instance", status, reason, at)


def of_stack(status):
    return Event("id", "demo", "demo", "id", "AWS::CloudFormation::Stack", status, "", 0.0)


happenings = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(STATUSES)), max_size=60)


@given(happenings, st.sets(st.sampled_from(NAMES)), st.integers(1, 30))
def test_no_resource_is_forgotten_and_there_are_never_more_lines_than_room(told, expected, room):
    progress = Progress()
    progress.planned(dict.fromkeys(expected, "AWS::EC2::Instance"))
    for number, (name, status) in enumerate(told):
        progress.happened(event(name, status, float(number)))
    lines, hidden = progress.lines(room, 100.0)
    done, total = progress.counts()
    assert len(lines) <= room
    assert sum(line.stands_for for line in lines) + hidden == total == len({name for name, _ in told} | expected)
    last = dict(told)
    assert done == sum(not status.endswith("IN_PROGRESS") for status in last.values())


@given(happenings, st.integers(1, 30))
def test_a_failure_is_hidden_only_by_other_failures(told, room):
    progress = Progress()
    for number, (name, status) in enumerate(told):
        progress.happened(event(name, status, float(number)))
    failed = {name for name, status in dict(told).items() if status.endswith("FAILED")}
    lines, _ = progress.lines(room, 100.0)
    shown = {line.name for line in lines if line.name in failed}
    assert shown == failed or len(shown) == room


def test_a_resource_shows_how_long_it_has_been_at_work_and_then_how_long_it_took():
    progress = Progress()
    progress.happened(event("Web", "CREATE_IN_PROGRESS", 10.0))
    assert [line.note for line in progress.lines(5, 15.0)[0]] == ["5.0 s"]
    progress.happened(event("Web", "CREATE_COMPLETE", 17.0))
    assert [(line.word, line.note) for line in progress.lines(5, 99.0)[0]] == [("created", "7.0 s")]


def test_a_failure_shows_its_reason():
    progress = Progress()
    progress.happened(event("Web", "CREATE_FAILED", 10.0, "no room"))
    assert [line.note for line in progress.lines(5, 15.0)[0]] == ["no room"]


def test_a_rollback_has_before_it_what_was_made_and_keeps_the_failure_in_view():
    progress = Progress()
    progress.planned({"Net": "N", "Web": "W", "Late": "L"})
    progress.happened(event("Net", "CREATE_COMPLETE"))
    progress.happened(event("Web", "CREATE_FAILED", reason="no room"))
    progress.happened(of_stack("ROLLBACK_IN_PROGRESS"))
    assert {(line.name, line.word) for line in progress.lines(9, 1.0)[0]} == {
        ("Web", "create failed"),
        ("Net", "waiting"),
    }


def test_columns_are_aligned_and_empty_ones_left_out():
    lines = table(("name", "nothing", "status"), [("a", "", "ok"), (Piece("longer", "bold"), "", "done")])
    assert [plain(line) for line in lines] == ["name    status", "a       ok", "longer  done"]


def test_a_table_of_nothing_has_no_head():
    assert table(("name",), []) == []
