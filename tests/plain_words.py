"""Words that the first line of a module's docstring does without, each with the reason.

The line names the module's subject by the field's own word. A word below has two meanings, of
which a reader takes the first one, or lets the line avoid its subject.
"""

from __future__ import annotations

import re
from typing import Final

# A pattern -> why it is not plain, and what to write.
UNPLAIN: Final = {
    r"behind": "a place in space: write after, under or hidden",
    r"tell(s|ing)?|told": "a module does not speak: write logs, shows, returns, raises or detects",
    r"said|says?|saying": "a module does not speak: write holds, contains, declares or shows",
    r"kept": "stored, cached, preserved or left as it is? write which",
    r"(comes?|came|coming) (out|of)": "results or returns: write what is made",
    r"wanted": "requested, expected or target? write which",
    r"anew": "again, from the start or newly made? write which",
    r"in (its|the|their) place|in place of": "a place in space: write instead of or replaces",
    r"(takes?|taken|taking|took) for": "write treat as, mistake for or recognise as",
    r"lets? (it|them) go|letting go": "write frees, unloads or undoes",
    r"hung on": "write attached to or stored with",
    r"otherwise": "differently or else? write differs or else",
}
# A first line that starts like a riddle has no subject: "Which tiles …", "How large …".
RIDDLES: Final = ("What", "Which", "How", "Whether", "Where", "Whatever", "Having")


def faults(line: str) -> list[str]:
    """Return what is not plain in a docstring's first line, with the reason."""
    found = [
        f'"{match[0]}": {reason}'
        for pattern, reason in UNPLAIN.items()
        if (match := re.search(rf"\b({pattern})\b", line, re.IGNORECASE))
    ]
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    if first in RIDDLES:
        found.append(f'"{first} …": start with the thing or with a verb')
    return found
