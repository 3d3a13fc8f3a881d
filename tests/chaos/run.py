"""The chaos run: two processes buy 200 things at once while everything around them is killed, stopped and emptied.

    python -m tests.chaos.run [--seed N] [--seconds N]

Ends with the ledger judged against the provider's bill by ``check.py``. Times come from the seed, which is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from store.reading import upgrade
from tests.chaos.surroundings import ROOT, Postgres, Providers, Slot, Valkey

AT_ONCE = 100
"""Of each of the two processes."""
LIMIT_MICRO = 50_000_000
TIGHT_MICRO = 40_000
"""The budget of the organization that wants more than it has."""
OUTAGE_SECONDS = 12.0
_PROVIDERS = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
_ORGANIZATIONS = ["tight", *(f"org-{number}" for number in range(24))]


@dataclass
class Plan:
    """How long, and what happens in it. ``drain`` is what the end of the last calls may take."""

    seed: int
    seconds: float
    drain: float = 100.0
    at_once: int = AT_ONCE
    shared: bool = True
    outage: float = OUTAGE_SECONDS
    say: Callable[[str], Any] = field(default=lambda line: None)


class Chaos:
    """The surroundings of one run, and what is done to them."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan = plan
        self.pick = random.Random(plan.seed)
        self.home = home
        self.resumed: list[float] = []

    def run(self) -> dict[str, Any]:
        with ExitStack() as stack:
            servers = self.home / "servers"  # apart: whoever uses a home of PostHub's ends what it left there
            servers.mkdir()
            self.postgres = Postgres(servers)
            stack.callback(self.postgres.leave)
            self.valkey = Valkey(servers)
            stack.callback(self.valkey.leave)
            self.providers = Providers(self.home / "sandbox", self.plan.seed)
            stack.callback(self.providers.stop)
            slots = [Slot(self._command(number)) for number in range(2)]
            for slot in slots:
                stack.callback(slot.stop)
            self._prepare()
            for slot in slots:
                slot.wait_until_loaded()
            return self._through(slots)

    def _prepare(self) -> None:
        asyncio.run(upgrade(self.postgres.uri))
        with psycopg.connect(self.postgres.uri, autocommit=True) as connection:
            connection.execute(
                "insert into budgets (organization_id, month, limit_micro) "
                "values ('tight', to_char(now() at time zone 'utc', 'YYYY-MM'), %s)",
                [TIGHT_MICRO],
            )
        self.providers.misbehave()

    def _command(self, slot: int) -> dict[str, Any]:
        keys = {f"{name}_API_KEY": "chaos" for name in _PROVIDERS}
        urls = {name.replace("_API_KEY", "_BASE_URL"): self.providers.base_url for name in keys}
        return {
            "slot": slot,
            "seed": self.plan.seed,
            "organizations": _ORGANIZATIONS,
            "shared": self.plan.shared,
            "at_once": self.plan.at_once,
            "progress": str(self.home / f"progress-{slot}"),
            "tally": str(self.home / f"tally-{slot}"),
            "log": str(self.home / f"worker-{slot}.log"),
            "environment": {
                **keys,
                **urls,
                "POSTHUB_HOME": str(self.home / "posthub"),
                "DATABASE_URI": self.postgres.uri,
                "REDIS_URI": self.valkey.uri,
                "POSTHUB_ALLOW_PRIVATE_HOSTS": self.providers.base_url.removeprefix("http://"),
                # how fast they may be asked has tests of its own
                "POSTHUB_RATE_LIMITS": "gemini=100000,perplexity=100000,nanobana=100000,veo=100000",
                "POSTHUB_MONTHLY_BUDGET_USD": str(LIMIT_MICRO / 1_000_000),
            },
        }

    def _through(self, slots: list[Slot]) -> dict[str, Any]:
        begun = time.time()
        ends_at = begun + self.plan.seconds
        for slot in slots:
            slot.begin(ends_at, ends_at + self.plan.drain)
        for at, name, act in self._disasters(slots):
            time.sleep(max(0.0, begun + at - time.time()))
            self.plan.say(f"{time.time() - begun:6.1f} s  {name}")
            act()
        time.sleep(max(0.0, ends_at - time.time()))
        self.providers.behave()
        ended = [slot.join(max(1.0, ends_at + self.plan.drain + 10 - time.time())) for slot in slots]
        self.plan.say(f"{time.time() - begun:6.1f} s  the last call has ended")
        return self._judged(slots, ended)

    def _disasters(self, slots: list[Slot]) -> Iterator[tuple[float, str, Callable[[], None]]]:
        """In turn and evenly, each at a moment of the seed's; every kind at least once."""
        kinds: list[tuple[str, Callable[[], None]]] = [
            ("worker 0 killed", slots[0].kill),
            (f"PostgreSQL stopped for {self.plan.outage:g} s", self._postgres_away),
            ("worker 1 killed", slots[1].kill),
            ("Valkey killed", self._valkey_killed),
            ("both workers killed", lambda: kill_all(slots)),
            ("PostgreSQL killed", self._postgres_killed),
            ("Valkey flushed", self.valkey.flush),
            ("worker 0 terminated", lambda: slots[0].kill(signal.SIGTERM)),
        ]
        rounds = max(1, round(self.plan.seconds / 150))
        step = self.plan.seconds * 0.92 / (rounds * len(kinds))
        for number in range(rounds * len(kinds)):
            name, act = kinds[number % len(kinds)]
            yield step * (number + 0.3 + self.pick.uniform(0, 0.4)), name, act

    def _postgres_away(self) -> None:
        self.postgres.stop()
        time.sleep(self.plan.outage)
        self.postgres.start()
        self._measure_resuming()

    def _postgres_killed(self) -> None:
        self.postgres.kill()
        time.sleep(1.0)
        self.postgres.start()
        self._measure_resuming()

    def _valkey_killed(self) -> None:
        self.valkey.kill()
        time.sleep(3.0)
        self.valkey.start()

    def _measure_resuming(self) -> None:
        """Seconds from PostgreSQL's return to the first booking after it."""
        back = time.time()
        query = "select count(*) from attempts where state = 'settled' and closed_at > to_timestamp(%s)"
        with psycopg.connect(self.postgres.uri, autocommit=True) as connection:
            while time.time() < back + 60:
                row = connection.execute(query, [back]).fetchone()
                if row and row[0]:
                    break
                time.sleep(0.1)
        self.resumed.append(round(time.time() - back, 1))
        self.plan.say(f"          booking again after {self.resumed[-1]:.1f} s")

    def _judged(self, slots: list[Slot], ended: list[bool]) -> dict[str, Any]:
        asyncio.run(_sweep(self.postgres.uri))
        check = [sys.executable, str(ROOT / "tests" / "chaos" / "check.py"), "--database", self.postgres.uri]
        check += ["--bill", str(self.providers.bill), "--default-limit", str(LIMIT_MICRO)]
        judged = subprocess.run(check, capture_output=True, text=True, timeout=120, check=False)
        if not judged.stdout:
            raise RuntimeError(f"the checker did not come to a verdict: {judged.stderr[-2000:]}")
        verdict: dict[str, Any] = json.loads(judged.stdout)
        if not all(ended):
            verdict["complaints"].append("a worker did not come to its end")
        if any(slot.failures for slot in slots):
            verdict["complaints"].append("a worker ended unexpectedly")
        if self.plan.at_once == AT_ONCE and len(verdict["providers"]) < len(_PROVIDERS):
            verdict["complaints"].append("not every provider was bought from")
        tallies = [json.loads(path.read_text()) for path in sorted(self.home.glob("tally-?"))]
        return verdict | {
            "lives": [slot.lives for slot in slots],
            "unexpected_ends": [slot.failures for slot in slots],
            "last_lives": tallies,
            "resumed_after_seconds": self.resumed,
            "logs": "".join(path.read_text()[-3000:] for path in sorted(self.home.glob("worker-?.log"))),
        }


