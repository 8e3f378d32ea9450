"""What a drawn graph shows, read back from the SVG."""
# ruff: noqa: RUF001 - the sign for times is meant

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfnlib.render import svg as sheet
from cfnlib.render.graph import Node, folded, graph_svg
from cfnlib.render.layers import lay_out, reduced, spread, topological
from cfnlib.render.looks import Tone, clock_text, look
from cfnlib.render.svg import Drawing, clean, fitted, text_width
from cfnlib.state.model import ResourceStatus, StackStatus

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]


def machines(count, *, group=None, state="CREATE_COMPLETE"):
    return [Node(f"Agent{n}", f"Agent{n}", "AWS::EC2::Instance", state, group=group) for n in range(count)]


@st.composite
def graphs(draw):
    """Names n0, n1, ... with edges from a lower to a higher number: any acyclic graph."""
    names = [f"n{number}" for number in range(draw(st.integers(0, 14)))]
    every = [(first, last) for index, first in enumerate(names) for last in names[index + 1 :]]
    edges = draw(st.lists(st.sampled_from(every), max_size=40)) if every else []
    return draw(st.permutations(names)), edges


def test_a_box_says_name_type_and_state_in_words():
    svg = graph_svg([Node("Web", "Web", "AWS::EC2::Instance", "CREATE_FAILED")], [])
    assert "Web" in texts(svg)
    assert "EC2::Instance · create failed" in texts(svg)


def test_whatever_a_name_holds_the_picture_is_xml_and_runs_nothing():
    evil = "</text><script>alert(1)</script>\"'&\x00\ud800"
    svg = graph_svg([Node(evil, evil, evil, evil, detail=evil), Node("b", "b")], [(evil, "b")], title=evil)
    root = ET.fromstring(svg)
    assert not [one for one in root.iter() if one.tag.endswith("script")]


@given(st.text(max_size=60))
def test_any_text_can_be_put_into_a_picture(text):
    ET.fromstring(f"<a b='{clean(text)}'>{clean(text)}</a>")


def test_a_thousand_members_are_one_box_that_names_those_that_failed():
    nodes = machines(1000, group="Agents")
    nodes[7] = Node("Agent7", "Agent7", "AWS::EC2::Instance", "CREATE_FAILED", group="Agents")
    svg = graph_svg([Node("Net", "Net"), *nodes], [("Net", node.key) for node in nodes])
    assert "Agents ×1000" in texts(svg)
    assert "999 created, 1 create failed" in texts(svg)
    titles = ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}title")]
    assert any("Agent7: create failed" in title for title in titles)
    assert len(svg) < 10_000


def test_a_few_members_keep_their_own_boxes():
    nodes = machines(12, group="Agents")
    assert folded(nodes, [])[0] == nodes


def test_things_with_the_same_neighbours_fold_without_being_a_group():
    nodes = machines(13)
    found, _ = folded([Node("Net", "Net"), *nodes], [("Net", node.key) for node in nodes])
    assert [node.label for node in found] == ["Net", "Agent* ×13"]


def test_a_group_and_its_members_become_one_box():
    nodes = [
        *machines(20, group="Agents"),
        Node("Agents", "Agents", "AWS::AutoScaling::AutoScalingGroup", "CREATE_COMPLETE"),
    ]
    edges = [(node.key, "Agents") for node in nodes[:-1]]
    found, pairs = folded(nodes, edges)
    assert [(node.label, node.kind) for node in found] == [("Agents ×20", "AWS::AutoScaling::AutoScalingGroup")]
    assert pairs == []


def test_a_group_stays_beside_its_members_when_something_stands_between_them():
    nodes = [*machines(20, group="Agents"), Node("Address", "Address"), Node("Agents", "Agents")]
    edges = [(node.key, "Address") for node in nodes[:20]] + [("Address", "Agents")]
    found, _ = folded(nodes, edges)
    assert [node.label for node in found] == ["Agents ×20", "Address", "Agents"]
    graph_svg(nodes, edges)


def test_a_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        graph_svg([Node("a", "a"), Node("b", "b")], [("a", "b"), ("b", "a")])


