from __future__ import annotations

import pytest

from exports.package.names import MAX_NAME, Names, iso_day, safe_name

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/shadow",
    "C:\\autoexec.bat",
    "a\x00b",
    "post\r\nContent-Type: text/html",
    ".hidden",
    "~/secret",
    "a/b/c",
    "název:dvojtečka*?<>|",
    "‮gpj.exe",
    "$(rm -rf .)",
    "x" * 300,
    "ě" * 300,
    "   ",
    "...",
    "😀😀",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_title_becomes_one_plain_word(text: str) -> None:
    name = safe_name(text, "post")
    assert name
    assert len(name) <= MAX_NAME
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("device", ["CON", "prn", "Aux", "NUL", "COM1", "com0", "lpt9", "con.txt"[:3]])
def test_a_name_that_windows_reserves_is_never_used(device: str) -> None:
    assert safe_name(device, "post") == f"post-{device.lower()}"


def test_czech_letters_lose_their_marks_and_stay_readable() -> None:
    assert safe_name("Žluťoučký kůň úpěl", "post") == "zlutoucky-kun-upel"


def test_two_posts_of_one_name_get_two_folders() -> None:
    names = Names()
    assert [names.take("kava"), names.take("kava"), names.take("kava")] == ["kava", "kava-2", "kava-3"]


def test_names_that_differ_only_in_case_are_taken_for_one() -> None:
    names = Names()
    assert [names.take("Kava", ".png"), names.take("kava", ".PNG")] == ["Kava.png", "kava-2.PNG"]


@pytest.mark.parametrize(
    "day", ["2027-02-30", "2027-1-5", "../2027-01-05", "", None, 20270105, "2027-01-05T10:00"]
)
def test_what_is_no_date_never_reaches_a_path(day: object) -> None:
    assert iso_day(day) == "undated"


def test_a_date_stays_as_it_is() -> None:
    assert iso_day("2027-01-05") == "2027-01-05"
