"""`upscalers models`: find networks on OpenModelDB, get them safely, manage the installed ones."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.cli.command import Command
from lib_upscalers.cli.console import Bars, Console
from lib_upscalers.cli.ending import ALL_DONE, SOME_FAILED
from lib_upscalers.cli.model_arguments import add_actions
from lib_upscalers.cli.terminal_text import readable_bytes
from lib_upscalers.errors import CatalogueError
from lib_upscalers.models.catalogue.file_hosts import best_way
from lib_upscalers.models.catalogue.installed_models import precision_of
from lib_upscalers.models.catalogue.licences import licence_words
from lib_upscalers.models.catalogue.recommended import recommendations
from lib_upscalers.models.catalogue.selection import (
    Filter,
    best_file,
    select,
    speed_class,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
    from lib_upscalers.models.catalogue.installed_models import InstalledModel
    from lib_upscalers.models.catalogue.library import ModelLibrary, Verification
    from lib_upscalers.models.catalogue.schema import Catalogue, CatalogueModel

    Run = Callable[[argparse.Namespace, ModelLibrary, Console], int]

_EPILOG = """\
examples:
  upscalers models recommended              networks to begin with
  upscalers models search anime --scale 2   what OpenModelDB (openmodeldb.info) has
  upscalers models get 2x-AnimeSharpV4      fetch, check and install one
  upscalers models list                     what is installed, and under which licence

Files are fetched by https only and compared with their SHA-256. Pickles are read without running
anything, and stored as .safetensors. Nothing is fetched but by search, show, get and verify ID.
"""
_WAYS: Mapping[str, str] = {"direct": "direct", "extra": "openmodeldb", "page": "browser"}


def _library(options: argparse.Namespace) -> ModelLibrary:
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.models.catalogue.catalogue_settings import read_settings
    from lib_upscalers.models.catalogue.library import ModelLibrary
    from lib_upscalers.upscaling.upscaler import Upscaler

    host = StandaloneHost(tuple(options.models))
    upscaler = Upscaler(host)
    folder = host.data_folder()
    settings = _changed(read_settings(folder), options)
    return ModelLibrary(
        folder,
        host.model_folders,
        upscaler.entries,
        lambda: settings,
        hashes=upscaler.hashes,
    )


def _changed(settings: CatalogueSettings, options: argparse.Namespace) -> CatalogueSettings:
    given = {
        "address": getattr(options, "address", None),
        "mirror": getattr(options, "mirror", None),
        "proxy": getattr(options, "proxy", None),
        "timeout_seconds": getattr(options, "timeout", None),
        "enabled": False if getattr(options, "offline", False) else None,
        "convert": False if getattr(options, "keep_format", False) else None,
    }
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


def _catalogue(library: ModelLibrary, console: Console) -> Catalogue:
    state = library.client.load()
    if state.catalogue is None:
        raise CatalogueError(f"Expected a catalogue, but there is none. {state.problem}")
    if state.problem:
        when = time.strftime("%Y-%m-%d", time.localtime(state.catalogue.fetched))
        console.say(f"The catalogue is of {when}. {state.problem}")
    return state.catalogue


def _write_json(value: object) -> None:
    Console.results().write(json.dumps(value))


def _about(model: CatalogueModel) -> dict[str, Any]:
    """Return what JSON holds of a model."""
    return {
        "id": model.id,
        "name": model.name,
        "authors": model.authors,
        "licence": model.licence,
        "licence_words": licence_words(model.licence).text,
        "paid_work": licence_words(model.licence).paid_work,
        "tags": model.tags,
        "description": model.description,
        "date": model.date,
        "architecture": model.architecture_name,
        "scale": model.scale,
        "way": best_way(model.files),
        "speed": speed_class(model),
        "page": page_of(model.id),
        "files": [
            {"kind": f.kind, "size": f.size_bytes, "sha256": f.sha256, "addresses": f.addresses}
            for f in model.files
        ],
        "previews": [{"before": each.before, "after": each.after} for each in model.previews],
    }


def page_of(model_id: str) -> str:
    """Return the address of a model's page for people."""
    return f"https://openmodeldb.info/models/{model_id}"


