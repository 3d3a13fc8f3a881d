from __future__ import annotations

import io

from rich.console import Console

from app.progress import Clock, Progress
from cli.screen.live import LineView, StepTable
from cli.screen.terminal import Screen


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(*, sandbox: bool = False, clock: Clock | None = None) -> Progress:
    return Progress("Kavárna · 2027-01 · ultimate", sandbox=sandbox, clock=clock or Clock(Time()))


def step(name: str, *items: str) -> dict[str, object]:
    return {"event": "step", "step": name, "items": list(items)}


def item(name: str, item: str, status: str, label: str = "") -> dict[str, str]:
    return {"event": "item", "step": name, "item": item, "status": status, "label": label}


def drawn(shown: Progress, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    console.print(StepTable(shown))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def lines(shown: Progress, *events: dict[str, object] | dict[str, str]) -> str:
    out = io.StringIO()
    console = Console(file=out, width=60, markup=False)
    view = LineView(Screen(console, console, json=False, interactive=False), shown)
    view.start()
    for event in events:
        view.take(event)
    view.stop()
    return out.getvalue()


def test_announced_items_are_counted_until_they_are_done() -> None:
    shown = progress()
    shown.take(step("posts", "t01", "t02"))
    shown.take(item("posts", "t01", "done"))
    posts = shown.steps["posts"]
    assert (posts.done, posts.total, posts.mark) == (1, 2, "running")
    shown.take(item("posts", "t02", "done"))
    assert (posts.done, posts.total, posts.mark) == (2, 2, "done")


def test_a_step_of_which_items_failed_or_were_skipped_is_finished_with_a_problem() -> None:
    shown = progress()
    shown.take(step("images", "a", "b", "c"))
    for name, status in (("a", "done"), ("b", "failed"), ("c", "skipped")):
        shown.take(item("images", name, status))
    images = shown.steps["images"]
    assert (images.done, images.finished, images.mark) == (1, 3, "problem")
    assert "1 failed, 1 skipped" in drawn(shown)


def test_items_announced_again_are_made_again_and_not_counted_twice() -> None:
    shown = progress()
    shown.take(step("topics", "t01"))
    shown.take(item("topics", "t01", "done"))
    shown.take(item("topics", "t01", "again", "too formal"))
    assert (shown.steps["topics"].done, shown.steps["topics"].total) == (0, 1)
    shown.take(step("topics", "t01"))
    shown.take(item("topics", "t01", "done"))
    assert (shown.steps["topics"].done, shown.steps["topics"].total) == (1, 1)


def test_what_a_review_sends_back_belongs_to_the_step_that_makes_it() -> None:
    shown = progress()
    shown.take(item("posts", "t01", "again"))
    shown.take(item("research", "dna", "again"))
    assert shown.steps["posts"].mark == "running"
    assert shown.steps["research"].mark == "running"


def test_an_event_of_an_unknown_step_is_not_shown_and_breaks_nothing() -> None:
    shown = progress()
    assert shown.take(item("packages", "t01", "again")) is None
    assert shown.take({"event": "something"}) is None


def test_work_of_an_earlier_process_counts_as_done() -> None:
    shown = progress()
    shown.made("personas", ["p1", "p2"])
    assert "2/2" in drawn(shown)


def test_time_spent_waiting_for_a_person_is_not_elapsed_time() -> None:
    time = Time()
    clock = Clock(time)
    clock.start()
    time.now += 5
    clock.stop()
    time.now += 1000
    clock.start()
    time.now += 2
    assert clock.seconds == 7


def test_the_live_view_shows_steps_cost_time_and_what_waits() -> None:
    time = Time()
    shown = progress(clock=Clock(time))
    shown.clock.start()
    time.now += 65
    shown.cost_micro = 1_234_567
    shown.take(step("posts", "t01"))
    shown.take({"event": "waiting", "point": "posts", "items": ["t01"]})
    text = drawn(shown)
    for label in ("Research", "Personas", "Topics", "Posts", "Social", "Images", "Video", "Handover"):
        assert label in text
    assert "cost $1.23   elapsed 1:05   waits for review: Blog posts" in text


def test_the_live_view_fits_a_narrow_terminal() -> None:
    shown = progress(sandbox=True)
    shown.take(step("topics", "t01"))
    shown.take(item("topics", "t01", "done", "Jak vybrat kávu, která vám bude chutnat " * 3))
    assert all(len(line) <= 40 for line in drawn(shown, width=40).splitlines())


def test_a_sandbox_run_says_so_in_both_views() -> None:
    assert "SANDBOX" in drawn(progress(sandbox=True))
    assert "SANDBOX" in lines(progress(sandbox=True))
    assert "SANDBOX" not in drawn(progress()) + lines(progress())


def test_without_a_terminal_every_event_is_one_line() -> None:
    text = lines(
        progress(),
        step("topics", "t01", "t02"),
        item("topics", "t01", "done", "Káva\nráno"),
        item("topics", "t02", "failed", "The answer was empty."),
    )
    assert text.splitlines()[1:] == [
        "  0:00     $0.00  Topics    0/2  2 to make",
        "  0:00     $0.00  Topics    1/2  t01 done: Káva ráno",
        "  0:00     $0.00  Topics    1/2  t02 FAILED: The answer was empty.",
    ]


def test_markup_in_a_title_is_text() -> None:
    shown = Progress("[/red] a [bold]", sandbox=False, clock=Clock(Time()))
    assert "[/red] a [bold]" in drawn(shown)
