"""The search index of a built site, as a classic script that works from disk with either builder."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

SKIP = {"script", "style", "nav", "details", "math", "svg", "button", "aside", "footer"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HEADINGS = {"h1", "h2", "h3"}


class _Sections(HTMLParser):
    """Text of <main>, cut at the headings that have an address (their own or their section's)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[dict[str, str]] = []
        self.stack: list[tuple[str, str]] = []
        self.heading = False

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        attributes = dict(attrs)
        self.stack.append((tag, attributes.get("id") or ""))
        if tag in HEADINGS and self._inside():
            anchor = attributes.get("id") or next((i for t, i in reversed(self.stack) if t == "section" and i), "")
            self.sections.append({"anchor": anchor, "level": tag[1], "head": "", "text": ""})
            self.heading = True

    def handle_endtag(self, tag):
        if tag in VOID or tag not in (open_tag for open_tag, _ in self.stack):
            return
        while self.stack:
            top, _ = self.stack.pop()
            if top == tag:
                break
        if tag in HEADINGS:
            self.heading = False

    def _inside(self) -> bool:
        tags = [tag for tag, _ in self.stack]
        return "main" in tags and not SKIP.intersection(tags[tags.index("main") :])

    def handle_data(self, data):
        if self.sections and self._inside():
            self.sections[-1]["head" if self.heading else "text"] += data


def sections(html: str) -> list[dict[str, str]]:
    """Headings of a page with the text below each."""
    parser = _Sections()
    parser.feed(html)
    for section in parser.sections:
        for key in ("head", "text"):
            section[key] = unicodedata.normalize("NFC", re.sub(r"\s+", " ", section[key]).strip())
    return parser.sections


def write_index(site: Path, pages: list[str]) -> Path:
    """Write `site/search-index.js` for the pages (paths in the site), in their order."""
    entries = []
    for page in pages:
        title = ""
        for section in sections((site / page).read_text("utf-8")):
            if not title:  # Quarto sets the references under a second h1
                title = section["head"]
                entry = {"u": page, "t": title, "s": "", "x": section["text"]}
            else:
                entry = {"u": f"{page}#{section['anchor']}", "t": title, "s": section["head"], "x": section["text"]}
            entries.append(entry)
    out = site / "site" / "search-index.js"
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    out.write_text(f"window.KOSAE_INDEX={text};\n", "utf-8")
    return out
