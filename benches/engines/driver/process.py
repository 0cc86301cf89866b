"""An engine as a process: a request is a line of JSON, so is the reply."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
from typing import Any

from .catalogue import Spec


class EngineError(Exception):
    """What an engine said, or how it ended."""


class EngineProcess:
    """Started engines answer one request at a time."""

    def __init__(self, spec: Spec, environment: dict[str, str], cores: set[int] | None) -> None:
        self.spec = spec
        self._noise = tempfile.TemporaryFile()  # standard error, shown where an engine dies
        try:
            self._process = subprocess.Popen(
                spec.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                text=True,
                encoding="utf-8",
                env={**os.environ, **environment, **spec.environment},
            )
        except OSError as error:
            raise EngineError(spec.remedy or str(error)) from error
        if cores is not None:
            os.sched_setaffinity(self._process.pid, cores)
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def hello(self, timeout: float) -> dict[str, Any]:
        """What the engine says of itself."""
        return self._reply(timeout)

    def ask(self, name: str, timeout: float, **arguments: Any) -> dict[str, Any]:
        """Sends a request and waits for the reply; one that does not come ends the engine."""
        stdin = self._process.stdin
        try:
            assert stdin is not None
            stdin.write(json.dumps({name: arguments}) + "\n")
            stdin.flush()
        except OSError as error:
            raise EngineError(self._obituary()) from error
        return self._reply(timeout)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked anything."""
        return self._process.poll() is None

    def close(self) -> None:
        """Ends the engine."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:
                pass  # it has gone already
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._noise.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # anything else is a library's chatter
                self._lines.put(line)
        self._lines.put(None)

    def _reply(self, timeout: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self._process.kill()
            self._process.wait()
            raise EngineError(f"no reply within {timeout:.0f} s") from None
        if line is None:
            raise EngineError(self._obituary())
        reply = json.loads(line)
        if reply.get("error"):
            raise EngineError(reply["error"])
        return reply

    def _obituary(self) -> str:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its output"
        self._noise.seek(0)
        said = self._noise.read().decode(errors="replace").strip().splitlines()
        telling = [line for line in said if "panicked" in line or "rror" in line] or said
        last = f": {telling[-1].strip()}" if telling else ""
        return f"ended with status {status}{last}"[:400]
