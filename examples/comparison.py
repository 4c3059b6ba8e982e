"""Compare three upscalers on a picture: python examples/comparison.py IN.png REPORT.html.

The picture is shrunk to half its size first, so that the right answer is known.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lib_upscalers import StandaloneHost, Target, Upscaler
from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.report import html_report
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.subject import read_subject
from lib_upscalers.upscaling.candidates import candidates, comparison

source, report = Path(sys.argv[1]), Path(sys.argv[2])
host = StandaloneHost()
upscaler, store = Upscaler(host), Store(host.data_folder() / "compare")
names = ("Nearest", "Lanczos", "Lab Fast 2x")
request = ComparisonRequest(names, Target(scale=2), Trial(2, "Bicubic"))
chosen = candidates(upscaler, names)
work = comparison(read_subject(source, request), request, chosen, store, host)
*_, session = work.run()  # yields the session each time something in it has changed
for entry in session.entries:
    sys.stdout.write(f"{entry.name:12} PSNR {entry.figures['psnr']:.2f} dB\n")
report.write_text(html_report([session], store), encoding="utf-8")
