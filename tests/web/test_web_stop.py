"""The order to stop, which comes once or many times, and when it likes."""

from __future__ import annotations

import signal
import subprocess
import sys

PROGRAM = """
from cfnlib.web import Stop

stop = Stop()
print("ready", flush=True)
came = 0
while came < 3:
    came += stop.wait(0.001)
print("through", flush=True)
while stop.wait(1.0):
    pass
"""


def test_a_storm_of_signals_stops_a_program_and_does_not_hang_it():
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            for _ in range(50_000):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert process.stdout.read() == "through\n"
        finally:
            process.kill()
