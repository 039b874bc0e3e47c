"""Readers of corpus files: every row comes with its place, and a malformed one stops the reading with that place."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kosae_core import paths


class CorpusError(ValueError):
    """A corpus that is missing or malformed; the message says where, and what to do."""


def folders() -> list[Path]:
    """Where corpora are looked for: KOSAE_DATA_DIR if set, then what `make data` fetched."""
    given = paths.corpora_dir()
    return [*([given] if given else []), paths.downloads_dir()]


def find(name: str) -> Path | None:
    """The first folder's file of this name, or None."""
    return next((folder / name for folder in folders() if (folder / name).is_file()), None)


def looked(name: str) -> str:
    """The places where `find` looked, for a message."""
    places = " nor ".join(str(folder / name) for folder in folders())
    return places if paths.corpora_dir() else f"{places} (KOSAE_DATA_DIR is not set)"


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    number = 0
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
        try:
            for number, raw in enumerate(file, 1):
                yield f"{path}:{number}", raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path}:{number}: not UTF-8 ({error.reason} at byte {error.start}).") from error
        except (EOFError, OSError, zlib.error) as error:
            raise CorpusError(f"{path}:{number + 1}: the file is damaged or cut off ({error}).") from error


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of every line that is not blank."""
    return ((place, line.strip()) for place, line in _lines(path) if line.strip())


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, object) of every line that is not blank.

    Raises  CorpusError with file and line for a line that is no JSON object.
    """
    for place, line in text_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(f"{place}: not JSON ({error.msg} at column {error.colno}).") from error
        if not isinstance(row, dict):
            raise CorpusError(f"{place}: expected a JSON object, found {type(row).__name__}.")
        yield place, row


def text_field(row: dict[str, Any], name: str, place: str) -> str:
    """A field that must be a non-empty text."""
    if name not in row:
        raise CorpusError(f"{place}: no field {name!r}; it has {', '.join(map(str, row)) or 'none'}.")
    if not isinstance(row[name], str) or not row[name].strip():
        raise CorpusError(f"{place}: field {name!r} must be a non-empty text, found {row[name]!r:.40}.")
    return row[name]


def label_field(row: dict[str, Any], name: str, place: str) -> str:
    """A field that must be a text, number or truth value, as text."""
    if name not in row:
        raise CorpusError(f"{place}: no field {name!r}; it has {', '.join(map(str, row)) or 'none'}.")
    if not isinstance(row[name], str | int | float):
        raise CorpusError(f"{place}: field {name!r} must be a text or a number, found {row[name]!r:.40}.")
    return str(row[name])


def name_field(row: dict[str, Any], name: str, place: str) -> str | None:
    """A field that may be a text or a number, as text; None where it is not there, null or empty."""
    return None if row.get(name) in (None, "") else label_field(row, name, place)


def choice_field(row: dict[str, Any], name: str, choices: tuple[str, ...], place: str) -> str | None:
    """A field that may be one of a few names; None where it is not there, null or empty."""
    if (value := row.get(name)) in (None, ""):
        return None
    if value not in choices:
        raise CorpusError(f"{place}: field {name!r} must be {' or '.join(choices)}, or left out, not {value!r:.40}.")
    return value


def language_of(text: str) -> str:
    """ko if at least three in ten letters are Hangul, else en."""
    letters = sum(char.isalpha() for char in text)
    return "ko" if len(re.findall("[가-힣]", text)) >= 0.3 * max(letters, 1) else "en"


def split_by_hash(doc: str) -> str:
    """The split of a document that has none: one in ten is test, by the hash of its id."""
    return "test" if int(hashlib.sha256(doc.encode()).hexdigest(), 16) % 10 == 0 else "train"


def keat_documents(name: str) -> list[tuple[str, dict[str, Any]]]:
    """(place, document) of one file of KEAT.

    Raises  CorpusError if the file is missing or a document is malformed.
    """
    path = find(f"keat/{name}")
    if path is None:
        raise CorpusError(f"keat is not in {looked('keat/' + name)}; get it with: make data CORPUS=keat")
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise CorpusError(f"{path}:{line}: not the JSON of KEAT ({error}).") from error
    if not isinstance(documents, list):
        raise CorpusError(f"{path}:1: expected a list of documents, found {type(documents).__name__}.")
    placed = []
    for number, document in enumerate(documents):
        place = f"{path}, document {number}"
        if not isinstance(document, dict):
            raise CorpusError(f"{place}: expected an object, found {type(document).__name__}.")
        text_field(document, "url", place)
        categories, sentences = document.get("category"), document.get("text")
        if not isinstance(categories, list) or not categories or not all(isinstance(c, str) for c in categories):
            raise CorpusError(f"{place}: `category` must be a list of names.")
        if not isinstance(sentences, list) or not all(isinstance(s, dict) for s in sentences):
            raise CorpusError(f"{place}: `text` must be a list of sentence objects.")
        placed.append((place, document))
    return placed


def ud_words(row: dict[str, Any], place: str) -> list[tuple[tuple[int, int], str, str]]:
    """(characters of the text, upos, xpos) of every word of a UD sentence; a part of speech that is empty becomes `_`.

    Raises  CorpusError if the columns differ in length or a form is not in the text where it should be.
    """
    text, columns = text_field(row, "text", place), [row.get(name) for name in ("forms", "upos", "xpos")]
    if not all(isinstance(column, list) and all(isinstance(one, str) for one in column) for column in columns):
        raise CorpusError(f"{place}: `forms`, `upos` and `xpos` must be lists of texts.")
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise CorpusError(f"{place}: `forms`, `upos` and `xpos` must be equally long, not {lengths}.")
    words, at = [], 0
    for form, upos, xpos in zip(*columns, strict=True):
        start = text.find(form, at)
        if not form or start < 0 or text[at:start].strip():
            raise CorpusError(f"{place}: the form {form!r:.40} is not in the text after character {at}.")
        at = start + len(form)
        words.append(((start, at), "_".join(upos.split()) or "_", "_".join(xpos.split()) or "_"))
    return words


def hub_rows(
    name: str, config: str | None, split: str
) -> tuple[Iterator[tuple[str, dict[str, Any]]], dict[str, list[str]]]:
    """(place, row) of a dataset on the Hugging Face hub, and the class names of its label columns.

    Raises  CorpusError if it cannot be loaded.
    """
    try:
        import datasets

        data = datasets.load_dataset(name, config, split=split)
    except Exception as error:  # the library raises many kinds, its own and the network's
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CorpusError(f"hub dataset {name!r}, split {split!r}, could not be loaded: {reason}.") from error
    names = {column: list(feature.names) for column, feature in data.features.items() if hasattr(feature, "names")}
    return ((f"hub:{name}:{number}", row) for number, row in enumerate(data)), names