def test_nothing_can_be_drawn_too():
    assert "nothing" in texts(graph_svg([], [], title="empty"))


@given(graphs())
def test_time_goes_to_the_right_and_no_boxes_overlap(graph):
    names, edges = graph
    layout = lay_out(names, edges, spacing=50, thin=10)
    assert all(layout.columns[first] < layout.columns[last] for first, last in edges)
    for column in set(layout.columns.values()):
        heights = sorted(layout.heights[name] for name in names if layout.columns[name] == column)
        assert all(high - low >= 50 - 1e-6 for low, high in pairwise(heights))


@given(graphs())
def test_leaving_out_implied_arrows_changes_nothing_that_can_be_reached(graph):
    names, edges = graph
    after = {name: sorted({first for first, last in edges if last == name}) for name in names}
    order = topological(after)
    lean = reduced(after, order)
    assert ancestors(lean, order) == ancestors(after, order)
    for name, before in lean.items():
        for one in before:
            others = set().union(*(ancestors(after, order)[other] for other in before if other != one), set())
            assert one not in others, f"{one} to {name} is implied"


def ancestors(after, order):
    found = {}
    for name in order:
        found[name] = set(after[name]).union(*(found[one] for one in after[name]))
    return found


@given(st.lists(st.floats(-1000, 1000), min_size=1, max_size=20), st.floats(0, 50))
def test_places_keep_their_order_and_distance_and_stay_where_they_can(wanted, gap):
    places = spread(wanted, [1.0] * len(wanted), [gap] * (len(wanted) - 1))
    assert all(high - low >= gap - 1e-6 for low, high in pairwise(places))
    if all(high - low >= gap for low, high in pairwise(wanted)):
        assert places == pytest.approx(wanted, abs=1e-6)


@given(st.text(min_size=1, max_size=80), st.floats(20, 200))
def test_a_name_too_long_keeps_both_its_ends(text, width):
    short = fitted(text, width)
    assert short == text or text_width(short) <= width or short == "…"
    if "…" in short and "…" not in text:
        head, tail = short.split("…")
        assert text.startswith(head)
        assert text.endswith(tail)


@pytest.mark.parametrize("status", [*ResourceStatus, *StackStatus], ids=lambda status: status.value)
def test_every_status_has_a_word_of_its_own_tone(status):
    one = look(status.value)
    assert one.word != status.value
    assert (one.tone is Tone.BAD) == (
        "FAILED" in status.value or status.value in {"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
    )


def test_a_state_is_never_told_by_colour_alone():
    states = [status.value for status in ResourceStatus]
    by_tone = {}
    for state in states:
        by_tone.setdefault(look(state).tone, set()).add((look(state).word, look(state).symbol))
    assert all(symbol.strip() and word for looks in by_tone.values() for word, symbol in looks)
    symbols = {tone: {symbol for _, symbol in looks} for tone, looks in by_tone.items()}
    assert symbols[Tone.GOOD].isdisjoint(symbols[Tone.BAD] | symbols[Tone.WORKING])


def test_durations_read_as_people_say_them():
    assert [clock_text(seconds) for seconds in (0, 0.008, 0.44, 12.2, 187, 3723)] == [
        "0 ms", "8 ms", "0.4 s", "12 s", "3:07", "1:02:03"
    ]  # fmt: skip


def test_inks_can_be_read_on_their_grounds():
    for index in (0, 1):
        ground = sheet._GROUND[index][0]
        for tone, pair in sheet._COLOURS.items():
            fill, _, ink = pair[index]
            assert contrast(ink, fill) >= 4.5, tone
            assert contrast(ink, ground) >= 4.5, tone


def contrast(one, other):
    """Source: WCAG 2.1, contrast ratio and relative luminance."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(part, 16) / 255 for part in re.findall("..", colour[1:])]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_drawing_is_saved_as_it_is_shown(tmp_path):
    drawing = Drawing(graph_svg(machines(2), []), "two")
    assert drawing.save(tmp_path / "two.svg").read_text(encoding="utf-8") == drawing._repr_svg_()