def _search(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    known = None
    if options.runs_here:
        from lib_upscalers.models.catalogue.support import known_architectures

        known = known_architectures()
    wanted = Filter(
        text=" ".join(options.words),
        scale=options.scale,
        architecture=options.architecture,
        tag=options.tag,
        paid_work=options.paid_work,
        direct=options.direct,
        runs_here=known,
        order=options.sort,
    )
    found = select(_catalogue(library, console).models.values(), wanted)
    shown = found[: options.most]
    if options.json:
        _write_json([_about(each) for each in shown])
        return ALL_DONE
    head = ("ID", "SCALE", "ARCHITECTURE", "SIZE", "DATE", "FETCHED BY", "LICENCE")
    Console.results(console.words).table(head, map(_row, shown))
    if len(found) > len(shown):
        console.say(f"{len(shown)} of {len(found)} are shown: --most shows more.")
    return ALL_DONE


def _row(model: CatalogueModel) -> tuple[str, ...]:
    size = best_file(model).size_bytes
    return (
        model.id,
        f"{model.scale}x",
        model.architecture_name,
        readable_bytes(size) if size else "-",
        model.date or "-",
        _WAYS[best_way(model.files)],
        licence_words(model.licence).text,
    )


def _show(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    from lib_upscalers.models.catalogue.support import known_architectures, problem_of

    _catalogue(library, console)
    model = library.model(options.id)
    problem = problem_of(model, known_architectures())
    if options.json:
        _write_json({**_about(model), "problem": problem})
        return ALL_DONE
    rows = [
        ("Name", model.name),
        ("Authors", ", ".join(model.authors) or "-"),
        ("Licence", f"{model.licence or '-'} ({licence_words(model.licence).text})"),
        ("Architecture", f"{model.architecture_name}, {model.scale}x"),
        ("Runs here", problem or "yes"),
        ("Tags", ", ".join(model.tags) or "-"),
        ("Date", model.date or "-"),
        ("Page", page_of(model.id)),
        *(
            (f"File .{file.kind}", _file_words(file.size_bytes, file.sha256))
            for file in model.files
        ),
    ]
    results, words = Console.results(), console.words
    Console.results(words).table(("", ""), [(words(name), value) for name, value in rows])
    for line in model.description.splitlines():
        results.write(line)
    return ALL_DONE


def _file_words(size: int | None, sha256: str | None) -> str:
    return f"{readable_bytes(size) if size else 'size not stated'}, SHA-256 {sha256 or 'missing'}"


def _get(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    _catalogue(library, console)
    for model_id in options.ids:
        library.model(model_id)  # an unknown one is refused before the first is fetched
    written: list[dict[str, Any]] = []
    with Bars(console, len(options.ids), "models") as bars:
        for model_id in options.ids:
            bars.begin(model_id)
            done = library.get(model_id, bars, into=options.into)
            bars.finish()
            for note in done.notes:
                console.write(f"{model_id}: {note}", "yellow")
            if not done.checked:
                console.write(
                    f"{model_id}: the catalogue has no SHA-256 to compare with.", "yellow"
                )
            written.append(
                {
                    "id": model_id,
                    "path": str(done.path),
                    "sha256": done.sha256,
                    "source_sha256": done.source_sha256,
                    "hash": "passed" if done.checked else "missing",
                    "converted": done.converted,
                    "notes": done.notes,
                }
            )
            if not options.json:
                Console.results().write(str(done.path))
    if options.json:
        _write_json(written)
    return ALL_DONE


def _list(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    if options.hash:
        for entry in library.entries():
            library.hashes.get(entry.path)
    found = library.installed()
    if options.json:
        _write_json([_about_installed(each) for each in found])
        return ALL_DONE
    head = ("NAME", "SCALE", "ARCHITECTURE", "PRECISION", "SIZE", "CATALOGUE", "LICENCE")
    head = (*head, "LAST USED", "S/MP")
    Console.results(console.words).table(head, map(_installed_row, found))
    return ALL_DONE


def _about_installed(model: InstalledModel) -> dict[str, Any]:
    traits = model.entry.traits
    return {
        "name": model.entry.name,
        "path": str(model.entry.path),
        "scale": traits.scale,
        "architecture": traits.architecture,
        "precision": precision_of(model.entry.path),
        "size": model.entry.size_bytes,
        "sha256": model.sha256,
        "id": model.model.id if model.model else None,
        "licence": model.licence,
        "label": model.mark.label,
        "favourite": model.mark.favourite,
        "hidden": model.mark.hidden,
        "last_used": model.usage.date if model.usage else None,
        "seconds_per_megapixel": model.usage.seconds_per_megapixel if model.usage else None,
        "device": model.usage.device if model.usage else None,
        "built_in": model.entry.built_in,
    }


def _installed_row(model: InstalledModel) -> tuple[str, ...]:
    traits = model.entry.traits
    return (
        model.entry.name,
        f"{traits.scale}x",
        traits.architecture,
        precision_of(model.entry.path) or "-",
        readable_bytes(model.entry.size_bytes),
        model.model.id if model.model else ("-" if model.sha256 else "not hashed yet"),
        model.licence or "-",
        model.usage.date if model.usage else "-",
        f"{speed:.2g}" if model.usage and (speed := model.usage.seconds_per_megapixel) else "-",
    )


def _verify(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    for path in options.files:
        # Before the catalogue is fetched, which may take long or fail.
        library.digest(path)
    if library.client.stored().catalogue is None:
        _catalogue(library, console)
    found = [library.verify(path, options.id) for path in options.files]
    if options.json:
        _write_json([_about_verification(each) for each in found])
    else:
        for each in found:
            Console.results(console.words).write(_verification_line(each))
    return SOME_FAILED if any(each.verdict == "wrong" for each in found) else ALL_DONE


def _about_verification(found: Verification) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "sha256": found.sha256,
        "verdict": found.verdict,
        "id": found.origin.model.id if found.origin else None,
        "expected": found.expected,
    }


def _verification_line(found: Verification) -> str:
    line = f"{found.verdict}: {found.path}, SHA-256 {found.sha256}"
    if found.verdict == "wrong":
        return f"{line}; the catalogue has {', '.join(found.expected)}"
    if found.origin is not None:
        return f"{line}; it is {found.origin.model.id}"
    return f"{line}; the catalogue has no such file, so nothing can be compared"


def _convert(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    from lib_upscalers.models.catalogue.conversion import convert

    del library, console
    target = options.out or options.file.with_suffix(".safetensors")
    digest = convert(options.file, target, overwrite=options.overwrite)
    if options.json:
        _write_json({"path": str(target), "sha256": digest})
    else:
        Console.results().write(str(target))
    return ALL_DONE


def _remove(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    entries = [library.find_installed(name) for name in options.names]
    removed: list[dict[str, str]] = []
    for entry in entries:
        where = library.remove(entry.name, permanently=options.permanently)
        removed.append({"path": str(entry.path), "where": where})
        console.say(f"{entry.path}: {where}")
    if options.json:
        _write_json(removed)
    return ALL_DONE


def _recommended(options: argparse.Namespace, library: ModelLibrary, console: Console) -> int:
    del library
    found = [
        each
        for each in recommendations()
        if options.purpose is None or options.purpose in each.purposes
    ]
    if options.json:
        _write_json([vars(each) for each in found])
        return ALL_DONE
    head = ("ID", "FOR", "SCALE", "SIZE", "LICENCE", "WHY")
    rows = (
        (
            each.id,
            ", ".join(each.purposes),
            f"{each.scale}x",
            f"{each.megabytes} MB" if each.megabytes else "-",
            licence_words(each.licence).text,
            each.reason,
        )
        for each in found
    )
    Console.results(console.words).table(head, rows)
    return ALL_DONE


_RUNS: Mapping[str, Run] = {
    "search": _search,
    "show": _show,
    "get": _get,
    "list": _list,
    "verify": _verify,
    "convert": _convert,
    "remove": _remove,
    "recommended": _recommended,
}


def _run(options: argparse.Namespace, console: Console) -> int:
    return _RUNS[options.action](options, _library(options), console)


COMMAND = Command(
    name="models",
    summary="find, get and manage networks",
    add=add_actions,
    run=_run,
    epilog=_EPILOG,
)
