"""The ways in which the soak calls the service: boto3, CloudStack's API by `cs`, REST, and the URLs of wait handles.

Each call gives its result, or raises `CallError`, whatever its client has of errors.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import requests
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from cs import CloudStack, CloudStackException
from soak_judge import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_S = 12.0
"""How long a client waits for an answer."""


class Person(NamedTuple):
    """Somebody with keys; `sees_all`: an administrator."""

    account: str
    key: str
    secret: str
    sees_all: bool = False


class CallError(Exception):
    """A call that had no good answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


class Doors:
    """All doors of one process of the service, for one person in one thread."""

    def __init__(self, url: str, person: Person) -> None:
        self._url = url
        self._person = person
        options = BotoConfig(
            retries={"total_max_attempts": 1}, read_timeout=ANSWER_S, connect_timeout=ANSWER_S, max_pool_connections=2
        )
        keys = {"aws_access_key_id": person.key, "aws_secret_access_key": person.secret, "region_name": "us-east-1"}
        self.cfn = boto3.client("cloudformation", endpoint_url=url, config=options, **keys)
        self._sts = boto3.client("sts", endpoint_url=url, config=options, **keys)
        self._cs = CloudStack(
            endpoint=f"{url}/client/api", key=person.key, secret=person.secret, timeout=ANSWER_S, trace=False
        )
        self._pool = urllib3.PoolManager(maxsize=2, retries=False, timeout=ANSWER_S)

    def is_at(self, url: str) -> bool:
        """Whether a URL is one of this process's."""
        return url.startswith(f"{self._url}/")

    def query(self, operation: str, **params: Any) -> Any:
        """An operation of CloudFormation, by its name in boto3."""
        return _of_boto(getattr(self.cfn, operation), params)

    def pages(self, operation: str, **params: Any) -> list[Any]:
        """All pages of a list."""
        return _of_boto(lambda **given: list(self.cfn.get_paginator(operation).paginate(**given)), params)

    def identity(self) -> Any:
        """STS's GetCallerIdentity."""
        return _of_boto(self._sts.get_caller_identity, {})

    def cloudstack(self, command: str, **params: Any) -> Any:
        """A command of CloudStack's API."""
        try:
            return getattr(self._cs, command)(fetch_result=False, **params)
        except CloudStackException as error:
            status = getattr(error.response, "status_code", 0)
            said = getattr(error, "error", None)  # which it has when the answer was CloudStack's
            said = said if isinstance(said, dict) else {}
            text = str(said.get("errortext") or error.args[0] if error.args else error)[:300]
            raise CallError(Trouble(status, str(said.get("errorcode", "?")), text)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise CallError(_cut(error)) from error

    def rest(self, method: str, path: str, body: dict | None = None, **headers: str) -> Any:
        """A request to the clusters."""
        data = None if body is None else json.dumps(body)
        given = {} if body is None else {"Content-Type": "application/json"}
        request = AWSRequest(method, self._url + path, {**given, **headers}, data)
        SigV4Auth(Credentials(self._person.key, self._person.secret), "clusters", "us-east-1").add_auth(request)
        try:
            answer = self._pool.request(method, request.url, body=data, headers=dict(request.headers))
        except urllib3.exceptions.HTTPError as error:
            raise CallError(_cut(error)) from error
        found = json.loads(answer.data) if answer.data else {}
        if answer.status >= 400:
            raise CallError(Trouble(answer.status, found.get("code", "?"), found.get("detail", "")[:300]))
        return found

    def report(self, url: str, **said: str) -> None:
        """What a machine says to a wait handle."""
        try:
            answer = self._pool.request("PUT", url, body=json.dumps(said), headers={"Content-Type": ""})
        except urllib3.exceptions.HTTPError as error:
            raise CallError(_cut(error)) from error
        if answer.status >= 400:
            code, _, text = answer.data.decode(errors="replace").strip().partition(": ")
            raise CallError(Trouble(answer.status, code, text))


def _of_boto(call: Callable[..., Any], params: dict[str, Any]) -> Any:
    try:
        return call(**params)
    except ClientError as error:
        said = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise CallError(Trouble(status, said["Code"], said["Message"][:300])) from error
    except (BotoCoreError, urllib3.exceptions.HTTPError) as error:
        raise CallError(_cut(error)) from error


def _cut(error: Exception) -> Trouble:
    return Trouble(0, type(error).__name__, str(error)[:160])
