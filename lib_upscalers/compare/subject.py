"""Prepare the picture of a comparison: the source, and the reference if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.compare.align import truth_and_small
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.targets import Target, stretching

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.pictures.picture import Picture


@dataclass(frozen=True)
class Subject:
    """The picture of a comparison.

    Attributes:
        title: Its name.
        source: The picture that is enlarged.
        reference: The true picture, of the target's size; None if it is unknown.
        target: The size of the results.
        notes: What the user should know of it.
        trial: How the source was made of the reference, in words; "" if it was not.
    """

    title: str
    source: Picture
    reference: Picture | None
    target: Target
    notes: tuple[str, ...] = ()
    trial: str = ""


def make_subject(
    picture: Picture, title: str, request: ComparisonRequest, notes: tuple[str, ...] = ()
) -> Subject:
    """Make a picture in memory the subject of a comparison.

    Raises:
        InputError: It is too small for the trial, or the target is invalid for it.
    """
    if request.trial is None:
        size = request.target.resolve(picture.size)
        notes = (*notes, *stretching(picture.size, size))
        return Subject(title, picture, None, Target(size=size), notes)
    truth, small = truth_and_small(picture, request.trial)
    if picture.alpha is not None:
        notes = (*notes, "Transparency was laid on white for the test.")
    if truth.size != picture.size:
        notes = (
            *notes,
            f"Cut to {truth.size}, a multiple of {request.trial.factor}, for the test.",
        )
    return Subject(title, small, truth, Target(size=truth.size), notes, str(request.trial))


def read_subject(path: Path, request: ComparisonRequest) -> Subject:
    """Read a picture file and make it the subject of a comparison.

    Raises:
        ImageError: It cannot be read.
        InputError: It is too small for the trial, or the target is invalid for it.
    """
    picture = read_picture(path)
    return make_subject(picture, path.stem, request, picture.notes)
