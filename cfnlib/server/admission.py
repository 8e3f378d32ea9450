"""Who may come in, and how often: the gate, with a limit of requests for each account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.identity.between import Between
from cfnlib.identity.gate import Gate
from cfnlib.server.faults import SaidError
from cfnlib.web import Quota, QuotaBetween

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cfnlib.identity.keyring import Caller
    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.service import Service

BURST_S = 10.0
"""How many seconds of an account's rate may come at once."""


class Admission(Gate):
    """Admits the callers that the service's keyring knows, as often as the settings say.

    `on_admitted` is told the access key of each.
    """

    def __init__(self, service: Service, *, on_admitted: Callable[[str], object] = lambda _: None) -> None:
        folder = service.settings.between
        between = None if folder is None else Between(folder)
        super().__init__(service.keyring, between=between)
        self._service = service
        self._on_admitted = on_admitted
        self._quota = _quota(service.settings.requests_per_s, between)

    def admit(self, request: SignedRequest, form: Sequence[tuple[str, str]]) -> Caller:
        """See `Gate`. Raises `SaidError` (Throttling) when the account has asked too often."""
        return self._counted(super().admit(request, form))

    def admit_cloudstack(self, params: Mapping[str, str] | Sequence[tuple[str, str]]) -> Caller:
        """See `Gate`, and `admit`."""
        return self._counted(super().admit_cloudstack(params))

    def _counted(self, caller: Caller) -> Caller:
        self._on_admitted(caller.access_key)
        if self._quota is not None and not self._quota.allows(self._service.mark(caller)):
            raise SaidError("Rate exceeded", "Throttling")
        return caller


def _quota(per_s: float | None, between: Between | None) -> Quota | QuotaBetween | None:
    if per_s is None:
        return None
    burst = max(per_s * BURST_S, 1.0)
    return Quota(per_s, burst) if between is None else QuotaBetween(between, per_s, burst)
