"""How long the simulated cloud takes over things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping


@frozen
class Latency:
    """Seconds. The defaults make everything near instantaneous.

    `answer_s` passes before any answer; `job_s` is how long a job takes, `by_command` says otherwise for single
    commands (for a command that has no job it is the time to its answer); `router_s` is how long the virtual router
    of a network takes to start, which the first machine in it waits for. Each is stretched or shrunk by up to the
    share `jitter`, with random numbers from `seed`.
    """

    answer_s: float = 0.0
    job_s: float = 0.0
    router_s: float = 0.0
    by_command: Mapping[str, float] = field(factory=dict)
    jitter: float = 0.0
    seed: int = 0

    @classmethod
    def real(cls) -> Latency:
        """What was measured on a 4.19 server with two cores.

        Source: the times `created` and `completed` of the jobs in the recordings, and the README beside them.
        """
        return cls(
            answer_s=0.05,
            job_s=0.5,
            router_s=10.0,
            by_command={
                "deployVirtualMachine": 3.0,
                "startVirtualMachine": 1.5,
                "stopVirtualMachine": 2.0,
                "rebootVirtualMachine": 2.0,
                "destroyVirtualMachine": 7.5,
                "deleteNetwork": 4.0,
                "createVPC": 2.0,
                "createSnapshot": 2.0,
                "attachVolume": 2.0,
                "detachVolume": 1.0,
                "addNicToVirtualMachine": 2.0,
                "removeNicFromVirtualMachine": 2.0,
                "deleteAccount": 9.0,
            },
            jitter=0.3,
        )

    def of_job(self, command: str, source: random.Random) -> float:
        """How long a job of that command takes."""
        return self._jittered(self.by_command.get(command, self.job_s), source)

    def of_answer(self, command: str, *, is_async: bool, source: random.Random) -> float:
        """How long the answer to that command takes."""
        own = 0.0 if is_async else self.by_command.get(command, 0.0)
        return self._jittered(own or self.answer_s, source)

    def of_router(self, source: random.Random) -> float:
        """How long a router takes to start."""
        return self._jittered(self.router_s, source)

    def _jittered(self, seconds: float, source: random.Random) -> float:
        if not seconds or not self.jitter:
            return seconds
        return seconds * (1.0 + self.jitter * (2.0 * source.random() - 1.0))
