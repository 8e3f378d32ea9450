"""The deterministic names under which a stack's things can be found again on the cloud.

A name is made of the stack's name, the logical id and a token from the stack's id, so that neither another stack nor
a former one of the same name can meet it. Members of a group are called `stack-group-n`, without the token, because
the machines themselves must be able to work out the names of their peers.

Source: CloudStack 4.19, deployVirtualMachine: a machine's name has letters, digits and hyphens, at most 63, begins
with a letter, and is unique in its network domain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import TypeAlias
from urllib.parse import quote

SignalUrl: TypeAlias = Callable[[str, str], str]
"""Gives the URL of a wait condition handle from the stack's id and the handle's logical id."""

MAX_LENGTH = 63


def thing_name(stack_name: str, stack_id: str, logical_id: str, generation: int = 0) -> str:
    """The name of a thing of a stack; each generation of it has another."""
    token = _token(f"{stack_id}/{logical_id}/{generation}")
    return f"{_plain(f'{stack_name}-{logical_id}')[: MAX_LENGTH - 1 - len(token)].rstrip('-')}-{token}"


def member_name(stack_name: str, group: str, number: int) -> str:
    """The stable name of the n-th member (from 1) of a group: the same in every generation."""
    base, end = _plain(f"{stack_name}-{group}"), f"-{number}"
    if len(base) + len(end) > MAX_LENGTH:
        token = "-" + _token(base)
        base = base[: MAX_LENGTH - len(end) - len(token)].rstrip("-") + token
    return base + end


def account_number(domain_id: str, account: str, project_id: str | None = None) -> str:
    """Twelve digits that stand for an account of CloudStack (or a project) where AWS's forms ask for a number."""
    whose = f"project {project_id}" if project_id else f"{domain_id}/{account}"
    return f"{int(sha256(whose.encode()).hexdigest(), 16) % 10**12:012d}"


def arn(region: str, number: str, kind: str, name: str, unique: str) -> str:
    """The id of a stack or a change set (`kind`: stack, changeSet) in AWS's form.

    Source: AWS CloudFormation API reference, DescribeStacks, StackId.
    """
    return f"arn:aws:cloudformation:{region}:{number}:{kind}/{name}/{unique}"


def signal_url_below(base: str | None) -> SignalUrl:
    """URLs below a base; without one (None) they only name the handle, for `Stacks.signal`."""
    return lambda stack_id, logical_id: f"{base or 'cfnlib:'}/signal/{quote(stack_id, safe='')}/{logical_id}"


def _plain(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return plain if plain[:1].isalpha() else f"x-{plain}"


def _token(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]
