"""Why an operation of CloudFormation is not offered here, and what to do instead.

Found by the first word of the table that is in the operation's name.
"""

from __future__ import annotations

_REASONS = {
    "Drift": "nothing compares a stack with what is on the cloud; an update sets right what it touches",
    "StackSet": "there are no stack sets; make a stack with each account's keys",
    "StackInstance": "there are no stack sets; make a stack with each account's keys",
    "Organizations": "there are no organizations; CloudStack's domains hold accounts together",
    "GeneratedTemplate": "no template is made from what is there already",
    "ResourceScan": "what no stack has made is not looked for; CloudStack's own list commands tell of it",
    "Refactor": "resources stay in the stack that made them",
    "Hook": "there are no hooks; an update can be looked at before, as a change set",
    "Alias": "there are no aliases of types",
    "Publisher": "types come with cfnlib; ListTypes and DescribeType tell of them",
    "HandlerProgress": "types come with cfnlib; ListTypes and DescribeType tell of them",
    "Type": "types come with cfnlib; ListTypes and DescribeType tell of them",
    "Export": "exports are not listed; DescribeStacks shows each stack's outputs with their export names",
    "Import": "exports are not listed; DescribeStacks shows each stack's outputs with their export names",
    "RollbackStack": "update the stack to what it was, or delete it; ContinueUpdateRollback goes on with a roll-back",
    "DescribeEvents": "DescribeStackEvents tells the events",
}


def reason_of(operation: str) -> str:
    """Why there is no such operation, in a sentence without its full stop."""
    return next((reason for word, reason in _REASONS.items() if word in operation), "CloudStack has nothing like it")
