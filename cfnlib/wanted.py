"""What a user asks for, as the state of a stack that wants it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.errors import StackError
from cfnlib.plan.name import arn
from cfnlib.state.model import ChangeSet, Stack, StackStatus
from cfnlib.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from cfnlib.plan.change import Plan

    Source: TypeAlias = str | Path | Template


def as_template(source: Source) -> Template:
    """The template of a path, or of a text (which has more than one line, or begins as JSON does)."""
    if isinstance(source, Template):
        return source
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return Template.from_text(source)
    return Template.from_file(Path(source))


def new_state(
    name: str, source: Source, parameters: Mapping[str, Any], now: float, place: tuple[str, str] = ("", "")
) -> Stack:
    """A stack that is about to be made; `place` is the region and the account's number, for its id.

    Raises `StackError` for a name that CloudFormation would not take.
    """
    if not (name[:1].isalpha() and name.isascii() and name.replace("-", "").isalnum() and len(name) <= 128):
        raise StackError(
            f"{name!r} is no stack name: it begins with a letter, has letters, digits and hyphens, "
            "and is at most 128 long"
        )
    template = as_template(source)
    return Stack(
        stack_id=arn(*place, "stack", name, str(uuid.uuid4())),
        name=name,
        status=StackStatus.CREATE_IN_PROGRESS,
        template=template.text,
        template_file=template.file,
        parameters=dict(parameters),
        created_at=now,
    )


def changed_state(
    present: Stack,
    source: Source | None,
    parameters: Mapping[str, Any] | None,
    terms: Mapping[str, Any] | None = None,
    *,
    exactly: bool = False,
) -> Stack:
    """A stack that is about to be updated: what is not given stays as it is.

    `terms` are fields of `Terms`. `exactly`: parameters that are not given have their defaults again.
    """
    wanted = present if not terms else evolve(present, terms=evolve(present.terms, **terms))
    if exactly:
        wanted = evolve(wanted, parameters={})
    if source is not None:
        template = as_template(source)
        kept = {key: value for key, value in wanted.parameters.items() if key in template.parameters}
        wanted = evolve(wanted, template=template.text, template_file=template.file, parameters=kept)
    if parameters:
        wanted = evolve(wanted, parameters={**wanted.parameters, **parameters})
    return with_previous(wanted, present)


def with_previous(wanted: Stack, present: Stack) -> Stack:
    """Note what to go back to; an update that failed and is repaired goes back to what was before that update."""
    kept = present.previous_template is not None
    return evolve(
        wanted,
        previous_template=present.previous_template if kept else present.template,
        previous_parameters=present.previous_parameters if kept else present.parameters,
        previous_terms=present.previous_terms if kept else present.terms,
    )


def change_set_of(
    name: str, wanted: Stack, plan: Plan, now: float, *, kind: str = "UPDATE", description: str = ""
) -> ChangeSet:
    """What is stored of a plan: its summary, and all that is needed to make it again."""
    region, number = wanted.stack_id.split(":")[3:5] if wanted.stack_id.count(":") >= 5 else ("", "")
    return ChangeSet(
        change_set_id=arn(region, number, "changeSet", name, str(uuid.uuid4())),
        name=name,
        stack_id=wanted.stack_id,
        stack_revision=wanted.revision,
        template=wanted.template,
        template_file=wanted.template_file,
        parameters=wanted.parameters,
        summary=[action.as_dict() for action in plan.changes],
        created_at=now,
        kind=kind,
        description=description,
        on_failure=wanted.on_failure,
        terms=wanted.terms,
        shown_parameters=wanted.shown_parameters,
    )


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise `StackError` when a value is none of the allowed ones."""
    if value not in allowed:
        raise StackError(f"{name} is one of {', '.join(allowed)}, not {value!r}")
