from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import NotFound, StoreUnavailable
from store.content.files import FileStore


async def test_a_file_comes_back_byte_for_byte(files: FileStore) -> None:
    data = bytes(range(256)) * 4000
    key = await files.put(data, "image/png")
    assert await files.get(key) == data
    assert await files.exists(key)


async def test_the_same_bytes_are_stored_once(files: FileStore, tmp_path: Path) -> None:
    keys = await asyncio.gather(*(files.put(b"same", "video/mp4") for _ in range(10)))
    assert len(set(keys)) == 1
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1


async def test_a_stored_file_is_never_overwritten(files: FileStore, tmp_path: Path) -> None:
    key = await files.put(b"first", "image/png")
    path = tmp_path / "files" / key
    path.write_bytes(b"marked")
    await files.put(b"first", "image/png")
    assert path.read_bytes() == b"marked"


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "/etc/passwd", "aa/" + "0" * 64 + ".png", "aa\x00"])
async def test_an_unknown_or_malformed_key_is_not_found(files: FileStore, key: str) -> None:
    with pytest.raises(NotFound):
        await files.get(key)
    assert not await files.exists(key)


async def test_a_file_url_and_a_path_name_the_same_store(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    key = await FileStore(str(folder)).put(b"x", "image/png")
    assert await FileStore(folder.as_uri()).get(key) == b"x"


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable) as caught:
        FileStore(str(tmp_path / "file" / "store"))
    assert str(tmp_path) in caught.value.message
    assert caught.value.next_step


FULL = """
import asyncio, resource, signal, sys
from domain.errors import StorageFull
from store.content.files import FileStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
async def main():
    files = FileStore(sys.argv[1])
    try:
        await files.put(b"x" * 5000, "image/png")
    except StorageFull as error:
        print(error.message, error.next_step)
    print(await files.put(b"small", "image/png"))
asyncio.run(main())
"""


def test_a_full_disk_is_reported_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    # A limit on the size of files stands in for a full disk: both make the write itself fail.
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "no space left" in done.stdout
    assert "Traceback" not in done.stderr
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in stored] == [b"small"]
