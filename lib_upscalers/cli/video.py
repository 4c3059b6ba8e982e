"""`upscalers video`: enlarge a video."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import (
    add_device,
    add_messages,
    add_models,
    add_scale_or_size,
    natural,
)
from lib_upscalers.cli.cluster import (
    absolute_models,
    add_cluster,
    opened_workers,
)
from lib_upscalers.cli.command import EXIT_CODES, Command, options_of
from lib_upscalers.cli.console import Bars
from lib_upscalers.cli.engine_arguments import add_engine_settings, read_engine_settings
from lib_upscalers.jobs.sources import to_path
from lib_upscalers.video.pieces import Trim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lib_upscalers.cli.console import Console
    from lib_upscalers.geometry import Size
    from lib_upscalers.jobs.worker_pool import Worker, WorkerPool
    from lib_upscalers.targets import SizeRequest
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.video.encoding import Encoding
    from lib_upscalers.video.piece_run import VideoJob
    from lib_upscalers.video.video_facts import VideoFacts

_EPILOG = f"""\
The result is made in pieces of about ten seconds, in a folder beside it: the same command goes on
where an earlier one has ended. Every frame keeps its timestamp; sound, subtitles, fonts, chapters
and tags are copied. The package av is needed: pip install 'upscaler-lab[video]'.

examples:
  upscalers video in.mkv out.mkv --upscaler "Lab Fast 2x" --scale 2
  upscalers video in.mp4 out.mkv --size 1920x --codec hevc --crf 20
  upscalers video in.mkv part.mkv --trim 1:30-1:40

{EXIT_CODES}"""
_CODECS = ("h264", "hevc", "av1", "ffv1", "prores")
_GOES_ON = "the same command goes on."
_NOTHING_KEPT = "nothing is kept yet, the same command begins anew."


@dataclass(frozen=True)
class VideoOptions:
    """The options of `upscalers video`, but for the engine's settings."""

    files: Sequence[str]
    upscaler: str | None
    scale: float | None
    size: SizeRequest | None
    models: Sequence[Path]
    device: str
    codec: str
    crf: int | None
    trim: Trim
    changed_tiles: int | None
    overwrite: bool
    resume: bool
    dry_run: bool
    ray: str | None
    ray_cores: int | None


