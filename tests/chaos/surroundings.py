"""What the workers stand on, and the ways in which it fails: PostgreSQL, Valkey, the providers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import redis

from store.embedded import EmbeddedServers
from store.embedded.postgres import EmbeddedPostgres
from store.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).parents[2]
_STORE_AWAY = 3
_EXPECTED = (-signal.SIGKILL, -signal.SIGTERM, _STORE_AWAY)


class Postgres:
    """The embedded server of a home, stopped and killed at will; its address stays the same.

    It is used as the product uses it, so that the keeper ends it where this process is killed.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._use = EmbeddedServers(home, need_database=True, need_redis=False)
        self.uri = self._use.start().database_uri

    def leave(self) -> None:
        """End the use of it; nobody else uses it, so it is stopped."""
        self._use.stop()

    def start(self) -> None:
        assert EmbeddedPostgres(self._home).start() == self.uri

    def stop(self) -> None:
        EmbeddedPostgres(self._home).stop()

    def kill(self) -> None:
        """SIGKILL for the postmaster and every backend, as when the machine goes away."""
        postmaster = int((self._home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [postmaster, *map(int, children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


class Valkey:
    """The embedded Valkey of a home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._use = EmbeddedServers(home, need_database=False, need_redis=True)
        self.uri = self._use.start().redis_uri

    def leave(self) -> None:
        """End the use of it; nobody else uses it, so it is stopped."""
        self._use.stop()

    def start(self) -> None:
        assert EmbeddedValkey(self._home).start() == self.uri

    def stop(self) -> None:
        EmbeddedValkey(self._home).stop()

    def kill(self) -> None:
        pid = EmbeddedValkey(self._home).pid()
        assert pid
        os.kill(pid, signal.SIGKILL)

    def flush(self) -> None:
        with redis.Redis.from_url(self.uri) as client:
            client.flushall()


class Providers:
    """The sandbox in a process of its own, and the faults it shows."""

    FAULTS = (
        ({"type": "status", "status": 429, "retry_after": 1}, 0.04),
        ({"type": "status", "status": 503}, 0.03),
        ({"type": "status", "status": 500}, 0.02),
        ({"type": "refuse"}, 0.01),
        ({"type": "cut", "after_bytes": 60}, 0.02),
        ({"type": "hang"}, 0.01),
        ({"type": "drip", "bytes_per_second": 20}, 0.01),
        ({"type": "broken_json"}, 0.01),
        ({"type": "empty"}, 0.01),
        ({"type": "safety"}, 0.01),
        ({"type": "max_tokens"}, 0.01),
        ({"type": "job_fails"}, 0.1),
        ({"type": "slow", "seconds": 0.4}, 0.5),
    )

    def __init__(self, home: Path, seed: int) -> None:
        flags = ["--parent-stdin", "--home", str(home), "--seed", str(seed), "--job-seconds", "0.5"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *flags],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        ready = json.loads(self._process.stdout.readline())
        self.base_url: str = ready["base_url"]
        self.bill = Path(ready["bill"])

    def misbehave(self) -> None:
        rules = [{"match": {}, "fault": fault, "probability": share} for fault, share in self.FAULTS]
        httpx.post(f"{self.base_url}/sandbox/faults", json=rules, trust_env=False).raise_for_status()

    def behave(self) -> None:
        httpx.delete(f"{self.base_url}/sandbox/faults", trust_env=False).raise_for_status()

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(300)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(300)


class Slot:
    """A place for one worker: a process that forks a new one whenever the last was killed."""

    def __init__(self, command: dict[str, Any]) -> None:
        self._command = command
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        )
        self._pid = 0
        self.lives = 0
        self.failures = 0
        self._over = threading.Thread(target=self._keep_alive, daemon=True)

    def wait_until_loaded(self) -> None:
        assert self._read()["ready"]

    def begin(self, ends_at: float, gives_up_at: float) -> None:
        self._command |= {"ends_at": ends_at, "gives_up_at": gives_up_at}
        self._over.start()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _keep_alive(self) -> None:
        """Give it another life until one of them came to its end."""
        assert self._process.stdin
        status = None
        while status != 0 and time.time() < self._command["gives_up_at"]:
            self._process.stdin.write(json.dumps(self._command) + "\n")
            self._process.stdin.flush()
            self._pid = self._read()["pid"]
            self.lives += 1
            status = self._read()["status"]
            self._pid = 0
            self.failures += status not in (0, *_EXPECTED)
            time.sleep(0.5 if status else 0)

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self._pid:
            os.kill(self._pid, how)

    def join(self, seconds: float) -> bool:
        """Wait for the end; tells whether it came."""
        self._over.join(seconds)
        return not self._over.is_alive()

    def stop(self) -> None:
        self._command["gives_up_at"] = 0
        self.kill()
        self.join(5)
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(300)
