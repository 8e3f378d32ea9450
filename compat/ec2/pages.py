"""EC2's paging: MaxResults and NextToken.

A token says after which id the next page begins, so things that come or go between two pages neither repeat nor hide
others.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from compat.ec2.faults import Ec2Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def paged(
    items: Sequence[Mapping[str, Any]], params: Mapping[str, Any], key: Callable[[Mapping[str, Any]], str]
) -> tuple[list[Mapping[str, Any]], str | None]:
    """The page that is asked for, and the token of the next one, None when it is the last.

    `key` is an item's place in the order, a text; the items need not come sorted. Raises `Ec2Error` for a token that
    is none, and for a page without room.
    """
    limit, token = params.get("MaxResults"), params.get("NextToken")
    if limit is not None and limit < 1:
        raise Ec2Error("InvalidParameterValue", f"MaxResults is {limit}: a page has at least one thing")
    if limit is None and not token:
        return list(items), None
    ordered = sorted(items, key=key)
    if token:
        after = _read(token)
        ordered = [item for item in ordered if key(item) > after]
    if limit is None or len(ordered) <= limit:
        return ordered, None
    page = ordered[:limit]
    return page, urlsafe_b64encode(key(page[-1]).encode()).decode()


def _read(token: str) -> str:
    try:
        return b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise Ec2Error("InvalidNextToken", f"The token '{token[:40]}' is invalid") from None
