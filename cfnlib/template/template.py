"""A template: its text, what it declares, and what is wrong with it.

A wrong template is still a `Template`; its faults are values. Only `instantiate`, which makes a plan's input of it,
raises. The text is kept as it was read, so that a stored template is read again to the same.
"""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.diagnostic import Code, Diagnostics, Span
from cfnlib.source import Limits, MapNode, load, read_text
from cfnlib.template.check import PSEUDO, check_sections
from cfnlib.template.functions.table import FUNCTIONS
from cfnlib.template.loops import CollectionUnknownError, expand
from cfnlib.template.parameters import MASK, ParameterValue, bind_parameters, value_of
from cfnlib.template.references import references
from cfnlib.template.scope import Scope
from cfnlib.template.sections import EXTENSIONS, Sections, has_loops, read_sections
from cfnlib.template.values import Unknown
from cfnlib.template.worlds import check_absences

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cfnlib.source import Node
    from cfnlib.template.instance import Instance
    from cfnlib.template.parameters import Parameter
    from cfnlib.template.sections import OutputNode, ResourceNode

    Attributes = Callable[[str], Collection[str] | None]

TEMPLATE_LIMITS = Limits(max_bytes=16 * 1_048_576)
"""A template of 5,000 resources has some megabytes. AWS's own limit of 1 MB is kept by the service's front door."""
MAX_RESOURCES = 100_000


