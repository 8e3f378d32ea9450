"""How long a request's body may be, by its path and by what its head says of who sends it.

Only the bucket takes long bodies. What can be judged before a body comes is judged before it is taken in: that the
request says who signed it, and when; that the key is one that has been admitted here, for the longest ones. Somebody
whose key was not seen yet is looked up when the answer is given, and told to come again, as S3's clients do by
themselves.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cfnlib.errors import CfnlibError
from cfnlib.identity import sigv4
from cfnlib.identity.refusal import RefusedError
from cfnlib.identity.request import SignedRequest
from cfnlib.web import Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from cfnlib.web import Head

QUERY_BYTES = 1 << 20
"""A template of 51,200 bytes has at most three times as many in a form."""

CLIENT_API_BYTES = 1 << 22
"""CloudStack takes user data of 1 MiB, which a form makes longer."""

SIGNAL_BYTES = 1 << 16
SMALL_BYTES = 1 << 16
STRANGER_BYTES = (1 << 23) + (1 << 16)
"""The parts in which AWS's clients send what is longer, and what an encoding adds to them."""

BUCKET_BYTES = 1 << 26
SKEW_S = 900.0
_MOST_KNOWN = 10_000
_OF_PATHS = {"/": QUERY_BYTES, "/client/api": CLIENT_API_BYTES, "/clusters": QUERY_BYTES, "/cost": SMALL_BYTES}
_BELOW = (("/signal/", SIGNAL_BYTES), ("/clusters/", QUERY_BYTES))
_LATER = "The sender of so long a body must be known; try again."


class Rooms:
    """Says it for the heads of requests.

    `has_bucket` says whether there is a bucket; `look_up` asks for the owner of a key, and raises `CfnlibError` when
    it has none; `now` gives seconds since the epoch.
    """

    def __init__(
        self, *, has_bucket: bool, look_up: Callable[[str], object], now: Callable[[], float] = time.time
    ) -> None:
        self._has_bucket = has_bucket
        self._look_up = look_up
        self._now = now
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def admitted(self, access_key: str) -> None:
        """Remember that a key was admitted."""
        with self._lock:
            self._known[access_key] = None
            self._known.move_to_end(access_key)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def room_for(self, head: Head) -> Room:
        """See `cfnlib.web.Door`."""
        if head.path in _OF_PATHS:
            return Room(_OF_PATHS[head.path])
        for start, most in _BELOW:
            if head.path.startswith(start):
                return Room(most)
        return self._of_bucket(head) if self._has_bucket else Room(SMALL_BYTES)

    def _of_bucket(self, head: Head) -> Room:
        request = SignedRequest(head.method, head.path, head.query, head.headers, b"")
        try:
            claim = _claim(request)
        except RefusedError as error:
            return Room(SMALL_BYTES, 403, "AccessDenied", f"A body of that length must be signed: {error}")
        now = self._now()
        if claim.expires_s is None and abs(claim.at - now) > SKEW_S:
            text = "The difference between the request time and the server's time is too large."
            return Room(SMALL_BYTES, 403, "RequestTimeTooSkewed", text)
        if claim.expires_s is not None and not claim.at - SKEW_S <= now <= claim.at + claim.expires_s:
            return Room(SMALL_BYTES, 403, "AccessDenied", "Request has expired")
        with self._lock:
            if claim.access_key in self._known:
                return Room(BUCKET_BYTES)
        return Room(STRANGER_BYTES, 503, "SlowDown", _LATER, lambda: self._learn(claim.access_key))

    def _learn(self, access_key: str) -> None:
        try:
            self._look_up(access_key)
        except CfnlibError:  # the client is told when it comes again
            return
        self.admitted(access_key)


def _claim(request: SignedRequest) -> sigv4.Claim:
    """What a request says of its signature. Raises `RefusedError`."""
    if request.only("authorization") is not None:
        return sigv4.from_header(request)
    try:
        query = dict(parse_qsl(request.raw_query, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        query = {}
    return sigv4.from_query(request, query)
