"""Templates: what machines are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.simulator.errors import bad_parameter

if TYPE_CHECKING:
    from cfnlib.simulator.call import Call
    from cfnlib.simulator.world import Entity

FILTERS = ("featured", "self", "selfexecutable", "sharedexecutable", "executable", "community", "all", "shared")


def list_templates(call: Call) -> dict[str, Any]:
    """Templates, one entry for each zone a template is in."""
    chosen = call.text("templatefilter") or ""
    if chosen not in FILTERS:
        raise bad_parameter(f"No enum constant com.cloud.template.VirtualMachineTemplate.TemplateFilter.{chosen}")
    pairs = [
        (one, zone)
        for one in call.world.each("template")
        if not one["iso"] and _fits(call, one, chosen)
        for zone in one["zones"]
        if call.text("zoneid") in {None, zone}
    ]
    return call.listing("template", pairs, lambda pair: shown(call, *pair))


def _fits(call: Call, template: Entity, chosen: str) -> bool:
    own = template.get("account") == call.account.uuid
    if chosen == "featured" and not template["featured"]:
        return False
    if chosen == "community" and (template["featured"] or not template["public"]):
        return False
    if chosen.startswith(("self", "shared")) and not own:
        return False
    if not (template["public"] or own or call.is_admin):
        return False
    ids = call.items("ids")
    keyword = (call.text("keyword") or "").lower()
    return (
        call.text("id") in {None, template.uuid}
        and (not ids or template.uuid in ids)
        and call.text("name") in {None, template["name"]}
        and keyword in template["name"].lower()
    )


def shown(call: Call, template: Entity, zone_uuid: str) -> dict[str, Any]:
    """A template as it is in one zone."""
    zone = call.world.need("zone", zone_uuid)
    return {**template["view"]} | {"zoneid": zone.uuid, "zonename": zone["name"]}


COMMANDS = {"listTemplates": list_templates}