@frozen(eq=False)
class Template:
    """A template as it was read. `root` is None when the text could not be read; `diagnostics` says why."""

    text: str = field(repr=False)
    file: str
    root: MapNode | None = field(repr=False)
    diagnostics: Diagnostics = field(repr=False)
    sections: Sections = field(repr=False)
    has_loops: bool = False
    max_resources: int = MAX_RESOURCES
    names_in_loops: frozenset[str] = field(default=frozenset(), repr=False)
    _checked: dict[Any, Any] = field(factory=dict, repr=False, init=False)

    @classmethod
    def from_text(
        cls,
        text: str,
        file: str = "<text>",
        *,
        limits: Limits = TEMPLATE_LIMITS,
        max_resources: int = MAX_RESOURCES,
    ) -> Template:
        """Read a template's text. Never raises for what is wrong with it."""
        root, diagnostics = load(text, file, limits)
        return cls._from_root(text, file, root if isinstance(root, MapNode) else None, diagnostics, max_resources)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        variables: Mapping[str, object] | None = None,
        limits: Limits = TEMPLATE_LIMITS,
        max_resources: int = MAX_RESOURCES,
    ) -> Template:
        """Read a template from a file, through Jinja2 when its name ends in .j2 or `variables` are given.

        Raises OSError when the file can't be read.
        """
        text, diagnostics = read_text(path, limits, variables)
        if text is None:
            return cls("", os.fspath(path), None, diagnostics, Sections())
        return cls.from_text(text, os.fspath(path), limits=limits, max_resources=max_resources)

    @classmethod
    def _from_root(
        cls, text: str, file: str, root: MapNode | None, diagnostics: Diagnostics, max_resources: int
    ) -> Template:
        if root is None:
            return cls(text, file, None, diagnostics, Sections())
        sections = read_sections(root, diagnostics)
        loops = ("ForEach" in text or "\\u" in text) and has_loops(root)
        if len(sections.resources) > max_resources:
            message = f"the template has {len(sections.resources)} resources, more than {max_resources}"
            diagnostics.add(Code.LIMIT, message, root.key_span("Resources"), path=("Resources",))
        if loops and EXTENSIONS not in sections.transforms:
            hint = f"add 'Transform: {EXTENSIONS}' to the template"
            diagnostics.add(Code.UNKNOWN_FUNCTION, "Fn::ForEach is a language extension", root.span, hint=hint)
        return cls(text, file, root, diagnostics, sections, loops, max_resources)

    @property
    def description(self) -> str:
        """The text of the section Description."""
        return self.sections.description

    @property
    def metadata(self) -> MapNode | None:
        """The section Metadata."""
        return self.sections.metadata

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The declared parameters by name."""
        return self.sections.parameters

    @property
    def mappings(self) -> MapNode | None:
        """The section Mappings."""
        return self.sections.mappings

    @property
    def conditions(self) -> dict[str, Node]:
        """The conditions by name, as expressions."""
        return self.sections.conditions

    @property
    def resources(self) -> dict[str, ResourceNode]:
        """The resources by logical id; without those that loops make."""
        return self.sections.resources

    @property
    def outputs(self) -> dict[str, OutputNode]:
        """The outputs by name; without those that loops make."""
        return self.sections.outputs

    @property
    def transforms(self) -> tuple[str, ...]:
        """The names in the section Transform."""
        return self.sections.transforms

    def bind(self, values: Mapping[str, object]) -> tuple[dict[str, ParameterValue], Diagnostics]:
        """Give the parameters their values; see `bind_parameters`."""
        return bind_parameters(self.parameters, values, Span(self.file, 1, 1, 1, 1))

    def check(self, attributes: Attributes | None = None) -> Diagnostics:
        """The static check: every fault that shows before the parameters have values, those of reading included.

        `attributes` tells the attributes of a resource type, None for a type that can have any. Loops are expanded
        with the parameters' defaults; when a collection has none, names that a loop might make are let pass.
        """
        found = Diagnostics(self.diagnostics)
        if self.root is None:
            return found
        template = self.with_defaults()
        found.extend(template.diagnostics)
        found.extend(template.check_expressions(attributes, open_names=template.has_loops))
        check_absences(template.sections, found)
        return found

    def with_defaults(self) -> Template:
        """The template with its loops expanded by the parameters' defaults, for checks before there are values.

        Itself when it has no loops, and when a collection depends on a parameter without a default.
        """
        if not self.has_loops:
            return self
        if "expanded" not in self._checked:
            values: dict[str, object] = {}
            for name, parameter in self.parameters.items():
                default = parameter.default
                usable = default is not None and not list(parameter.problems(default))
                values[name] = value_of(parameter, default or "") if usable else Unknown([name])
            try:
                self._checked["expanded"] = self.expanded(values)
            except CollectionUnknownError:
                self._checked["expanded"] = self
        expanded: Template = self._checked["expanded"]
        return expanded

    def check_expressions(self, attributes: Attributes | None = None, *, open_names: bool = False) -> Diagnostics:
        """The part of the check that looks at expressions; done once for each `attributes`."""
        key = (attributes, open_names)
        if key not in self._checked:
            self._checked[key], _ = check_sections(
                self.sections,
                extensions=EXTENSIONS in self.transforms,
                attributes=attributes,
                open_names=open_names,
                used_elsewhere=self.names_in_loops,
            )
        found: Diagnostics = self._checked[key]
        return found

    def expanded(self, values: Mapping[str, object]) -> Template:
        """The template with its loops expanded; itself when it has none.

        `values` are the values of the parameters by name. Raises `CollectionUnknownError` when a collection needs one
        that is unknown.
        """
        if not self.has_loops or self.root is None:
            return self
        diagnostics = Diagnostics()
        secret = frozenset(name for name, one in self.parameters.items() if one.no_echo)
        pseudo = {name: Unknown([name]) for name in PSEUDO}
        scope = Scope(FUNCTIONS, {**pseudo, **values}, secret=secret, mappings=self.mappings)
        root = expand(self.root, scope, diagnostics)
        sections = read_sections(root, diagnostics)
        if len(sections.resources) > self.max_resources:
            message = f"the loops make {len(sections.resources)} resources, more than {self.max_resources}"
            diagnostics.add(Code.LIMIT, message, root.key_span("Resources"), path=("Resources",))
        return Template(
            text=self.text,
            file=self.file,
            root=root,
            diagnostics=diagnostics,
            sections=sections,
            max_resources=self.max_resources,
            names_in_loops=frozenset(one.logical_id for one in references(self.root)),
        )

    def instantiate(
        self,
        parameters: Mapping[str, object],
        *,
        stack_name: str,
        stack_id: str,
        region: str,
        account_id: str,
        zones: Sequence[str] = (),
        exports: Mapping[str, object] | None = None,
        notification_arns: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Instance:
        """The template with its parameters bound, its loops expanded and its conditions decided.

        Raises `TemplateError` with every fault that can be found without making anything.
        """
        from cfnlib.template.instance import make_instance  # noqa: PLC0415 - `instance` builds on this module

        pseudo: dict[str, object] = {
            "AWS::StackName": stack_name,
            "AWS::StackId": stack_id,
            "AWS::Region": region,
            "AWS::AccountId": account_id,
            "AWS::NotificationARNs": list(notification_arns),
        }
        return make_instance(self, parameters, pseudo, zones, exports, attributes)

    def _repr_html_(self) -> str:
        """The parameters and resources as a table, for notebooks."""
        rows = ["<table>", f"<caption>{escape(self.file)}: {escape(self.description)}</caption>"]
        rows.append("<tr><th>Parameter</th><th>Type</th><th>Default</th></tr>")
        for parameter in self.parameters.values():
            default = parameter.as_dict().get("default", "")
            cells = (parameter.name, parameter.type, str(default) if not parameter.no_echo else MASK)
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
        rows.append("<tr><th>Resource</th><th>Type</th><th>Line</th></tr>")
        for resource in self.resources.values():
            cells = (resource.logical_id, resource.type, str(resource.span.line))
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
        rows += [f"<tr><td colspan='3'>{escape(str(item))}</td></tr>" for item in self.diagnostics]
        return "\n".join([*rows, "</table>"])
