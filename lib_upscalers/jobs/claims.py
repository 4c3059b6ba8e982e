"""Decide, picture by picture, whether a run makes a result, skips it or waits for another run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lib_upscalers.jobs.journal_view import Row, entry_name, what_is_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.jobs.journal import Journal
    from lib_upscalers.jobs.journal_view import JournalView
    from lib_upscalers.jobs.output_paths import FileJob

Verdict = Literal["claimed", "done", "there", "failed", "busy", "refused"]


@dataclass(frozen=True)
class ClaimRules:
    """What a run does with results and failures of earlier ones.

    Attributes:
        fingerprint: Of what decides the pixels of its results.
        resume: Whether what an earlier run has done counts.
        retry_failed: Whether what failed before is tried again.
        overwrite: Whether files that no run of the journal has made may be replaced.
    """

    fingerprint: str
    resume: bool = True
    retry_failed: bool = True
    overwrite: bool = False


@dataclass(frozen=True)
class Claim:
    """The decision about one picture.

    Attributes:
        job: The picture.
        verdict: "claimed": this run makes it; "done": it is there; "there": a file of its name
            is, which the journal does not know; "failed": it failed before and is not tried
            again; "busy": another run is at it; "refused": it cannot be done here.
        row: The journal's row; None without a journal, or where there is none.
        replace: Whether the file that is there may be replaced.
        reason: Why it is refused or failed.
    """

    job: FileJob
    verdict: Verdict
    row: Row | None = None
    replace: bool = False
    reason: str = ""


def claim_some(
    journal: Journal, jobs: Sequence[FileJob], rules: ClaimRules, most: int
) -> list[Claim]:
    """Decide about pictures and claim those that are to be made, in one transaction.

    Args:
        journal: The journal.
        jobs: The pictures.
        rules: What counts as done.
        most: So many are claimed at most.

    Returns:
        The decisions about the first of the pictures, in their order: all up to the last claim.

    Raises:
        DiskFullError: The disk is full.
        OutputError: The journal cannot be written.
    """
    asked = [_Asked.about(journal, job) for job in jobs]
    claims: list[Claim] = []
    with journal.transaction():
        for each in asked:
            claim = _decide(journal, each, rules)
            claims.append(claim)
            if claim.verdict == "claimed" and claim.row is not None:
                journal.put(claim.row)
                most -= 1
                if most <= 0:
                    break
    return claims


def foresee(journal: JournalView, jobs: Sequence[FileJob], rules: ClaimRules) -> list[Claim]:
    """Return what `claim_some` would decide about all pictures; nothing is changed."""
    return [_decide(journal, _Asked.about(journal, job), rules) for job in jobs]


@dataclass(frozen=True)
class _Asked:
    """A picture whose claim is asked for, with its facts of this moment."""

    job: FileJob
    output: str
    source: str
    source_bytes: int
    source_changed: int

    @classmethod
    def about(cls, journal: JournalView, job: FileJob) -> _Asked:
        try:
            facts = job.source.stat()
            size, changed = facts.st_size, facts.st_mtime_ns
        except OSError:
            size, changed = -1, -1  # reading it will say why
        below = Path(os.path.relpath(job.output, journal.folder))
        source = Path(os.path.abspath(job.source))  # noqa: PTH100 - links are not followed
        return cls(job, entry_name(below), entry_name(source), size, changed)

    def is_source_of(self, row: Row) -> bool:
        return (self.source_bytes, self.source_changed) == (row.source_bytes, row.source_changed)


def _decide(journal: JournalView, asked: _Asked, rules: ClaimRules) -> Claim:
    job, row = asked.job, journal.row(asked.output)
    if row is None:
        if os.path.lexists(job.output) and not rules.overwrite:
            return Claim(job, "there")
        return _claim(journal, asked, rules, None, replace=rules.overwrite)
    if row.state in ("working", "written") and journal.is_live(row.owner):
        return Claim(job, "busy", row)
    there = what_is_there(job.output, row)
    same = asked.is_source_of(row) and row.fingerprint == rules.fingerprint
    if row.state == "failed" and same and not rules.retry_failed:
        return Claim(job, "failed", row, reason=row.error)
    if there == "result" and row.state in ("done", "written"):
        if asked.source != row.source and not asked.is_source_of(row):
            return _other_source(journal, asked, rules, row)
        if same and (rules.resume or row.owner == journal.owner):
            return Claim(job, "done", row)
    if there == "other" and not rules.overwrite:
        return Claim(job, "there", row)
    return _claim(journal, asked, rules, row, replace=bool(there) or rules.overwrite)


def _other_source(journal: JournalView, asked: _Asked, rules: ClaimRules, row: Row) -> Claim:
    if rules.overwrite:
        return _claim(journal, asked, rules, row, replace=True)
    reason = (
        f"Expected a name of its own for the result, but {asked.job.output} is the result of "
        f"{row.source}: choose another folder, or replace it by --overwrite."
    )
    return Claim(asked.job, "refused", row, reason=reason)


def _claim(
    journal: JournalView, asked: _Asked, rules: ClaimRules, earlier: Row | None, *, replace: bool
) -> Claim:
    row = Row(
        output=asked.output,
        source=asked.source,
        source_bytes=asked.source_bytes,
        source_changed=asked.source_changed,
        fingerprint=rules.fingerprint,
        state="working",
        owner=journal.owner,
        sha256=earlier.sha256 if earlier else "",
        former=earlier.former if earlier else "",
        result_bytes=earlier.result_bytes if earlier else 0,
        result_changed=earlier.result_changed if earlier else 0,
    )
    return Claim(asked.job, "claimed", row, replace=replace)
