from __future__ import annotations

import hashlib

import pytest

from domain.errors import InvalidInput
from store.content.files import FileStore, file_key


def test_a_key_is_made_of_the_content_and_its_media_type() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert file_key(b"x", "image/png") == f"{digest[:2]}/{digest}.png"
    assert file_key(b"x", "Image/JPEG; q=1") == f"{digest[:2]}/{digest}.jpg"
    assert file_key(b"x", "../../etc/passwd") == f"{digest[:2]}/{digest}.bin"


def test_an_address_of_an_unknown_kind_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        FileStore("ftp2://user:hunter2@host/x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.next_step
