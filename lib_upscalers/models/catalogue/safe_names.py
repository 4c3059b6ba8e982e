"""Names of files that are safe on every system, whatever a catalogue calls its models."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 100
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\..*)?", re.IGNORECASE)


def safe_stem(name: str) -> str:
    """Return a name for a file, without its ending: ASCII letters, digits and ``. _ - + ( )``.

    No result has a separator, names a device of Windows, begins with a dot or a hyphen, or ends
    with a dot or a space.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._+() -]+", "_", plain)
    stem = re.sub(r"\.{2,}", ".", stem).strip("._- ")[:_LONGEST].rstrip("._- ")
    if not stem:
        return "network"
    return f"{stem}_" if _DEVICE.fullmatch(stem) else stem
