"""The journal by itself: what claims, results and failures leave in it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.jobs.journal import ClaimLostError, Journal, opened_journal
from lib_upscalers.jobs.journal_view import Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal that is open."""
    with opened_journal(tmp_path) as made:
        yield made


def claimed(journal: Journal, **changes: str) -> Row:
    row = Row("a.png", "/in/a.png", 5, 7, "fingerprint", "working", journal.owner)
    row = replace(row, **changes)
    with journal.transaction():
        journal.put(row)
    return row


def written_file(folder: Path, content: bytes = b"whole") -> Path:
    file = folder / "part"
    file.write_bytes(content)
    return file


def test_a_result_is_entered_with_what_it_replaces(journal: Journal, tmp_path: Path) -> None:
    row = claimed(journal, sha256="before")
    written = journal.enter_written(row, written_file(tmp_path), 1.5)
    assert journal.row("a.png") == written
    assert (written.state, written.former, written.seconds) == ("written", "before", 1.5)
    assert written.sha256 == hashlib.sha256(b"whole").hexdigest()
    assert written.result_bytes == 5
    journal.enter_published(written)
    journal.beat()
    assert journal.row("a.png") == replace(written, state="done")


def test_a_claim_that_another_run_has_taken_over_is_lost(journal: Journal, tmp_path: Path) -> None:
    row = claimed(journal)
    taken = claimed(journal, owner="another run")
    with pytest.raises(ClaimLostError):
        journal.enter_written(row, written_file(tmp_path), 1.0)
    assert journal.row("a.png") == taken


def test_a_result_that_could_not_take_its_name_leaves_the_former_one_known(
    journal: Journal, tmp_path: Path
) -> None:
    written = journal.enter_written(claimed(journal, sha256="before"), written_file(tmp_path), 1.0)
    journal.enter_failed(written, "The disk is full.")
    row = journal.row("a.png")
    assert row is not None
    assert (row.state, row.error) == ("failed", "The disk is full.")
    assert (row.sha256, row.former, row.result_bytes) == ("before", "", 0)


def test_only_the_own_claim_is_given_back(journal: Journal) -> None:
    row = claimed(journal)
    journal.release(row)
    assert journal.row("a.png") == replace(row, owner="")
    other = claimed(journal, owner="another run")
    journal.release(other)
    assert journal.row("a.png") == other
