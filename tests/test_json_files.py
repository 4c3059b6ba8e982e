"""Small JSON files: what is damaged is left out, with a line in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.json_files import read_object, table, write_object
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_written_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "new" / "folder" / "a.json"
    assert read_object(file, "nothing is known") == {}
    write_object(file, {"é": [1, None, "x"]})
    write_object(file, {"é": [2, None, "x"]})
    assert read_object(file, "nothing is known") == {"é": [2, None, "x"]}
    assert caplog.text == ""


@each_case("content", [b"", b"\xff\x00", b"[1]", b"null", b"{", b"[" * 100_000])
def test_damage_is_logged(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    assert read_object(file, "nothing is known") == {}
    assert len(caplog.records) == 1
    assert "so nothing is known" in caplog.text


@each_case("held", [None, [1], 5, "text"])
def test_what_is_no_table_is_an_empty_one(held: object) -> None:
    assert table(held) == {}
    assert table({"a": held}) == {"a": held}
