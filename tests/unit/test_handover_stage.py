from __future__ import annotations

import json
from pathlib import Path

import pytest

from exports.package.stage import FORMAT, MANIFEST, Stage


def package(folder: Path, text: str) -> None:
    """Write a package of one file the way an export does."""
    stage = Stage(folder)
    stage.write("posts/a.txt", text.encode())
    files = {path: {"sha256": digest, "bytes": size} for path, (digest, size) in stage.written.items()}
    stage.write(MANIFEST, json.dumps({"format": FORMAT, "files": files}).encode())
    stage.publish()
    stage.discard()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_nothing_is_seen_of_a_package_before_it_is_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "out")
    stage.write("posts/a.txt", b"x")
    assert not (tmp_path / "out").exists()
    stage.publish()
    stage.discard()
    assert names(tmp_path) == ["out"]


def test_a_discarded_package_leaves_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "out")
    stage.write("a.txt", b"x")
    stage.discard()
    assert names(tmp_path) == []


def test_an_export_killed_between_the_two_renames_gets_its_old_package_back(tmp_path: Path) -> None:
    package(tmp_path / "out", "old")
    (tmp_path / "out").rename(tmp_path / ".out.posthub-old-5eed")
    Stage(tmp_path / "out").discard()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out/posts/a.txt").read_text() == "old"


def test_an_export_killed_after_the_swap_leaves_the_new_package(tmp_path: Path) -> None:
    package(tmp_path / "out", "old")
    (tmp_path / "out").rename(tmp_path / ".out.posthub-old-5eed")
    package(tmp_path / "elsewhere", "new")
    (tmp_path / "elsewhere").rename(tmp_path / "out")
    Stage(tmp_path / "out").discard()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out/posts/a.txt").read_text() == "new"


def test_the_half_written_folder_of_a_killed_export_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".out.posthub-new-5eed" / "posts").mkdir(parents=True)
    (tmp_path / ".other.posthub-new-5eed").mkdir()
    package(tmp_path / "out", "new")
    assert names(tmp_path) == [".other.posthub-new-5eed", "out"]


def test_an_export_never_removes_the_folder_of_a_living_one(tmp_path: Path) -> None:
    living = Stage(tmp_path / "out")
    living.write("posts/a.txt", b"living")
    package(tmp_path / "out", "other")
    living.write(MANIFEST, json.dumps({"format": FORMAT, "files": {}}).encode())
    living.publish()
    living.discard()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out/posts/a.txt").read_text() == "living"


def test_a_name_with_wildcards_touches_no_sibling(tmp_path: Path) -> None:
    (tmp_path / ".a1.posthub-new-5eed").mkdir()
    package(tmp_path / "a?", "x")
    package(tmp_path / "a[1]", "x")
    assert names(tmp_path) == [".a1.posthub-new-5eed", "a?", "a[1]"]


def test_a_link_to_a_folder_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    package(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/posts/a.txt").read_text() == "x"


@pytest.mark.parametrize("path", ["../evil.txt", "/etc/evil.txt", "posts/../../evil.txt"])
def test_no_path_leads_out_of_the_package(path: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path / "out")
    with pytest.raises(ValueError, match="leaves the package"):
        stage.write(path, b"x")
    stage.discard()
    assert names(tmp_path) == []