def read_trim(text: str) -> Trim:
    """Read a part of a video: ``10-20``, ``1:30-``, ``-0:05.5``.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    from lib_upscalers.errors import InputError

    try:
        return Trim.parse(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="the video, then the result")
    parser.add_argument(
        "-u",
        "--upscaler",
        metavar="NAME",
        help="a name from `upscalers list`, or the path of a network file (default: the first "
        "network of that list)",
    )
    add_scale_or_size(parser, None, "what the network was made for, otherwise 2")
    add_engine_settings(parser)
    add_device(parser)
    group = parser.add_argument_group("video")
    group.add_argument(
        "--codec", choices=_CODECS, default="h264", help="of the result (default: h264)"
    )
    group.add_argument(
        "--crf",
        type=natural,
        metavar="N",
        help="quality of h264 (default 16), hevc (18) and av1 (22): smaller is better and larger",
    )
    group.add_argument(
        "--trim", type=read_trim, default=Trim(), metavar="A-B", help="a part: 10-20, 1:30-1:40"
    )
    group.add_argument(
        "--changed-tiles",
        type=natural,
        metavar="LEVELS",
        help="enlarge only the tiles in which a value differs by more than so many levels of 255 "
        "(0 to 32), and take the rest from the frame before (default: whole frames)",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace a file that has the result's name"
    )
    group.add_argument(
        "--no-resume",
        dest="resume",
        action="store_false",
        help="do all pieces again, also those of an earlier run",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="show what would be done, and write nothing"
    )
    add_cluster(parser)
    add_models(parser)
    add_messages(parser)


def _run(namespace: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.targets import stretching
    from lib_upscalers.video.video_run import VideoRun

    options = options_of(VideoOptions, namespace)
    job = _job(options, read_engine_settings(namespace))
    facts = job.facts
    frames = sum(len(piece.stamps) for piece in job.pieces)
    pieces = "1 piece" if len(job.pieces) == 1 else f"{len(job.pieces)} pieces"
    console.say(
        f"{facts.path}: {facts.size}, {frames} frames, {facts.codec} {facts.pixel_format}, "
        f"{facts.colour.name} -> {job.output}: {job.size}, {options.codec} "
        f"{job.encoding.codec.pixel_format(facts)}, {pieces}, {job.method.name}"
    )
    for note in stretching(facts.size, job.size):
        console.say(note)
    if options.dry_run:
        for note in facts.notes:
            console.say(note)
        console.say("Nothing was written (--dry-run).")
        return 0
    with ExitStack() as stack:
        pool = _workers(options, read_engine_settings(namespace), job, stack)
        bars = stack.enter_context(Bars(console))
        bars.begin(facts.path.name)
        run = VideoRun(job, bars, pool)
        try:
            notes = run.run()
        except BaseException:
            if run.tally.done:
                console.say(f"{run.tally.in_words()}: {_GOES_ON if run.kept else _NOTHING_KEPT}")
            raise
    for note in notes:
        console.say(note)
    if run.tally.damaged:
        console.write(
            f"Frames of the source are damaged, {len(run.tally.damaged)}: they show what could be "
            "decoded, or what the frame beside them shows.",
            "yellow",
        )
    console.say(f"{facts.path} -> {job.output}: {run.tally.in_words()}.")
    return 0


def _workers(
    options: VideoOptions, settings: Settings, job: VideoJob, stack: ExitStack
) -> WorkerPool | None:
    """Start the workers of a cluster, if the user asked for some."""
    if options.ray is None:
        return None
    models, upscaler = absolute_models(options.models, options.upscaler)
    files = [str(to_path(name).absolute()) for name in options.files]
    portable = replace(options, models=models, upscaler=upscaler, files=files, overwrite=True)
    return stack.enter_context(
        opened_workers(
            options,
            partial(_make_worker, portable, settings),
            folder=job.output.parent,
            fingerprint=job.method.fingerprint,
            at_once=1,
        )
    )


def _make_worker(options: VideoOptions, settings: Settings) -> Worker:
    """Return the worker of another process; called there, so that the network is loaded there."""
    from lib_upscalers.video.video_worker import VideoWorker

    return VideoWorker(_job(options, settings))


def _job(options: VideoOptions, settings: Settings) -> VideoJob:
    from lib_upscalers.cli.method_options import choose
    from lib_upscalers.errors import InputError
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.jobs.picture_steps import naming_overwrite
    from lib_upscalers.upscaling.upscaler import Upscaler
    from lib_upscalers.video.encoding import Encoding
    from lib_upscalers.video.video_planning import VideoLook, VideoOrder, plan_video

    if len(options.files) > 2:
        raise InputError(
            f"Expected one video and one result, but got {len(options.files)} names: run the "
            "command once for each."
        )
    source, output = (to_path(name) for name in options.files)
    upscaler = Upscaler(StandaloneHost(tuple(options.models), options.device))
    choice, encoding = (
        choose(upscaler, options.upscaler),
        Encoding.named(options.codec, options.crf),
    )
    order = VideoOrder(
        source=source,
        output=output,
        choice=choice,
        size_of=lambda facts: _size(options, facts, encoding, float(choice.scale or 2)),
        encoding=encoding,
        settings=settings,
        trim=options.trim,
        changed=options.changed_tiles,
        overwrite=options.overwrite,
        resume=options.resume,
    )
    with naming_overwrite():
        order.check()
    return plan_video(order, VideoLook.at(source), upscaler)


def _size(options: VideoOptions, facts: VideoFacts, encoding: Encoding, scale: float) -> Size:
    from lib_upscalers.targets import target_for
    from lib_upscalers.video.encoding import even_size

    asked = options.size
    scale = scale if options.scale is None else options.scale
    size = target_for(asked, scale, facts.size).resolve(facts.size)
    return size if asked and asked.is_exact else even_size(size, facts, encoding)


COMMAND = Command(
    name="video",
    summary="enlarge a video",
    add=_add,
    run=_run,
    usage="upscalers video IN OUT [options]",
    epilog=_EPILOG,
    names="files",
    least=(2, "a video and a place for the result: IN OUT"),
)