async def _sweep(uri: str) -> None:
    """What the next start of each run would do: close what dead processes left open."""
    from store.database import Database
    from store.money.ledger import Ledger

    database = Database(uri)
    ledger = Ledger(database, default_limit_micro=LIMIT_MICRO)
    for run in ("chaos-0", "chaos-1", "chaos-shared"):
        for organization in _ORGANIZATIONS:
            await ledger.close_orphans(organization, run)
    await database.dispose()


def kill_all(slots: list[Slot]) -> None:
    for slot in slots:
        slot.kill()


def say(line: str) -> None:
    """Print a line at once, although the output may be a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def a_home() -> Iterator[Path]:
    """A short folder: the path of a socket must not be long."""
    home = Path(tempfile.mkdtemp(prefix="ph-chaos-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--drain", type=float, default=100.0, help="seconds that the last calls may take")
    parser.add_argument(
        "--seconds", type=float, default=420.0, help="of buying; what hangs at the end comes on top"
    )
    arguments = parser.parse_args()
    say(f"seed {arguments.seed}, {2 * AT_ONCE} calls at once from two processes, {arguments.seconds:g} s")
    with a_home() as home:
        verdict = Chaos(Plan(arguments.seed, arguments.seconds, arguments.drain, say=say), home).run()
    logs = verdict.pop("logs")
    say(json.dumps(verdict, indent=1))
    if logs:
        say(f"what ended a worker unexpectedly:\n{logs}")
    say(
        "ledger = bill, nothing overspent, nothing bought twice" if not verdict["complaints"] else "NOT CLEAN"
    )
    return 1 if verdict["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
