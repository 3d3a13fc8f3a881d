from __future__ import annotations

import multiprocessing
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.bill import Bill, Charge
from sandbox.faults import BadFault, Faults, parse_fault
from sandbox.media.art import Art
from sandbox.media.jobs import MediaJob, decode, encode
from sandbox.prices import Cost, cost_of, row


def charge(number: int) -> Charge:
    return Charge("gemini", "m", "text", {"input_tokens": number}, Cost({}, number), f"r{number}", "h")


@pytest.mark.parametrize(
    ("model", "units", "micro"),
    [
        ("gemini-3.5-flash-lite", {"input_tokens": 1000, "output_tokens": 200}, 800),
        ("gemini-3.5-flash-lite", {"input_tokens": 5}, 2),  # 1.5 goes up
        ("gemini-embedding-001", {"input_tokens": 3}, 0),  # 0.45 goes down
        ("gemini-nano-banana-2.1", {"input_tokens": 100, "image_tokens": 1120}, 33_750),
        ("gemini-omni-1.1-flash", {"input_tokens": 10, "video_tokens": 46_336}, 810_895),
        ("veo-3.1-generate-001", {"seconds": 8}, 3_200_000),
        ("perplexity/sonar", {"input_tokens": 3681, "output_tokens": 780, "searches": 1}, 5370),
        ("imagen-3", {"pictures": 1}, 20_000),
        ("veo-3", {"seconds": 6}, 300_000),
    ],
)
def test_a_call_costs_its_list_price_rounded_once(
    model: str, units: dict[str, int | float], micro: int
) -> None:
    assert cost_of(model, units).micro == micro


def test_prices_change_on_their_day() -> None:
    from datetime import date

    before, after = row("gemini-3.8-flash", date(2026, 12, 31)), row("gemini-3.8-flash", date(2027, 1, 1))
    assert before is not None
    assert after is not None
    assert (Decimal(before["input"]), Decimal(after["input"])) == (Decimal("0.75"), Decimal("1.5"))


def _append(home: str, first: int) -> None:
    bill = Bill(Path(home))
    for number in range(first, first + 200):
        bill.add(charge(number))
    bill.close()


def test_two_processes_may_keep_one_bill(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(str(tmp_path), first)) for first in (0, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    report = Bill(tmp_path).report()
    assert report["calls"] == 400
    assert report["total_micro_usd"] == sum(range(200)) + sum(range(1000, 1200))
    assert report["by_provider"]["gemini"]["calls"] == 400


def test_a_job_is_known_by_its_id_alone_and_only_to_its_own_seed() -> None:
    job = MediaJob("veo-3", Art("k", "Kůň", ("#000000", "#FFFFFF"), "16:9"), 6.0, 12.5, "job_fails", 3)
    job_id = encode(1, job)
    assert decode(1, job_id) == job
    assert decode(2, job_id) is None
    assert decode(1, job_id[:-1] + ("0" if job_id[-1] != "0" else "1")) is None
    assert decode(1, "nonsense") is None


def test_a_rule_is_applied_so_many_times() -> None:
    faults = Faults(1)
    faults.add(
        {"match": {"path_contains": "generate"}, "fault": {"type": "status", "status": 500}, "times": 2}
    )
    call = {"provider": "gemini", "method": "POST", "model": "m", "path": "/x:generateContent", "body": ""}
    assert [bool(faults.pick(call, None)) for _ in range(4)] == [True, True, False, False]
    assert faults.pick({**call, "path": "/other"}, None) is None


def test_a_fault_of_jobs_waits_for_a_job() -> None:
    faults = Faults(1)
    faults.add({"fault": {"type": "job_fails"}, "times": 1})
    text = {"provider": "gemini", "method": "POST", "model": "m", "path": "/x:generateContent", "body": ""}
    poll = {**text, "method": "GET", "path": "/v1beta/interactions/v1_x"}
    assert faults.pick(text, None) is None
    assert faults.pick(poll, None) is None
    assert faults.pick({**text, "path": "/v1beta/interactions"}, None) is not None


def test_a_probability_hits_about_so_often() -> None:
    faults = Faults(1)
    faults.add({"fault": {"type": "empty"}, "probability": 0.1})
    call = {"provider": "gemini", "method": "POST", "model": "m", "path": "/", "body": ""}
    assert 60 <= sum(bool(faults.pick(call, None)) for _ in range(1000)) <= 140


@pytest.mark.parametrize(
    "raw", [{"fault": {"type": "explode"}}, {"match": {"colour": "x"}, "fault": {"type": "cut"}}, 1]
)
def test_a_fault_that_is_not_known_is_refused(raw: object) -> None:
    with pytest.raises(BadFault):
        Faults(1).add(raw)


def test_the_short_form_of_a_fault_is_understood() -> None:
    fault = parse_fault("status:429;retry_after=2")
    assert (fault.type, fault.options) == ("status", {"status": "429", "retry_after": "2"})
    assert parse_fault('{"type": "slow", "seconds": 3}').number("seconds", 0) == 3
