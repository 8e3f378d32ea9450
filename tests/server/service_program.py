"""`cfnlib serve` as a program of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import boto3

AWS = [sys.executable, "-m", "awscli"]


class Program:
    """`cfnlib serve` on an embedded cloud of its own; `said` is what it prints until it serves."""

    def __init__(self, folder, *options):
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CLOUDSTACK_", "CFNLIB_"))},
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "TMPDIR": str(folder),
        }
        command = [sys.executable, "-m", "cfnlib.cli", "serve", "--port", "0", "--job-seconds", "0.1", *options]
        self.process = subprocess.Popen(command, env=self.environ, stderr=subprocess.PIPE, text=True, cwd=folder)
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if "list-stacks" in line:
                break
        self.said = "".join(lines)
        self.url = re.search(r"listens at (\S+)", self.said)[1]
        self.keys = dict(re.findall(r"export (AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY))=(\S+)", self.said))

    def client(self):
        """boto3, with the keys that were printed."""
        return boto3.client(
            "cloudformation",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
        )

    def aws(self, *words):
        """awscli, with the same."""
        environ = {**self.environ, **self.keys, "AWS_DEFAULT_REGION": "us-east-1"}
        command = [*AWS, "--endpoint-url", self.url, "cloudformation", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    def stop(self, number=signal.SIGTERM):
        """The exit code, after the signal."""
        self.process.send_signal(number)
        _, self.rest = self.process.communicate(timeout=60)
        return self.process.returncode
