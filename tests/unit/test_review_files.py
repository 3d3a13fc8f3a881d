"""How pictures and clips stand in what a review shows."""

from __future__ import annotations

from nodes.review.packages import _file

IMAGE = {"kind": "image", "aspectRatio": "1:1", "altText": "Káva [ráno](x)\n<b>", "key": "ab/1.png"}
VIDEO = {
    "kind": "video",
    "aspectRatio": "9:16",
    "altText": "Klip",
    "key": "ab/2.mp4",
    "thumbnailKey": "ab/3.png",
}


def _address(key: str) -> str:
    return f"https://desk.example/files/{key}" if key else ""


def test_a_picture_is_seen_and_a_clips_poster_leads_to_the_clip() -> None:
    picture = _file(IMAGE, _address).splitlines()[-1]
    assert picture == "![Káva ráno (x) b ](https://desk.example/files/ab/1.png)".replace(" ]", "]")
    clip = _file(VIDEO, _address).splitlines()[-1]
    assert clip == "[![Klip](https://desk.example/files/ab/3.png)](https://desk.example/files/ab/2.mp4)"
    bare = _file({**VIDEO, "thumbnailKey": None}, _address).splitlines()[-1]
    assert bare == "[Klip](https://desk.example/files/ab/2.mp4)"


def test_where_no_address_of_the_server_is_known_words_alone_are_shown() -> None:
    assert _file(VIDEO, lambda key: "") == "**video** 9:16: Klip"
