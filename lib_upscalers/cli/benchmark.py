"""`upscalers benchmark`: how fast each upscaler is on this computer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_device, add_messages, add_models, count
from lib_upscalers.cli.command import Command
from lib_upscalers.cli.console import Console
from lib_upscalers.cli.ending import ALL_DONE, SOME_FAILED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lib_upscalers.diagnosis.speed_table import Speed

_SECONDS = 120
_HEAD = ("NAME", "SCALE", "SPEED", "PICTURE", "MEMORY", "PRECISION", "DEVICE")


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="upscalers from `upscalers list`, or paths of network files (default: all)",
    )
    parser.add_argument(
        "--seconds",
        type=count,
        default=_SECONDS,
        metavar="N",
        help=f"how long it should take in all, about (default: {_SECONDS})",
    )
    parser.add_argument(
        "--json", action="store_true", help="write the table as JSON to the standard output"
    )
    add_device(parser)
    add_models(parser)
    add_messages(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.diagnosis.speed_table import measure_speeds, table_as_json
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.upscaling.upscaler import Upscaler

    host = StandaloneHost(tuple(options.models), options.device)
    host.device()
    upscaler = Upscaler(host)
    choices = [upscaler.find(name) for name in options.names] or upscaler.choices()
    speeds: list[Speed] = []
    for speed in measure_speeds(host, upscaler, choices, options.seconds):
        speeds.append(speed)
        if speed.problem:
            console.write_as_it_is(f"{speed.name}: {speed.problem}", "red")
        else:
            console.say(f"{len(speeds)}/{len(choices)}: {speed.name}, {speed.speed_text}")
    if options.json:
        Console.results().write_as_it_is(json.dumps(table_as_json(host, speeds)))
    else:
        Console.results(console.words).table(_HEAD, [_row(each) for each in speeds])
    return SOME_FAILED if any(each.problem for each in speeds) else ALL_DONE


def _row(speed: Speed) -> Sequence[str]:
    picture = f"{speed.side}x{speed.side}" if speed.side else "-"
    memory, precision = speed.memory_text, speed.precision or "-"
    return (
        *(speed.name, f"{speed.scale}x", speed.speed_text, picture, memory, precision),
        speed.device or "-",
    )


COMMAND = Command(
    name="benchmark",
    summary="measure how fast each upscaler is here",
    add=_add,
    run=_run,
    names="names",
)
