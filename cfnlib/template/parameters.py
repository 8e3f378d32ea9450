"""Parameters: what a template asks for, and what it is given.

A value travels as text, as in CloudFormation's API, and becomes a number or a list where its type says so. The value
of a parameter with NoEcho never stands in a message, a repr or a dict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfnlib.diagnostic import Code, Diagnostics
from cfnlib.source import scalar_text
from cfnlib.source.scalars import plain_value
from cfnlib.template.names import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.diagnostic import Span

MASK = "****"

_SINGLE = (
    r"AWS::EC2::[A-Za-z0-9]+::(?:Id|Name|KeyName|GroupName)"
    r"|AWS::Route53::HostedZone::Id"
    r"|CloudStack::[A-Za-z0-9]+::(?:Id|Name)"
)
_TYPE = re.compile(rf"(?:String|Number|CommaDelimitedList|List<Number>|{_SINGLE}|List<(?:{_SINGLE})>)\Z")
KNOWN_TYPES = (
    "String",
    "Number",
    "CommaDelimitedList",
    "List<Number>",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Subnet::Id",
    "List<AWS::EC2::Subnet::Id>",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::SecurityGroup::Id",
    "List<AWS::EC2::SecurityGroup::Id>",
    "AWS::EC2::AvailabilityZone::Name",
    "CloudStack::Zone::Name",
)
"""The types that a hint names. The names of AWS and CloudStack types are taken as texts: what they name is looked up
where it is used."""


def is_known_type(name: str) -> bool:
    """Whether a parameter can have the type."""
    return bool(_TYPE.match(name))


@frozen
class Parameter:
    """A parameter as it is declared. `default`, `allowed_values` are texts; None where nothing is declared."""

    name: str
    type: str
    span: Span
    default: str | None = field(default=None, repr=False)
    description: str = ""
    allowed_values: tuple[str, ...] | None = field(default=None, repr=False)
    allowed_pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    constraint_description: str | None = None
    no_echo: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the value is a list, given as a text with commas."""
        return self.type == "CommaDelimitedList" or self.type.startswith("List<")

    @property
    def is_number(self) -> bool:
        """Whether the value, or each item of it, is a number."""
        return self.type in {"Number", "List<Number>"}

    def as_dict(self) -> dict[str, object]:
        """The declaration in JSON's types, the default of a NoEcho parameter masked."""
        masked = MASK if self.no_echo and self.default is not None else self.default
        found = {
            "name": self.name,
            "type": self.type,
            "default": masked,
            "description": self.description,
            "no_echo": self.no_echo,
            "allowed_values": None if self.allowed_values is None or self.no_echo else list(self.allowed_values),
            "allowed_pattern": self.allowed_pattern,
            "min_length": self.min_length,
            "max_length": self.max_length,
            "min_value": self.min_value,
            "max_value": self.max_value,
            "constraint_description": self.constraint_description,
        }
        return {key: value for key, value in found.items() if value is not None}

    def problems(self, text: str) -> Iterator[str]:
        """What is wrong with a value, as ends of the sentence "the value ..."."""
        items = split_list(text) if self.is_list else [text]
        for item in items:
            shown = "" if self.no_echo else f" '{item}'" if len(item) <= 60 else f" '{item[:60]}...'"
            yield from (f"{problem}" for problem in self._problems_of(item, shown))

    def _problems_of(self, item: str, shown: str) -> Iterator[str]:
        if self.is_number:
            number = number_of(item)
            if number is None:
                yield f"{shown} is no number"
                return
            if self.min_value is not None and number < self.min_value:
                yield f"{shown} is less than {self.min_value:g}"
            if self.max_value is not None and number > self.max_value:
                yield f"{shown} is more than {self.max_value:g}"
        if self.min_length is not None and len(item) < self.min_length:
            yield f"{shown} is shorter than {self.min_length} characters"
        if self.max_length is not None and len(item) > self.max_length:
            yield f"{shown} is longer than {self.max_length} characters"
        if self.allowed_values is not None and item not in self.allowed_values:
            choices = "the allowed values" if self.no_echo else ", ".join(self.allowed_values[:12])
            yield f"{shown} is not one of {choices}"
        if self.allowed_pattern is not None and not re.fullmatch(self.allowed_pattern, item):
            yield f"{shown} does not match {self.allowed_pattern}"


