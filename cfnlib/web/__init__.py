"""HTTP, for both doors: waitress speaks it, `Door` keeps order around what answers.

The order of a request: waitress bounds its size and its time, `Door` gives it an id, answers `/health`, `/ready` and
`/metrics` itself, lets the handler answer the rest, and writes one line to the log. Nothing here knows what is
served.
"""

from __future__ import annotations

from cfnlib.web import memory
from cfnlib.web.door import Door, Limits, note
from cfnlib.web.form import FormError, form_of, signed_request_of
from cfnlib.web.head import Head, Room
from cfnlib.web.listening import Listening
from cfnlib.web.log import JsonLines, setup_logging
from cfnlib.web.metrics import Metrics, forget_process
from cfnlib.web.quota import Quota, QuotaBetween
from cfnlib.web.server import Server
from cfnlib.web.stop import Stop

__all__ = [
    "Door",
    "FormError",
    "Head",
    "JsonLines",
    "Limits",
    "Listening",
    "Metrics",
    "Quota",
    "QuotaBetween",
    "Room",
    "Server",
    "Stop",
    "forget_process",
    "form_of",
    "memory",
    "note",
    "setup_logging",
    "signed_request_of",
]
