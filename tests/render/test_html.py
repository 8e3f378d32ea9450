"""Tables for notebooks."""
# ruff: noqa: RUF001 - the sign for times is meant

from __future__ import annotations

from html.parser import HTMLParser

from cfnlib.render.html import plan_html, stack_html


class Page(HTMLParser):
    """Collects the texts and the tags of a page, and whether every tag is closed in order."""

    def __init__(self, text) -> None:
        super().__init__()
        self.texts, self.tags, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, _attributes) -> None:
        """Note the tag."""
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        """Note the text."""
        self.texts.append(data)


def row(logical_id, status="CREATE_COMPLETE", reason=""):
    return {
        "logical_id": logical_id,
        "type": "AWS::EC2::Instance",
        "status": status,
        "physical_id": "id-1",
        "reason": reason,
    }


def stack(rows, outputs=None, reason=""):
    return {
        "name": "demo",
        "status": "CREATE_COMPLETE",
        "reason": reason,
        "resources": rows,
        "outputs": outputs or {},
    }


def action(logical_id, operation, changes=()):
    return {
        "logical_id": logical_id,
        "type": "AWS::EC2::Instance",
        "operation": operation,
        "reason": "because",
        "changes": list(changes),
        "known_after_creation": [],
    }


def plan(actions):
    counts = {}
    for one in actions:
        counts[one["operation"]] = counts.get(one["operation"], 0) + 1
    return {"stack_name": "demo", "actions": actions, "counts": counts, "diagnostics": []}


def test_a_stack_shows_each_resource_its_state_and_the_outputs():
    page = Page(stack_html(stack([row("Web", "CREATE_FAILED", "no room")], outputs={"URL": "http://10.0.0.1/"})))
    assert {"Web", "✗ create failed", "no room", "URL", "http://10.0.0.1/"} <= set(page.texts)
    assert page.open == []
    assert "a" in page.tags


def test_a_column_without_content_is_left_out():
    assert "Reason" not in Page(stack_html(stack([row("Web")]))).texts


def test_a_large_group_is_folded_with_its_counts():
    members = [row(f"Agents[{n}]", "CREATE_FAILED" if n == 3 else "CREATE_COMPLETE") for n in range(40)]
    page = Page(stack_html(stack([row("Web"), *members])))
    assert "Agents ×40" in page.texts
    assert " ".join(page.texts).count("Agents[") == 40
    assert page.tags.count("details") == 1


def test_what_the_lowering_made_is_no_group():
    rows = [row(f"Address[Web.{n}]") for n in range(20)]
    assert "details" not in Page(stack_html(stack(rows))).tags


def test_nothing_in_a_stack_can_become_a_tag_or_a_script_link():
    evil = "<script>alert(1)</script>\" onload='x'"
    found = stack([row(evil, evil, evil)], outputs={evil: evil, "b": "javascript:alert(1)"}, reason=evil)
    page = Page(stack_html(found))
    assert "script" not in page.tags
    assert "a" not in page.tags


def test_a_plan_says_what_changes_and_counts_what_stays():
    change = {"path": "ImageId", "before": "one", "after": "two", "update": "replacement"}
    page = Page(plan_html(plan([action("Web", "replace", [change]), action("Db", "keep")])))
    joined = "".join(page.texts)
    assert "ImageId: one → two" in joined
    assert "1 stay as they are" in joined
    assert "Db" not in page.texts


def test_an_empty_plan_says_so():
    assert "nothing to do" in "".join(Page(plan_html(plan([]))).texts)
