"""Images and videos: bought once, kept as they came, and collected again after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, ImageRequest, JobKind, VideoRequest
from domain.errors import (
    AnswerInDoubt,
    FeatureNotAvailable,
    FetchFailed,
    MediaJobFailed,
    MoneyState,
    ProviderRefused,
)
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.tenancy import SYSTEM
from tests.gateway_standin import Standin, standing_in
from tests.media_bytes import MP4, PNG

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_VIDEO, "produce", "topic-1")
IMAGE = ImageRequest(prompt="Šálek kávy", negative_prompt="blurry", aspect_ratio="4:5")
VIDEO = VideoRequest(
    prompt="Pára nad šálkem", negative_prompt="text", aspect_ratio="9:16", duration_seconds=8
)
ALL = ("gemini", "nanobana", "veo")


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    await Prices(database).load_shipped(shipped_prices())
    return Ledger(database, default_limit_micro=20_000_000)


class Gateways:
    """Builds gateways over one database, as one process after another would."""

    def __init__(self, standin: Standin, database: Database, files: FileStore) -> None:
        self._parts = (standin, database, files)
        self.made: list[Gateway] = []

    def __call__(self, *names: str, ledger: Ledger | None = None, **changes: Any) -> Gateway:
        standin, database, files = self._parts
        providers = {name: ProviderConfig(name, "key", standin.base_url) for name in names or ALL}
        config = GatewayConfig(providers=providers, engine="google", poll_seconds=0.02, video_seconds=3.0)
        ledger = ledger or Ledger(database, default_limit_micro=20_000_000)
        gateway = build_gateway(replace(config, **changes), database, files, SafeFetcher(), ledger=ledger)
        self.made.append(gateway)
        return gateway


@pytest.fixture
async def gateways(
    standin: Standin, database: Database, files: FileStore, ledger: Ledger
) -> AsyncIterator[Gateways]:
    gateways = Gateways(standin, database, files)
    yield gateways
    for each in gateways.made:
        await each.aclose()


async def rows(database: Database) -> list[Any]:
    async with database.transaction(SYSTEM) as connection:
        return list(await connection.execute(text("select * from attempts order by opened_at")))


async def states(database: Database) -> list[str]:
    return [row.state for row in await rows(database)]


async def test_an_image_is_stored_as_it_came_and_booked_by_the_piece(
    gateways: Gateways, standin: Standin, files: FileStore, ledger: Ledger
) -> None:
    gateway = gateways()
    image = await gateway.image(CALL, IMAGE)
    assert await files.get(image.key) == PNG
    assert (image.media_type, image.size) == ("image/png", len(PNG))
    assert image.served.provider == "nanobana"
    assert await ledger.run_cost("org-1", "run-1") == standin.billed == 20_000
    assert (await gateway.image(CALL, IMAGE)).served.replayed
    assert len(standin.bill) == 1


@pytest.mark.parametrize("engine", ["litellm", "google"])
async def test_without_a_key_for_nanobana_gemini_makes_the_image(
    gateways: Gateways, standin: Standin, files: FileStore, engine: str
) -> None:
    image = await gateways("gemini", engine=engine).image(CALL, IMAGE)
    assert await files.get(image.key) == PNG
    assert image.served.model == "gemini-nano-banana-2.1"
    assert image.served.usage.images == 1
    assert "Avoid: blurry" in image.prompt
    sent = standin.requests[0][1]["generationConfig"]["imageConfig"]
    assert sent == {"aspectRatio": "4:5", "imageSize": "1K"}


async def test_a_refusal_of_the_first_image_provider_goes_on_to_the_next(
    gateways: Gateways, database: Database
) -> None:
    image = await gateways().image(CALL, replace(IMAGE, prompt="[not at nanobana] káva"))
    assert image.served.provider == "gemini"
    assert await states(database) == ["void", "settled"]


async def test_an_image_that_could_not_be_fetched_is_fetched_later_and_not_bought_again(
    gateways: Gateways, standin: Standin, database: Database
) -> None:
    standin.file_is_there = False
    with pytest.raises(FetchFailed) as failure:
        await gateways().image(CALL, IMAGE)
    assert failure.value.money is MoneyState.HELD
    standin.file_is_there = True
    image = await gateways().image(CALL, IMAGE)
    assert image.size == len(PNG)
    assert await states(database) == ["settled"]
    assert len(standin.bill) == 1


async def test_the_tier_that_has_images_or_video_is_named_when_this_one_has_not(
    gateways: Gateways, standin: Standin
) -> None:
    gateway = gateways()
    with pytest.raises(FeatureNotAvailable, match="pro") as refusal:
        await gateway.image(replace(CALL, tier="basic"), IMAGE)
    assert refusal.value.details["available_in"] == "pro"
    with pytest.raises(FeatureNotAvailable, match="ultimate"):
        await gateway.video(replace(CALL, tier="pro"), VIDEO)
    assert not standin.requests


async def test_a_video_is_submitted_once_stored_and_booked_by_the_second(
    gateways: Gateways, standin: Standin, files: FileStore, ledger: Ledger
) -> None:
    video = await gateways().video(CALL, VIDEO)
    assert await files.get(video.key) == MP4
    assert (video.media_type, video.seconds) == ("video/mp4", 8.0)
    assert await ledger.run_cost("org-1", "run-1") == standin.billed == 400_000


async def test_a_video_goes_on_being_polled_by_its_stored_id_after_a_crash(
    gateways: Gateways, standin: Standin, database: Database
) -> None:
    standin.videos_end = False
    task = asyncio.create_task(gateways().video(CALL, VIDEO))
    while not standin.paths("/v1/videos/v-"):
        await asyncio.sleep(0.01)
    async with database.transaction(SYSTEM) as connection:
        stored = await connection.scalar(text("select provider_ref ->> 'id' from jobs"))
    assert stored == standin.paths("/v1/videos/v-")[0].rsplit("/", 1)[1]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    standin.videos_end = True
    living = Ledger(database, default_limit_micro=20_000_000)
    assert await living.close_orphans("org-1", "run-1") == 0
    video = await gateways(ledger=living).video(CALL, VIDEO)
    assert video.seconds == 8.0
    assert len(standin.paths("/v1/videos/generate")) == 1
    assert await states(database) == ["settled"]


async def test_a_video_that_does_not_end_keeps_its_hold_and_is_polled_again_later(
    gateways: Gateways, standin: Standin, database: Database
) -> None:
    standin.videos_end = False
    with pytest.raises(MediaJobFailed) as failure:
        await gateways(video_seconds=0.3).video(CALL, VIDEO)
    assert failure.value.money is MoneyState.HELD
    assert await states(database) == ["held"]
    standin.videos_end = True
    assert (await gateways().video(CALL, VIDEO)).seconds == 8.0
    assert len(standin.paths("/v1/videos/generate")) == 1


async def test_a_video_job_that_fails_is_not_booked_and_the_next_provider_is_asked(
    gateways: Gateways, standin: Standin, database: Database
) -> None:
    video = await gateways().video(CALL, replace(VIDEO, prompt="[job fails]"))
    assert video.served.model == "gemini-omni-1.1-flash"
    assert await states(database) == ["void", "settled"]


async def test_when_every_video_job_fails_the_reason_is_told(gateways: Gateways, database: Database) -> None:
    with pytest.raises(MediaJobFailed, match="no film"):
        await gateways("veo").video(CALL, replace(VIDEO, prompt="[job fails]"))
    assert await states(database) == ["void"]


async def test_a_video_whose_submission_is_in_doubt_is_not_submitted_elsewhere(
    gateways: Gateways, standin: Standin, database: Database
) -> None:
    with pytest.raises(AnswerInDoubt):
        await gateways(submit_seconds=0.3).video(CALL, replace(VIDEO, prompt="[hang]"))
    assert await states(database) == ["lost"]
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("order", "model", "cost"),
    [("omni", "gemini-omni-1.1-flash", 810_910), ("veo-google", "veo-3.1-generate-001", 3_200_000)],
)
async def test_without_a_key_for_veo_google_makes_the_video(
    gateways: Gateways, standin: Standin, order: str, model: str, cost: int
) -> None:
    video = await gateways("gemini", video_order=(order,)).video(CALL, VIDEO)
    assert (video.served.model, video.served.cost_micro) == (model, cost)
    assert video.size == len(MP4)


async def test_a_video_bought_from_a_provider_that_is_gone_is_not_bought_again(
    gateways: Gateways, standin: Standin
) -> None:
    standin.videos_end = False
    with pytest.raises(MediaJobFailed):
        await gateways(video_seconds=0.2, video_order=("veo", "omni")).video(CALL, VIDEO)
    with pytest.raises(ProviderRefused, match="veo"):
        await gateways("gemini", video_order=("veo", "omni")).video(CALL, VIDEO)
    assert len(standin.bill) == 1
