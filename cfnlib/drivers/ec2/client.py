"""Requests to an EC2 API: written, signed and read by botocore, with errors of cfnlib.

Nothing of AWS's own configuration is read, neither `AWS_*` keys nor `~/.aws`: which cloud is meant, and with which
keys, cfnlib's configuration says alone. botocore repeats nothing; what may be repeated is repeated here: a question
whenever there is no answer, a change only while it is certain that the API did not look at it.

An old CloudStack's own EC2 API takes version 2 of AWS's signature, and one version of the API only (2012-08-15):
`ec2_signature` and `ec2_version` say so. Source: CloudStack 4.5, awsapi, EC2RestServlet.
"""

from __future__ import annotations

import os
import random
import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from cfnlib.drivers.ec2 import errors
from cfnlib.errors import ConfigError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cfnlib.config import Config

CONNECTIONS = 64
TAGS_AT_BIRTH = "2016-11-15"
"""The version of the API since which a thing can be made with its tags. Source: Amazon EC2 API, TagSpecification."""
_PATIENCE_S = 10.0
_NOTHING = (None, None, None, None)


class Client:
    """An EC2 API for one account. May be used by several threads at once.

    Raises `ConfigError` when the configuration has no `ec2_url` or no keys.
    """

    def __init__(self, config: Config) -> None:
        if config.ec2_url is None:
            raise ConfigError("no EC2 API is configured: set CFNLIB_EC2_URL to its URL")
        if not config.key or not config.secret:
            raise ConfigError("CFNLIB_EC2_URL is set, but no keys: set CLOUDSTACK_KEY and CLOUDSTACK_SECRET")
        self.config = config
        self.url: str = config.ec2_url
        self.secrets = (config.key, config.secret)
        self.tags_at_birth = config.ec2_version is None or config.ec2_version >= TAGS_AT_BIRTH
        self._lock = Lock()
        self._client: Any = None

    def call(
        self, action: str, params: Mapping[str, Any] | None = None, *, secrets: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Make a request, and give its answer in the members of the service model.

        `secrets` are values that must not appear in an error. Raises what is below `CloudError`.
        """
        from botocore import xform_name  # noqa: PLC0415 - only who speaks EC2 pays for botocore
        from botocore.exceptions import (  # noqa: PLC0415 - as above
            BotoCoreError,
            ClientError,
            HTTPClientError,
            ParamValidationError,
        )
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

        method = getattr(self._opened(), xform_name(action))
        tries = self.config.retry + 1
        while True:
            tries -= 1
            try:
                answer: dict[str, Any] = method(**(params or {}))
            except ClientError as error:
                said = error.response.get("Error", {})
                code, status = str(said.get("Code", "")), _status(error.response)
                again = errors.is_busy(code) or (errors.is_question(action) and status in (429, 502, 503, 504))
                if not (again and tries > 0):
                    known = (*self.secrets, *secrets)
                    text = str(said.get("Message", ""))
                    raise errors.from_answer(action, code, text, status, secrets=known) from None
            except ParamValidationError as error:
                text = errors.clean(str(error), (*self.secrets, *secrets))
                raise InvalidRequestError(f"{action}: {text}", command=action, text=text) from None
            except (BotoCoreError, HTTPClientError, ResponseParserError) as error:
                if not (errors.is_question(action) and tries > 0):
                    raise errors.from_transport(action, self.url, error) from None
            else:
                return answer
            time.sleep(self._pause_s(tries))

    def rows(self, action: str, key: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The items of a listing, page by page where it has pages."""
        found: list[dict[str, Any]] = []
        token = None
        while True:
            answer = self.call(action, {**(params or {}), **({"NextToken": token} if token else {})})
            found += answer.get(key) or []
            token = answer.get("NextToken")
            if not token:
                return found

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _pause_s(self, tries: int) -> float:
        longest: float = min(self.config.retry_backoff_s * 2 ** (self.config.retry - tries), _PATIENCE_S)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def _opened(self) -> Any:  # noqa: ANN401 - botocore makes the client's class as it reads the model
        with self._lock:
            if self._client is None:
                self._client = _open(self.config)
            return self._client


def _open(config: Config) -> Any:  # noqa: ANN401 - as above
    try:
        from botocore.config import Config as Options  # noqa: PLC0415 - as above
        from botocore.session import Session  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError("the EC2 driver needs botocore: install cfnlib[service]") from None
    nothing = {
        "profile": _NOTHING,
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    cert = list(config.cert) if isinstance(config.cert, tuple) else config.cert
    options = Options(
        signature_version={"v2": "v2", "v4": "v4"}[config.ec2_signature],
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=min(_PATIENCE_S, config.timeout_s),
        read_timeout=config.timeout_s,
        max_pool_connections=CONNECTIONS,
        proxies={"http": config.proxy, "https": config.proxy} if config.proxy else None,
        client_cert=tuple(cert) if isinstance(cert, list) else cert,
        user_agent_extra="cfnlib",
    )
    client = Session(session_vars=nothing).create_client(
        "ec2",
        region_name=config.region,
        endpoint_url=config.ec2_url,
        verify=config.verify,
        aws_access_key_id=config.key,
        aws_secret_access_key=config.secret,
        config=options,
    )
    if config.ec2_version is not None:
        version = config.ec2_version

        def stamp(params: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - an event's other values
            params["body"]["Version"] = version

        client.meta.events.register("before-call.ec2", stamp)
    return client


def _status(response: Mapping[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
