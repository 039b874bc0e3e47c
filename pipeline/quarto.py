"""Build with Quarto where it is present, and fail on what Quarto only warns of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.book import Book
from pipeline.pages import BuildError
from pipeline.search_index import write_index

COMPLAINTS = re.compile(
    r"Unable to resolve (?:crossref|link)|Unknown (?:var|variable|env|shortcode)|\?var:|\[WARNING\] Citeproc|"
    r"citation \S+ not found|Shortcode \S+ not found|Could not convert TeX math|"
    r"Could not (?:fetch|find) resource|Duplicate note reference|Div at .* unclosed",
    re.I,
)


def find_quarto() -> str | None:
    """The quarto program, or None.

    `KOSAE_QUARTO=no` never uses it; `KOSAE_QUARTO=try` tries once to install it from its Python package, which
    downloads the program from its release page and so does not work on every network.
    """
    wish = os.environ.get("KOSAE_QUARTO", "")
    if wish == "no":
        return None
    beside = Path(sys.executable).with_name("quarto")
    found = shutil.which("quarto") or (str(beside) if beside.exists() else None)
    if found or wish != "try":
        return found
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "quarto-cli"]
    try:
        subprocess.run(command, capture_output=True, timeout=300, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return str(beside) if beside.exists() else None


def complaints(output: str) -> list[str]:
    """Lines of Quarto's output that mean an unresolved reference, variable, link or citation."""
    return [line.strip() for line in output.splitlines() if COMPLAINTS.search(line)]


def render(quarto: str, book: Book, font_paths: list[str]) -> list[Path]:
    """Render one language with its profile; return the site's first page and the PDF.

    Raises  BuildError when Quarto fails, warns of anything unresolved, or leaves an output out.
    """
    config, root = book.config, book.pages[0].root
    environment = {**os.environ, "QUARTO_PYTHON": sys.executable}
    if font_paths:
        environment["TYPST_FONT_PATHS"] = os.pathsep.join(font_paths)
    command = [quarto, "render", "--profile", config.lang]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, encoding="utf-8")
    output = done.stdout + done.stderr
    (book.work / "quarto.log").write_text(output, "utf-8")
    if done.returncode:
        raise BuildError(f"quarto render --profile {config.lang} failed:\n{output[-3000:]}")
    if wrong := complaints(output):
        raise BuildError(f"quarto render --profile {config.lang}:\n" + "\n".join(wrong))
    pages = [page.out for page in book.pages]
    results = [config.out / "index.html", config.out / config.pdf]
    missing = [str(path) for path in [*results, *(config.out / page for page in pages)] if not path.exists()]
    if missing:
        raise BuildError("Quarto left out " + ", ".join(missing))
    write_index(config.out, pages)
    return results
