"""JSON inside classic scripts: written for pages that are opened from disk, and read again by the server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def chunk_name(number: int) -> str:
    """The file of a chunk."""
    return f"f{number:04d}.js"


def read_script(path: Path) -> Any:
    """The JSON that a script of this module passes on: its last argument."""
    text = path.read_text("utf-8")
    match = re.match(r'KOSAE\.(?:index\("[^"]*",|features\("[^"]*",\d+,)', text)
    if match is None:
        raise ValueError(f"{path} is not a script of the explorer: run make explorer again.")
    return json.loads(text[match.end() : text.rindex(")")])


def js(value: Any) -> str:
    """JSON that is safe inside a script: no end of a script element, no line ends of JavaScript alone."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
