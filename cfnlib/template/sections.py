"""Reading a template's sections into what they declare.

Nothing here knows resource types or looks into properties; functions are looked at by `check`, once all the names are
known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from cfnlib.diagnostic import Code
from cfnlib.source import ListNode, MapNode, Node, Scalar
from cfnlib.template.declarations import read_parameters
from cfnlib.template.names import nearest
from cfnlib.template.reader import LOOP, Reader, kind_of
from cfnlib.template.rules import Rule, read_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.diagnostic import Diagnostics, Span
    from cfnlib.template.parameters import Parameter

VERSION = "2010-09-09"
EXTENSIONS = "AWS::LanguageExtensions"
SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Transform",
    "Resources",
    "Outputs",
)
UNSUPPORTED_SECTIONS = {
    "Hooks": "there are no deployment hooks: remove the section",
    "Globals": "this is a section of AWS::Serverless, which needs macros",
}
ATTRIBUTES = (
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
)
POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}


@frozen
class ResourceNode:
    """A resource as it stands in the template.

    `properties_node` is None when there are none. The policies are "Delete" where nothing is said; one that is a
    function (in a template with language extensions) is in `policy_nodes` until it is worked out. `span` is the place
    of the logical id.
    """

    logical_id: str
    type: str
    span: Span
    type_span: Span
    node: MapNode = field(repr=False)
    properties_node: MapNode | None = field(default=None, repr=False)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    creation_policy: MapNode | None = field(default=None, repr=False)
    update_policy: MapNode | None = field(default=None, repr=False)
    metadata: MapNode | None = field(default=None, repr=False)
    policy_nodes: Mapping[str, Node] = field(factory=dict, repr=False)


@frozen
class OutputNode:
    """An output as it stands in the template. `export_name` is None when it is not exported."""

    name: str
    span: Span
    node: MapNode = field(repr=False)
    value: Node = field(repr=False)
    description: str = ""
    condition: str | None = None
    export_name: Node | None = field(default=None, repr=False)


@frozen
class Sections:
    """All that a template declares."""

    description: str = ""
    metadata: MapNode | None = None
    parameters: dict[str, Parameter] = field(factory=dict)
    mappings: MapNode | None = None
    conditions: dict[str, Node] = field(factory=dict)
    rules: dict[str, Rule] = field(factory=dict)
    resources: dict[str, ResourceNode] = field(factory=dict)
    outputs: dict[str, OutputNode] = field(factory=dict)
    transforms: tuple[str, ...] = ()
    broken: frozenset[str] = frozenset()
    """Names that are declared, but wrongly: what refers to them is not complained of once more."""


def read_sections(root: MapNode, diagnostics: Diagnostics) -> Sections:
    """Read every section; what is wrong goes to the diagnostics and is left out."""
    reader = Reader(diagnostics)
    _unknown_sections(reader, root)
    version = root.get("AWSTemplateFormatVersion")
    if version is not None and (not isinstance(version, Scalar) or version.text != VERSION):
        said = f"'{version.text}'" if isinstance(version, Scalar) else kind_of(version)
        message = f"the format version is {said}, not {VERSION}"
        place = ("AWSTemplateFormatVersion",)
        reader.add(Code.VERSION, message, version.span, place, f"write '{VERSION}', or leave it out")
    parameters, mappings, conditions = root.get("Parameters"), root.get("Mappings"), root.get("Conditions")
    rules, resources, outputs = root.get("Rules"), root.get("Resources"), root.get("Outputs")
    if resources is None:
        hint = "add Resources: a template makes at least one"
        reader.add(Code.MISSING_SECTION, "there is no section Resources", root.span, (), hint)
    sections = Sections(
        description=reader.text(root, "Description", ()) or "",
        metadata=reader.part(root, "Metadata", ()),
        parameters={} if parameters is None else read_parameters(reader, parameters),
        mappings=None if mappings is None else _read_mappings(reader, mappings),
        conditions={} if conditions is None else dict(reader.named(conditions, "Conditions", "condition")),
        rules={} if rules is None else read_rules(reader, rules),
        resources={} if resources is None else _read_resources(reader, resources),
        outputs={} if outputs is None else _read_outputs(reader, outputs),
        transforms=_read_transforms(reader, root),
    )
    broken: set[str] = set()
    for section, read in (
        (parameters, sections.parameters),
        (resources, sections.resources),
        (conditions, sections.conditions),
    ):
        if isinstance(section, MapNode):
            broken.update(section.entries.keys() - read.keys())
    return evolve(sections, broken=frozenset(broken)) if broken else sections


def _unknown_sections(reader: Reader, root: MapNode) -> None:
    for key in root:
        if key in SECTIONS:
            continue
        place = root.key_span(key)
        if key in UNSUPPORTED_SECTIONS:
            message = f"the section {key} is not supported"
            reader.add(Code.UNSUPPORTED_SECTION, message, place, (key,), UNSUPPORTED_SECTIONS[key])
        else:
            hint = nearest(key, SECTIONS, otherwise=f"the sections are {', '.join(SECTIONS)}")
            reader.add(Code.UNKNOWN_SECTION, f"there is no section '{key}'", place, (key,), hint)


def _read_transforms(reader: Reader, root: MapNode) -> tuple[str, ...]:
    node = root.get("Transform")
    transforms = reader.texts(root, "Transform", ())
    places = node.items if isinstance(node, ListNode) else [node] * len(transforms)
    for name, place in zip(transforms, places, strict=False):
        if name != EXTENSIONS and place is not None:
            hint = f"{EXTENSIONS} is the one transform; for others render the template through Jinja2"
            reader.add(Code.UNSUPPORTED_SECTION, f"no transform '{name}'", place.span, ("Transform",), hint)
    return transforms


def _read_mappings(reader: Reader, section: Node) -> MapNode | None:
    for name, mapping in reader.named_maps(section, "Mappings", "mapping"):
        for key, row in mapping.items():
            path = ("Mappings", name, key)
            columns = reader.map(row, f"'{key}' of the mapping '{name}'", path)
            for column, value in columns.items() if columns is not None else ():
                if isinstance(value, MapNode):
                    message = f"the mapping '{name}' is deeper than two keys"
                    reader.add(Code.STRUCTURE, message, value.span, (*path, column), "a value is a text or a list")
    return section if isinstance(section, MapNode) else None


def _read_resources(reader: Reader, section: Node) -> dict[str, ResourceNode]:
    found = {}
    for logical_id, node in reader.named_maps(section, "Resources", "resource"):
        resource = _read_resource(reader, logical_id, node, section)
        if resource is not None:
            found[logical_id] = resource
    if isinstance(section, MapNode) and not section.entries:
        reader.add(Code.STRUCTURE, "there are no resources", section.span, ("Resources",), "declare at least one")
    return found


def _read_resource(reader: Reader, logical_id: str, node: MapNode, section: Node) -> ResourceNode | None:
    path = ("Resources", logical_id)
    span = section.key_span(logical_id) if isinstance(section, MapNode) else node.span
    for key in node:
        if key not in ATTRIBUTES:
            hint = nearest(key, ATTRIBUTES, otherwise="indent it under Properties, if it is a property")
            message = f"a resource has no attribute '{key}'"
            reader.add(Code.STRUCTURE, message, node.key_span(key), (*path, key), hint)
    type_node = node.get("Type")
    if type_node is None:
        reader.add(Code.STRUCTURE, "the resource has no Type", span, path, "add Type: AWS::EC2::Instance, say")
        return None
    type_name = reader.text(node, "Type", path)
    if type_name is None:
        return None
    policies, functions = {}, {}
    for key, allowed in POLICIES.items():
        child = node.get(key)
        if isinstance(child, MapNode):
            functions[key] = child
        elif child is not None:
            said = reader.text(node, key, path)
            if said is not None and said not in allowed:
                hint = nearest(said, allowed, otherwise=f"the choices are {', '.join(allowed)}")
                reader.add(Code.STRUCTURE, f"the {key} '{said}' is not known", child.span, (*path, key), hint)
            policies[key] = said or "Delete"
    return ResourceNode(
        logical_id=logical_id,
        type=type_name,
        span=span,
        type_span=type_node.span,
        node=node,
        properties_node=reader.part(node, "Properties", path),
        depends_on=tuple(dict.fromkeys(reader.texts(node, "DependsOn", path))),
        condition=reader.text(node, "Condition", path),
        deletion_policy=policies.get("DeletionPolicy", "Delete"),
        update_replace_policy=policies.get("UpdateReplacePolicy", "Delete"),
        creation_policy=reader.part(node, "CreationPolicy", path),
        update_policy=reader.part(node, "UpdatePolicy", path),
        metadata=reader.part(node, "Metadata", path),
        policy_nodes=functions,
    )


def _read_outputs(reader: Reader, section: Node) -> dict[str, OutputNode]:
    found = {}
    for name, node in reader.named_maps(section, "Outputs", "output"):
        path = ("Outputs", name)
        span = section.key_span(name) if isinstance(section, MapNode) else node.span
        reader.known_keys(node, ("Value", "Description", "Condition", "Export"), path, "output")
        value = node.get("Value")
        if value is None:
            reader.add(
                Code.STRUCTURE, "the output has no Value", span, path, "add Value: !GetAtt Name.Attribute, say"
            )
            continue
        export = reader.part(node, "Export", path)
        if export is not None:
            reader.known_keys(export, ("Name",), (*path, "Export"), "Export")
            if "Name" not in export:
                reader.add(Code.STRUCTURE, "the Export has no Name", export.span, (*path, "Export"))
        found[name] = OutputNode(
            name=name,
            span=span,
            node=node,
            value=value,
            description=reader.text(node, "Description", path) or "",
            condition=reader.text(node, "Condition", path),
            export_name=None if export is None else export.get("Name"),
        )
    return found


def has_loops(node: Node | None) -> bool:
    """Whether there is an Fn::ForEach at or below a node."""
    waiting = [] if node is None else [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, MapNode):
            if any(key.startswith(LOOP) for key in current.entries):
                return True
            waiting += current.entries.values()
        elif isinstance(current, ListNode):
            waiting += current.items
    return False
