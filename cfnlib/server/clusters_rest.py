"""Clusters over REST: `POST /clusters`, and `GET`, `PUT`, `DELETE /clusters/ID`, as functions of a request.

Who calls is known before: the context has the stacks of the caller's account, and what carries on an operation that
is begun. Nothing is kept here; a cluster is its stack.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen
from werkzeug import Request, Response

import cfnlib
from cfnlib.clusters import ClusterConfig, ClusterConfigError, Clusters, ClusterState, Fault
from cfnlib.clusters.blueprint import wanted_blueprint
from cfnlib.diagnostic import Severity
from cfnlib.errors import CfnlibError, StalePlanError, TemplateError
from cfnlib.server.clusters_openapi import KEY_PATTERN, document
from cfnlib.server.json_body import read_json
from cfnlib.server.problems import Problem, problem_of, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cfnlib.clusters import Cluster
    from cfnlib.clusters.blueprint import Blueprint
    from cfnlib.operations import Begun
    from cfnlib.stacks import Stacks

    Answer: TypeAlias = Callable[[Request, "ClustersContext", str], Response]

_log = logging.getLogger("cfnlib.server.clusters")

PREFIX = "/clusters"
OPENAPI_PATH = f"{PREFIX}/openapi.json"
"""Where the OpenAPI document is; it tells nothing that is not public, so it may be given without a signature."""

_PLACE = re.compile(rf"{PREFIX}/([^/]+)")


@frozen
class ClustersContext:
    """What a request works with: the stacks of the caller's account, and what carries on what is begun.

    `before_launch` is called before a cluster is launched, and may raise a `CfnlibError`, such as `LimitError`.
    """

    stacks: Stacks
    submit: Callable[[Begun], object]
    before_launch: Callable[[], object] = lambda: None

    @property
    def clusters(self) -> Clusters:
        """The clusters of the account."""
        return Clusters(self.stacks, submit=self.submit)


def respond(request: Request, context: ClustersContext) -> Response:
    """Answer a request to `/clusters` or below it. What goes wrong is answered with a problem document."""
    try:
        answer, name = _route(request)
        return answer(request, context, name)
    except CfnlibError as error:
        problem = problem_of(error)
        if problem.status >= 500:
            _log.warning("%s %s: %s", request.method, request.path, error)
        return problem.response()
    except Exception:  # noqa: BLE001 - the client is told that there is a problem, the log which one
        _log.exception("%s %s met something that nobody foresaw", request.method, request.path)
        return Problem(500, "internal", "The service met something that nobody foresaw.").response()


def openapi_response() -> Response:
    """The OpenAPI document."""
    return _json(200, document(cfnlib.__version__, PREFIX))


def _route(request: Request) -> tuple[Answer, str]:
    path = request.path
    place = _PLACE.fullmatch(path)
    if path == PREFIX:
        answers = _OF_ALL
    elif path == OPENAPI_PATH:
        answers = _OF_THE_DOCUMENT
    elif place is not None:
        answers = _OF_ONE
    else:
        raise refused(404, "not-found", f"There is nothing at {path}.")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in answers:
        allowed = ", ".join([*answers, *(["HEAD"] if "GET" in answers else [])])
        raise refused(405, "method-not-allowed", f"Here are only {allowed}.", headers={"Allow": allowed})
    return answers[method], place[1] if place else ""


def _list(_: Request, context: ClustersContext, __: str) -> Response:
    return _json(200, {"clusters": [cluster.summary() for cluster in context.clusters.list()]})


def _launch(request: Request, context: ClustersContext, _: str) -> Response:
    token = _key(request)
    config = _config(request)
    clusters = context.clusters
    try:
        cluster = None if token is None else clusters.launched(config, token=token)
        if cluster is None:
            context.before_launch()
            cluster = clusters.begin_launch(config, token=token)
    except TemplateError as error:
        raise _placed(error, config, wanted_blueprint(config)) from error
    return _shown(cluster, location=True)


def _show(_: Request, context: ClustersContext, name: str) -> Response:
    return _shown(_find(context, name), status=200)


def _change(request: Request, context: ClustersContext, name: str) -> Response:
    config = _config(request)
    cluster = _find(context, name)
    revision = _revision(request, cluster)
    try:
        cluster.begin_reconfigure(config, revision=revision)
    except StalePlanError as error:
        if revision is None:  # nobody named a revision, so it is no precondition that fails
            raise refused(409, "changed-meanwhile", str(error)) from error
        raise
    except TemplateError as error:
        raise _placed(error, config, cluster.blueprint) from error
    return _shown(cluster)


def _destroy(request: Request, context: ClustersContext, name: str) -> Response:
    cluster = _find(context, name)
    return _shown(cluster.begin_destroy(revision=_revision(request, cluster)), status=202)


def _describe(_: Request, __: ClustersContext, ___: str) -> Response:
    return openapi_response()


_OF_ALL: Mapping[str, Answer] = {"GET": _list, "POST": _launch}
_OF_ONE: Mapping[str, Answer] = {"GET": _show, "PUT": _change, "DELETE": _destroy}
_OF_THE_DOCUMENT: Mapping[str, Answer] = {"GET": _describe}


# What is asked


def _config(request: Request) -> ClusterConfig:
    return ClusterConfig.from_dict(read_json(request))


def _find(context: ClustersContext, name: str) -> Cluster:
    found = context.clusters[name]
    if found.state is ClusterState.DESTROYED:
        raise refused(404, "destroyed", f"The cluster {name} is destroyed.")
    return found


def _key(request: Request) -> str | None:
    """The token of an Idempotency-Key. Source: draft-ietf-httpapi-idempotency-key-header, section 2."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    if not re.fullmatch(KEY_PATTERN.removeprefix("^").removesuffix("$"), given):
        raise refused(400, "invalid-header", "An Idempotency-Key has up to 128 letters, digits and hyphens.")
    return given.strip('"')


def _revision(request: Request, cluster: Cluster) -> int | None:
    """The revision that If-Match means; None when it says nothing, or any. Raises `ProblemError`."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    if not request.if_match.contains(str(cluster.revision)):
        raise refused(412, "changed-meanwhile", f"The cluster is of revision {cluster.revision}; look at it again.")
    return cluster.revision


# What is answered


def _shown(cluster: Cluster, *, status: int | None = None, location: bool = False) -> Response:
    under_way = cluster.state in {ClusterState.LAUNCHING, ClusterState.CHANGING, ClusterState.DESTROYING}
    response = _json(status or (202 if under_way else 200), cluster.as_dict())
    response.set_etag(str(cluster.revision))
    if location:
        response.headers["Location"] = f"{PREFIX}/{cluster.cluster_id}"
    return response


def _json(status: int, value: object) -> Response:
    text = json.dumps(value)
    return Response(text, status, headers={"Cache-Control": "no-store"}, content_type="application/json")


def _placed(error: TemplateError, config: ClusterConfig, blueprint: Blueprint) -> CfnlibError:
    """What a template says against a configuration, at the places of the configuration where that is known."""
    faults = []
    for item in error.diagnostics:
        if item.severity is not Severity.ERROR:
            continue
        place: tuple[Any, ...] = ()
        if item.path[:1] == ("Parameters",) and len(item.path) == 2:
            place = blueprint.place(str(item.path[1]))
        elif config.template is not None:
            place = ("template",)
        line = f" (line {item.span.line} of the template)" if item.span is not None else ""
        faults.append(Fault(place, item.message + line))
    return ClusterConfigError(faults) if faults else error
