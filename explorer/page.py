"""The page that shows the data: one per language, around the scripts of `explorer/web`."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

WEB = Path(__file__).parent / "web"
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        "words", "data", "draw", "search", "table", "charts", "feature", "groups", "gestures", "map", "tokens", "forms", "live", "steer", "app",
    )
)  # fmt: skip
"""In the order in which they build on each other."""
WORDS = {
    "ko": {
        "title": "특징 탐색기", "description": "희소 오토인코더의 특징을 하나씩 살펴본다: 예문, 지도, 설명", "home": "책", "skip": "본문으로",
        "theme": "밝게·어둡게", "other": "English", "views": "보기", "noscript": "이 쪽은 자바스크립트로 그린다. 브라우저에서 켜야 한다.",
        "missing": "탐색기의 자료를 아직 만들지 않았다. 저장소에서 make explorer를 실행하면 만들어진다.",
    },
    "en": {
        "title": "Feature explorer", "description": "The features of a sparse autoencoder, one by one: examples, map, explanations",
        "home": "Book", "skip": "To the content", "theme": "Light or dark", "other": "한국어", "views": "Views",
        "noscript": "This page is drawn by JavaScript; switch it on in the browser.",
        "missing": "The explorer's data have not been made yet: run make explorer in the repository.",
    },
}  # fmt: skip


def page(lang: str, saes: Sequence[dict[str, Any]]) -> str:
    """The HTML of one language; `saes` are the data that lie in `../explorer-data/`, the first shown at first."""
    words, other = WORDS[lang], "en" if lang == "ko" else "ko"
    listed = json.dumps(list(saes), ensure_ascii=False)
    frame = {key: html.escape(value, quote=True) for key, value in words.items()}
    scripts = "\n".join(f'<script src="explorer/web/{name}"></script>' for name in SCRIPTS)
    template = Template((WEB / "page.html").read_text("utf-8"))
    return template.substitute(
        frame, lang=lang, other_lang=other, saes=html.escape(listed, quote=True), scripts=scripts
    )