@frozen
class ParameterValue:
    """What a parameter is given. `text` is as given, `value` what Ref yields: a text, a number or a list of them."""

    name: str
    text: str
    value: Any
    no_echo: bool = False
    is_default: bool = False

    @property
    def shown(self) -> str:
        """The text to show: masked for NoEcho."""
        return MASK if self.no_echo else self.text

    def __repr__(self) -> str:
        return f"ParameterValue({self.name!r}, {self.shown!r})"

    def as_dict(self) -> dict[str, object]:
        """The value in JSON's types, masked for NoEcho."""
        return {"name": self.name, "value": self.shown, "is_default": self.is_default}


def split_list(text: str) -> list[str]:
    """The items of a text with commas, without blanks around them; no items in an empty text."""
    return [item.strip() for item in text.split(",")] if text.strip() else []


def number_of(text: str) -> float | None:
    """The number that a text says, None for none."""
    try:
        number = float(text)
    except ValueError:
        return None
    usable = number - number == 0 and "_" not in text
    return number if usable else None


def text_of(value: object) -> str | None:
    """A value given from Python as the text that it is; None when it can be none."""
    if isinstance(value, (str, bool, int, float)):
        return scalar_text(value)
    if isinstance(value, (list, tuple)):
        texts = [text_of(item) for item in value]
        return None if None in texts else ",".join(text for text in texts if text is not None)
    return None


def value_of(parameter: Parameter, text: str) -> Any:  # noqa: ANN401 - the type says what it is
    """What Ref yields for a text that has no problems."""
    if parameter.is_list:
        items = split_list(text)
        return [_number(item) for item in items] if parameter.is_number else items
    return _number(text) if parameter.is_number else text


def _number(text: str) -> object:
    """The number, as long as it prints as the text does."""
    value = plain_value(text) if text else text
    return value if isinstance(value, (int, float)) and str(value) == text else text


def bind_parameters(
    declared: Mapping[str, Parameter], given: Mapping[str, object], span: Span | None = None
) -> tuple[dict[str, ParameterValue], Diagnostics]:
    """Give the parameters their values; defaults for those that are not given.

    The diagnostics tell missing, unknown and wrong values, at the parameters' declarations; `span` is the place for
    names that are not declared.
    """
    diagnostics = Diagnostics()
    bound: dict[str, ParameterValue] = {}
    for name in given:
        if name not in declared:
            hint = nearest(name, declared, otherwise="the template has no parameters" if not declared else None)
            diagnostics.add(Code.PARAMETER_UNKNOWN, f"there is no parameter '{name}'", span, hint=hint)
    for name, parameter in declared.items():
        path = ("Parameters", name)
        text = text_of(given[name]) if name in given else parameter.default
        if text is None:
            wrong_kind = name in given
            diagnostics.add(
                Code.PARAMETER_VALUE if wrong_kind else Code.PARAMETER_MISSING,
                f"the parameter '{name}' {'is no text, number or list of them' if wrong_kind else 'has no value'}",
                parameter.span,
                path=path,
                hint=None if wrong_kind else f"pass {name}=..., or give the parameter a Default",
            )
            continue
        problems = list(parameter.problems(text)) if name in given else []
        for problem in problems:
            message = f"the value{problem} (parameter '{name}')"
            diagnostics.add(
                Code.PARAMETER_VALUE, message, parameter.span, path=path, hint=parameter.constraint_description
            )
        if not problems:
            value = value_of(parameter, text)
            bound[name] = ParameterValue(name, text, value, parameter.no_echo, name not in given)
    return bound, diagnostics
