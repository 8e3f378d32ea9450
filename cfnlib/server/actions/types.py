"""The resource types that there are here, with their schemas."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from cfnlib.plan.name import arn
from cfnlib.resources import all_types
from cfnlib.schema.export import json_schema
from cfnlib.server.faults import SaidError
from cfnlib.server.paging import PAGE, after_of, token_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.schema.model import ResourceType
    from cfnlib.server.context import Action, Context, Params, Result

_VERSION = "00000001"


def list_types(context: Context, params: Params) -> Result:
    """ListTypes: all of them are public and cannot be registered; a filter for private ones finds none."""
    filters = params.get("Filters", {})
    prefix = filters.get("TypeNamePrefix", "")
    none = (
        params.get("Visibility") == "PRIVATE"
        or params.get("Type", "RESOURCE") != "RESOURCE"
        or params.get("DeprecatedStatus") == "DEPRECATED"
        or filters.get("Category", "AWS_TYPES") != "AWS_TYPES"
    )
    names = [] if none else [name for name in sorted(_types()) if name.startswith(prefix)]
    listing = ["ListTypes", params.get("Visibility"), params.get("Type"), prefix]
    after = after_of(context, listing, params.get("NextToken"))
    found = [name for name in names if after is None or name > after]
    page = found[: params.get("MaxResults", PAGE)]
    return {
        "TypeSummaries": [
            {
                "Type": "RESOURCE",
                "TypeName": name,
                "DefaultVersionId": _VERSION,
                "TypeArn": _arn(context, name),
                "Description": _types()[name].doc,
                "IsActivated": True,
            }
            for name in page
        ],
        "NextToken": token_of(context, listing, page[-1]) if len(found) > len(page) else None,
    }


def describe_type(context: Context, params: Params) -> Result:
    """DescribeType: the schema says what a template may say of the type."""
    name = params.get("TypeName") or _name_in(params.get("Arn", ""))
    if not name:
        raise SaidError("Either TypeName with Type, or Arn must be specified")
    kind = _types().get(name) if params.get("Type", "RESOURCE") == "RESOURCE" else None
    if kind is None:
        raise SaidError(f"The type '{name}' cannot be found.", "TypeNotFoundException", 404)
    return {
        "Arn": _arn(context, name),
        "Type": "RESOURCE",
        "TypeName": name,
        "DefaultVersionId": _VERSION,
        "IsDefaultVersion": True,
        "Description": kind.doc,
        "Schema": _schema(name),
        "ProvisioningType": "FULLY_MUTABLE",
        "DeprecatedStatus": "LIVE",
        "Visibility": "PUBLIC",
        "IsActivated": True,
    }


ACTIONS: Mapping[str, Action] = {"ListTypes": list_types, "DescribeType": describe_type}


@cache
def _types() -> dict[str, ResourceType]:
    return {kind.name: kind for kind in all_types()}


@cache
def _schema(name: str) -> str:
    found: dict[str, Any] = json_schema(_types()[name])
    return json.dumps(found)


def _arn(context: Context, name: str) -> str:
    # Source: AWS's own types have ARNs as arn:aws:cloudformation:us-east-1::type/resource/AWS-S3-Bucket.
    return arn(context.service.config.region, "", "type", "resource", name.replace("::", "-"))


def _name_in(type_arn: str) -> str:
    dashed = type_arn.rpartition(":type/resource/")[2]
    return next((name for name in _types() if name.replace("::", "-") == dashed), dashed)
