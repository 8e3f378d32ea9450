"""Who works on a stack: a process, named so that another one on the same machine can tell whether it is gone.

An owner is `host:pid:start`. `start` holds what makes the pid one of a kind: when the process started (clock ticks
since boot), which boot of which kernel that was, and the process namespace. A host name alone does not say "this
machine" (clones and containers share them), so a process counts as dead only when boot and namespace are our own
and the process is missing, a zombie, or another one that got the same pid. In any doubt it counts as alive, and its
lease simply runs out.

Source: proc_pid_stat(5): field 3 is the state, field 22 the start time; random(4): boot_id; namespaces(7): ns/pid.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")
_ENDED = "ZX"


def owner_name(pid: int | None = None) -> str:
    """The name of a process of this machine as an owner of leases; None means this process."""
    return _own_name(os.getpid()) if pid is None else _name(pid)


def _name(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_start(pid)}-{_kernel()}"


_own_name = lru_cache(maxsize=1)(_name)
"""A process keeps its name; a child that was forked has another pid."""


def owner_is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that has certainly ended; False when that cannot be known."""
    parts = owner.rsplit(":", 2)
    if len(parts) != 3 or not parts[1].isdecimal() or sys.platform == "win32":
        return False
    host, pid, (start, _, kernel) = parts[0], int(parts[1]), parts[2].partition("-")
    if not pid or host != socket.gethostname() or kernel != _kernel():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # another user's; or no pid at all
        pass
    seen = _start(pid)
    return bool(start and seen) and seen != start


def _start(pid: int) -> str:
    """When a process started, in ticks since boot; "ended" of a zombie; empty where that cannot be read."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the command's name, in parentheses, may hold anything
    return "ended" if fields[0] in _ENDED else fields[19]


def _kernel() -> str:
    """Which boot and which process namespace this is; empty where there is no /proc."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = (_PROC / "self/ns/pid").readlink().name
    except OSError:
        return ""
    return boot[:13].replace("-", "") + "." + "".join(filter(str.isdigit, space))
