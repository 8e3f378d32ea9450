"""What a user asks for, as the state of a stack that wants it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.errors import StackError
from cfnlib.state.model import ChangeSet, Event, Stack, StackStatus
from cfnlib.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Source: TypeAlias = str | Path | Template


def as_template(source: Source) -> Template:
    """The template of a path, or of a text (which has more than one line, or begins as JSON does)."""
    if isinstance(source, Template):
        return source
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return Template.from_text(source)
    return Template.from_file(Path(source))


def new_state(name: str, source: Source, parameters: Mapping[str, Any], now: float) -> Stack:
    """A stack that is about to be made. Raises `StackError` for a name that CloudFormation would not take."""
    if not (name[:1].isalpha() and name.isascii() and name.replace("-", "").isalnum() and len(name) <= 128):
        raise StackError(
            f"{name!r} is no stack name: it begins with a letter, has letters, digits and hyphens, "
            "and is at most 128 long"
        )
    template = as_template(source)
    return Stack(
        stack_id=str(uuid.uuid4()),
        name=name,
        status=StackStatus.CREATE_IN_PROGRESS,
        template=template.text,
        template_file=template.file,
        parameters=dict(parameters),
        created_at=now,
    )


def changed_state(present: Stack, source: Source | None, parameters: Mapping[str, Any] | None) -> Stack:
    """A stack that is about to be updated: parameters that are not given keep their present values."""
    wanted = present
    if source is not None:
        template = as_template(source)
        kept = {key: value for key, value in present.parameters.items() if key in template.parameters}
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
    )


def change_set_of(name: str, wanted: Stack, summary: list[dict[str, Any]], now: float) -> ChangeSet:
    """What is stored of a plan: its summary, and all that is needed to make it again."""
    return ChangeSet(
        change_set_id=str(uuid.uuid4()),
        name=name,
        stack_id=wanted.stack_id,
        stack_revision=wanted.revision,
        template=wanted.template,
        template_file=wanted.template_file,
        parameters=wanted.parameters,
        summary=summary,
        created_at=now,
    )


def status_event(stack: Stack, now: float) -> Event:
    """The event that tells of a stack's status."""
    kind = "AWS::CloudFormation::Stack"
    return Event(stack.stack_id, stack.name, stack.name, stack.stack_id, kind, stack.status.value, stack.reason, now)


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise `StackError` when a value is none of the allowed ones."""
    if value not in allowed:
        raise StackError(f"{name} is one of {', '.join(allowed)}, not {value!r}")
