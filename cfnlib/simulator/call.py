"""A call of a command: its checked parameters, who makes it, and the questions every command asks of both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from cfnlib.simulator.errors import ApiError, bad_parameter, bad_value, no_such, not_permitted
from cfnlib.simulator.kinds import kinds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cfnlib.simulator.api import Command, Parameter
    from cfnlib.simulator.latency import Latency
    from cfnlib.simulator.world import Entity, World

MAX_PAGE = 500
ELEMENT = re.compile(r"^(?P<name>[^\[]+)\[(?P<index>\d+)\](?:\.(?P<key>.+))?$")


@define
class Call:
    """One call. `values` are JSON values by lower-case parameter name; `job` is set once there is a job.

    `thing` is the uuid of what the call made or is about, as its job names it.
    """

    world: World
    command: Command
    values: dict[str, Any]
    account: Entity
    user: Entity
    latency: Latency
    method: str = "GET"
    job: Entity | None = None
    thing: str | None = None
    extra: dict[str, Any] = field(factory=dict)

    @property
    def role(self) -> str:
        """The caller's role type: Admin, DomainAdmin or User."""
        return str(self.account["roletype"])

    @property
    def is_admin(self) -> bool:
        """Whether the root admin calls."""
        return bool(self.account["roletype"] == "Admin")

    def text(self, name: str) -> str | None:
        """A parameter as text, None if it was not given."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean parameter."""
        return bool(self.values.get(name, default))

    def whole(self, name: str) -> int | None:
        """An integer parameter."""
        value = self.values.get(name)
        return None if value is None else int(value)

    def items(self, name: str) -> list[str]:
        """A list parameter, empty if it was not given."""
        value = self.values.get(name)
        return list(value) if value else []

    def pairs(self, name: str) -> dict[str, str]:
        """A map parameter given as ``name[0].key=k&name[0].value=v`` or as ``name[0].k=v``."""
        found: dict[str, str] = {}
        for element in self.values.get(name) or ():
            if "key" in element:
                found[element["key"]] = element.get("value", "")
            else:
                found.update(element)
        return found

    def entity(self, name: str, kind: str) -> Entity | None:
        """The live thing a uuid parameter names, None if the parameter was not given or the thing is removed."""
        return self.world.get(kind, self.values.get(name))

    def need(self, name: str, kind: str, text: str | None = None) -> Entity:
        """The live thing a uuid parameter names, which the caller may use.

        Raises ApiError 431 if it is removed (with `text`), 531 if it belongs to somebody else.
        """
        entity = self.world.get(kind, self.values.get(name))
        if entity is None:
            gone = self.world.known(kind, self.values.get(name) or "")
            number = gone.number if gone else 0
            raise bad_value((text or "Unable to find {kind} by id {number}").format(kind=kind, number=number))
        self.check_access(entity)
        return entity

    def made(self, kind: str) -> Entity:
        """The thing the job is about; raises ApiError 530 if somebody removed it meanwhile."""
        entity = self.world.get(kind, self.thing)
        if entity is None:
            raise ApiError(530, 4250, f"The {kind} {self.thing} was removed while the job was under way")
        return entity

    def check_access(self, entity: Entity) -> None:
        """Raise ApiError 531 unless the caller may use a thing that has an owner."""
        owner = entity.get("account")
        if owner is None or self.is_admin or owner == self.account.uuid or self.may_act_for(owner):
            return
        raise not_permitted(
            f"Acct[{self.account.uuid}-{self.account['name']}] -- Account does not have permission to operate with "
            f"resource {entity.kind}[{entity.uuid}]"
        )

    def may_act_for(self, owner: str) -> bool:
        """Whether an account of that uuid is one whose things the caller may use: a sub-domain's, a project's."""
        if owner in self.projects_of_caller():
            return True
        if self.role != "DomainAdmin":
            return False
        account = self.world.known("account", owner)
        mine = self.world.need("domain", self.account["domain"])["path"]
        return account is not None and (self.world.need("domain", account["domain"])["path"] + "/").startswith(
            mine + "/"
        )

    def projects_of_caller(self) -> list[str]:
        """The uuids of the accounts behind the projects the caller is a member of."""
        return [
            one["project_account"]
            for one in self.world.each("project")
            if any(member["account"] == self.account.uuid for member in one["members"])
        ]

    # -- owner and visibility

    def owner(self) -> Entity:
        """The account a new thing is made for: that of account and domainid, a project's, or the caller's."""
        named = self._named_account()
        return named if named is not None else self.account

    def _named_account(self) -> Entity | None:
        name, domain, project = self.values.get("account"), self.values.get("domainid"), self.values.get("projectid")
        if project is not None and project != "-1":
            found = self.world.get("project", project)
            if found is None:
                raise bad_value("Unable to find project by id")
            owner = self.world.need("account", found["project_account"])
        elif name is not None:
            domain = domain or self.account["domain"]
            [*accounts] = [one for one in self.world.by("account", "name", name) if one["domain"] == domain]
            if not accounts:
                raise bad_value(
                    f"Unable to find account by name {name} in domain with specified id", (domain, "domainId")
                )
            owner = accounts[0]
        else:
            return None
        if not self.is_admin and owner is not self.account and not self.may_act_for(owner.uuid):
            raise not_permitted(f"Can't list or use things of account {owner['name']}: no permission")
        return owner

    def visible(self, kind: str) -> Iterable[Entity]:
        """The live things with an owner that this call lists, before its other filters.

        Source: CloudStack's access rules. Without `listall` everybody, the root admin too, sees his own; with it the
        root admin sees all and a domain admin those of his domain and below. Things of projects are left out, even
        those asked for by id, unless `projectid` chooses a project's; -1 means those of all the caller's projects.
        """
        each = self.world.each(kind)
        if self.values.get("projectid") == "-1":
            owners = set(self.projects_of_caller())
            return [one for one in each if one.get("account") in owners]
        named = self._named_account()
        if named is not None:
            return [one for one in each if one.get("account") == named.uuid]
        domain = self.values.get("domainid")
        if domain is not None:
            inside = {one.uuid for one in self.world.each("account") if one["domain"] == domain}
            return [one for one in each if one.get("account") in inside]
        if self.flag("listall") or "id" in self.values or "ids" in self.values:
            if self.is_admin:
                return [one for one in each if not self._is_project(one)]
            if self.role == "DomainAdmin":
                return [one for one in each if one.get("account") and self.may_act_for(one["account"])]
        return [one for one in each if one.get("account") == self.account.uuid]

    def owns(self, account: Entity) -> bool:
        """Whether things of that account may be listed by this call when it names them."""
        named = self._named_account()
        if named is not None:
            return account is named
        if self.values.get("projectid") != "-1" and (
            account is self.account or (self.is_admin and account["type"] != 5)
        ):
            return "domainid" not in self.values or account["domain"] == self.values["domainid"]
        return self.may_act_for(account.uuid)

    def _is_project(self, entity: Entity) -> bool:
        owner = self.world.known("account", entity.get("account") or "")
        return owner is not None and owner["type"] == 5

    # -- lists

    def listing(self, element: str, found: list[Any], render: Callable[[Any], Any] | None = None) -> dict[str, Any]:
        """The answer of a list command: the page asked for, and the count of all. Empty if nothing was found."""
        page, size = self.page()
        chosen = found[(page - 1) * size : page * size] if len(found) > size or page > 1 else found
        if not found:
            return {}
        shown = [render(one) for one in chosen] if render else chosen
        return {"count": len(found)} | ({element: shown} if shown else {})

    def page(self) -> tuple[int, int]:
        """The number of the page asked for, from 1, and how many things it holds."""
        page, size = self.whole("page"), self.whole("pagesize")
        if size is not None and page is None:
            raise bad_parameter('"page" parameter is required when "pagesize" is specified')
        if size is not None and size > MAX_PAGE:
            raise bad_value(f"Page size can't exceed max allowed page size value: {MAX_PAGE}")
        return max(page or 1, 1), size if size and size > 0 else MAX_PAGE


