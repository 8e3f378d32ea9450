"""The OpenAPI document of the clusters' REST face. Its schemas are those of the declared classes.

It is of OpenAPI 3.0, which all tools read. Source: OpenAPI Specification 3.0.3.
"""

from __future__ import annotations

from typing import Any

from cfnlib.clusters.config import SCHEMA, ClusterConfig
from cfnlib.clusters.declared import schema_of
from cfnlib.clusters.shown import Machine, Shown
from cfnlib.server.json_body import MAX_BYTES
from cfnlib.server.problems import MEDIA_TYPE

KEY_PATTERN = '^("[A-Za-z0-9][A-Za-z0-9-]{0,127}"|[A-Za-z0-9][A-Za-z0-9-]{0,127})$'
"""An Idempotency-Key: as CloudFormation's ClientRequestToken, which it becomes, with or without quotes."""

_ETAG = {"description": "The cluster's revision.", "schema": {"type": "string"}}
_LOCATION = {"description": "Where the cluster is.", "schema": {"type": "string"}}
_RETRY = {"description": "Seconds after which to try again.", "schema": {"type": "string"}}
_WRONGS = {
    "400": "The body is no JSON, or a header is wrong.",
    "401": "The request has no signature.",
    "403": "The signature or the keys are refused.",
    "404": "There is no such cluster.",
    "409": "The cluster's state does not allow it, or its name is taken.",
    "412": "The cluster is of another revision than If-Match names.",
    "413": f"The body has more than {MAX_BYTES} bytes.",
    "415": "The body is not declared as application/json.",
    "422": "The configuration or the template has faults; `errors` has their places.",
    "503": "The cloud or the store cannot be used just now.",
}


def document(version: str, prefix: str = "/clusters") -> dict[str, Any]:
    """The document; `version` is cfnlib's, `prefix` where the clusters are below the service's root."""
    one = {"$ref": "#/components/schemas/Cluster"}
    many = {
        "type": "object",
        "properties": {"clusters": {"type": "array", "items": one}},
        "required": ["clusters"],
        "additionalProperties": False,
    }
    example = ClusterConfig("demo", masters=3, agents=5, image="Debian 12", tags={"team": "data"}).as_dict()
    content = {"schema": {"$ref": "#/components/schemas/ClusterConfig"}, "example": example}
    body = {"required": True, "content": {"application/json": content}}
    match = _header("If-Match", "The revision that is meant, as an earlier answer's ETag gave it.", type="string")
    key = _header(
        "Idempotency-Key",
        "A key of the client's: a launch that is repeated under it gives the same cluster again.",
        type="string",
        pattern=KEY_PATTERN,
    )
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Clusters",
            "version": version,
            "description": "Clusters of machines on Apache CloudStack. A cluster is a stack of the CloudFormation "
            "service beside it, made from a cluster's template; nothing about it is kept elsewhere.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"signature": []}],
        "paths": {
            prefix: {
                "get": _operation("listClusters", "All clusters of the account, oldest first.", {"200": many}),
                "post": {
                    **_operation(
                        "launchCluster",
                        "Launch a cluster; 200 is for one that is there already under the same Idempotency-Key.",
                        {"200": one, "202": one},
                        ("400", "409", "413", "415", "422"),
                        links=True,
                        location=True,
                    ),
                    "parameters": [key],
                    "requestBody": body,
                },
            },
            f"{prefix}/{{cluster}}": {
                "parameters": [
                    {
                        "name": "cluster",
                        "in": "path",
                        "required": True,
                        "description": "The cluster's id, or its name.",
                        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9-]+$"},
                    }
                ],
                "get": _operation("showCluster", "A cluster with its machines.", {"200": one}, ("404",), links=True),
                "put": {
                    **_operation(
                        "changeCluster",
                        "Make the cluster what a whole configuration says, by adding or removing nodes for example. "
                        "200: it is that already; 202: the change has begun.",
                        {"200": one, "202": one},
                        ("400", "404", "409", "412", "413", "415", "422"),
                        links=True,
                    ),
                    "parameters": [match],
                    "requestBody": body,
                },
                "delete": {
                    **_operation(
                        "destroyCluster",
                        "Remove the cluster and all that it made. It answers until it is gone.",
                        {"202": one},
                        ("404", "409", "412"),
                    ),
                    "parameters": [match],
                },
            },
            f"{prefix}/openapi.json": {
                "get": {
                    **_operation("describeApi", "This document.", {"200": {"type": "object"}}),
                    "security": [],
                },
            },
        },
        "components": {
            "schemas": {"ClusterConfig": SCHEMA, "Cluster": _cluster(), "Machine": schema_of(Machine), **_problem()},
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS's Signature Version 4 with an API key and secret of CloudStack.",
                }
            },
        },
    }


def _cluster() -> dict[str, Any]:
    schema = schema_of(Shown)
    told = {name: schema["properties"][name]["description"] for name in ("config", "machines")}
    config = {"allOf": [{"$ref": "#/components/schemas/ClusterConfig"}], "description": told["config"]}
    machines = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Machine"},
        "description": told["machines"],
    }
    return {**schema, "properties": {**schema["properties"], "config": config, "machines": machines}}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    place = {
        "type": "object",
        "properties": {"pointer": {**text, "description": "A JSON pointer into the body."}, "detail": text},
        "required": ["pointer", "detail"],
    }
    properties = {
        "type": text,
        "title": text,
        "status": {"type": "integer"},
        "code": {**text, "description": "What programs tell problems apart by."},
        "detail": text,
        "errors": {"type": "array", "items": place},
    }
    return {"Problem": {"type": "object", "properties": properties, "required": ["type", "title", "status", "code"]}}


def _operation(
    name: str,
    text: str,
    good: dict[str, Any],
    wrong: tuple[str, ...] = (),
    *,
    links: bool = False,
    location: bool = False,
) -> dict[str, Any]:
    """An operation; `links`: its answer has the id of a cluster, with which others can be called."""
    answers: dict[str, Any] = {}
    for status, schema in good.items():
        answers[status] = {"description": text, "content": _json(schema)}
        if schema.get("$ref"):
            answers[status]["headers"] = {"ETag": _ETAG, **({"Location": _LOCATION} if location else {})}
        if links:
            target = {"parameters": {"cluster": "$response.body#/id"}}
            answers[status]["links"] = {
                other: {"operationId": other, **target}
                for other in ("showCluster", "changeCluster", "destroyCluster")
            }
            answers[status]["links"]["changeCluster"] = {
                "operationId": "changeCluster",
                **target,
                "requestBody": "$response.body#/config",
                "description": "The configuration, to be sent back with what shall be different.",
            }
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in (*wrong, "401", "403", "503"):
        answers[status] = {"description": _WRONGS[status], "content": problem}
    for status in {"409", "503"} & set(answers):
        answers[status]["headers"] = {"Retry-After": _RETRY}
    answers["default"] = {"description": "Something else is wrong.", "content": problem}
    return {"operationId": name, "summary": text, "responses": answers}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _header(name: str, text: str, **schema: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": schema}
