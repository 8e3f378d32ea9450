"""What the picture of an operation's time shows, read back from the SVG."""
# ruff: noqa: RUF001 - the sign for times is meant

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from cfnlib.render.gantt import Bar, _step, gantt_svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]


def bars_drawn(svg):
    """Left edge and width of each bar, by its title."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is not None and rect is not None and ", from " in title.text:
            found[title.text.split(":")[0]] = (float(rect.get("x")), float(rect.get("width")))
    return found


def test_bars_stand_in_time_and_the_critical_path_is_marked():
    bars = [
        Bar("Net", "Net", 100.0, 102.0, "CREATE_COMPLETE"),
        Bar("Web", "Web", 102.0, 110.0, "CREATE_COMPLETE"),
        Bar("Key", "Key", 100.0, 101.0, "CREATE_COMPLETE"),
    ]
    svg = gantt_svg(bars, ["Net", "Web"], title="demo")
    drawn = bars_drawn(svg)
    assert drawn["Net"][0] == drawn["Key"][0] < drawn["Web"][0]
    assert drawn["Net"][1] < drawn["Web"][1]
    assert {"◆ Net", "◆ Web", "Key", "critical path", "10 s"} <= set(texts(svg))


def test_what_is_not_done_yet_lasts_until_now():
    svg = gantt_svg([Bar("a", "a", 0.0, 2.0), Bar("b", "b", 0.0, None, "CREATE_IN_PROGRESS")], now_s=8.0)
    drawn = bars_drawn(svg)
    assert drawn["b"][1] > 3.9 * drawn["a"][1]


def test_many_members_share_a_row():
    bars = [Bar(f"A{n}", f"A{n}", n * 0.1, n * 0.1 + 3, "CREATE_COMPLETE", group="Agents") for n in range(500)]
    svg = gantt_svg(bars, ["A3"])
    assert "◆ Agents ×500" in texts(svg)
    assert list(bars_drawn(svg)) == ["Agents ×500"]


def test_names_are_escaped():
    ET.fromstring(gantt_svg([Bar("a", "<&>\x00", 0.0, 1.0, "<&>")], ["a"], title="<&>"))


def test_nothing_done_is_said():
    assert any("nothing was done" in text for text in texts(gantt_svg([], title="demo")))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e5)), min_size=1, max_size=20))
def test_any_times_can_be_drawn(times):
    bars = [Bar(str(n), str(n), start, start + length) for n, (start, length) in enumerate(times)]
    svg = gantt_svg(bars, ["0"])
    assert len(bars_drawn(svg)) == len(bars)


@given(st.floats(0, 1e6))
def test_an_axis_has_neither_no_marks_nor_a_hundred(total_s):
    assert total_s / _step(total_s) < 13