# -- parameters


def checked(world: World, command: Command, given: dict[str, str]) -> dict[str, Any]:
    """The values of a call's parameters by lower-case name; raises ApiError for the first one that is wrong."""
    lower: dict[str, Any] = {}
    for name, value in given.items():
        match = ELEMENT.match(name)
        if match is None:
            lower[name.lower()] = value
        else:
            elements = lower.setdefault(match["name"].lower(), {})
            if isinstance(elements, dict):
                element = elements.setdefault(int(match["index"]), {})
                element[match["key"] or ""] = value
    values: dict[str, Any] = {}
    for parameter in command.parameters.values():
        raw = lower.get(parameter.name.lower())
        if raw is None or raw == "":
            if parameter.required:
                text = (
                    f"Unable to execute API command {command.name.lower()} due to missing parameter {parameter.name}"
                )
                raise bad_parameter(text)
            if raw == "" and parameter.type == "string":
                values[parameter.name.lower()] = ""
        else:
            values[parameter.name.lower()] = _converted(world, command, parameter, raw)
    return values


def _wrong(command: Command, text: str) -> ApiError:
    return bad_parameter(f"Unable to execute API command {command.name.lower()} due to invalid value. {text}")


def _converted(world: World, command: Command, parameter: Parameter, raw: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(raw, dict):
        elements = [raw[index] for index in sorted(raw)]
        return [one[""] for one in elements if "" in one] if parameter.type == "list" else elements
    if parameter.type == "uuid":
        _check_exists(world, command, parameter, raw)
    elif parameter.type == "boolean":
        return raw.lower() == "true"
    elif parameter.type in {"integer", "long", "short"}:
        return _whole_number(command, parameter, raw)
    elif parameter.type == "list":
        return _list(world, command, parameter, raw)
    elif parameter.type == "map":
        return [{"": raw}]
    elif parameter.type == "string" and len(raw) > parameter.max_length:
        longest = f"{parameter.max_length} for param: {parameter.name}"
        raise _wrong(command, f"Value greater than max allowed length {longest}")
    return raw


def _whole_number(command: Command, parameter: Parameter, raw: str) -> int:
    try:
        return int(raw)
    except ValueError:
        text = f"Invalid parameter {parameter.name} value={raw} due to incorrect {parameter.type} value format"
        raise _wrong(command, text) from None


def _list(world: World, command: Command, parameter: Parameter, raw: str) -> list[str]:
    elements = [element.strip() for element in raw.split(",") if element.strip()]
    if parameter.related and parameter.name.endswith("ids"):
        for element in elements:
            _check_exists(world, command, parameter, element)
    return elements


def _check_exists(world: World, command: Command, parameter: Parameter, uuid: str) -> None:
    kinds = kinds_of(parameter)
    if any(world.known(kind, uuid) is not None for kind in kinds):
        return
    if not kinds and world.known_anywhere(uuid) is not None:
        return
    if command.name == "removeIpFromNic" and any(
        one["id"] == uuid for nic in world.each("nic") for one in nic["secondary"]
    ):
        return
    if uuid == "-1":
        return
    raise no_such(command.name, parameter.name, uuid)
