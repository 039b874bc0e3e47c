"""Corpora: text records with labels, by name, from a file, or from the Hugging Face hub."""

from __future__ import annotations

import functools
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from pathlib import Path

from kosae_core import paths, readers
from kosae_core.readers import CorpusError
from kosae_core.records import Corpus, Record

LANGUAGES = ("ko", "en")
SPLITS = ("train", "test")


# ---------------------------------------------------------------- the named corpora


def _synthetic(split: str, lang: str | None) -> Iterator[list[Record]]:
    from kosae_core.synthetic import stored

    for pair_id, pair in stored(split):
        labels = {**pair.labels, "pair": pair_id}
        yield [
            Record(text, tongue, labels, spans, f"{pair_id}-{tongue}", pair.labels["template"])
            for tongue, text, spans in (("ko", pair.ko, pair.ko_spans), ("en", pair.en, pair.en_spans))
            if lang in (None, tongue)
        ]


def _ynat(split: str, lang: str | None) -> Iterator[list[Record]]:
    if lang == "en":
        raise CorpusError("ynat is a Korean corpus: ask for lang='ko' or none.")
    name = "klue_ynat.jsonl.gz"
    if found := readers.find(name):
        for place, row in readers.json_lines(found):
            if readers.text_field(row, "split", place) == split:
                labels = {"big": readers.text_field(row, "label_name", place)}
                identity = readers.text_field(row, "id", place)
                yield [Record(readers.text_field(row, "text", place), "ko", labels, {}, identity, identity)]
        return
    try:
        rows, topics = readers.hub_rows("klue/klue", "ynat", "train" if split == "train" else "validation")
    except CorpusError as error:
        raise CorpusError(
            f"ynat is neither in {readers.looked(name)} nor to be had from the hub ({error}) "
            "Set KOSAE_DATA_DIR to the folder that holds it."
        ) from error
    for place, row in rows:
        identity = str(row.get("guid") or place)
        labels = {"big": topics["label"][row["label"]].replace("/", "")}
        yield [Record(readers.text_field(row, "title", place), "ko", labels, {}, identity, identity)]


# An article that both splits tell, under two addresses; the two articles under one address are found as they are read.
_KEAT_SAME_STORY = "arcid=0013302084&"


def _keat(split: str, lang: str | None) -> Iterator[list[Record]]:
    train, test = (readers.keat_documents(name) for name in ("development.json", "evaluation.json"))
    if split == "test":
        seen = {document["url"] for _, document in train}
        test = [(place, d) for place, d in test if d["url"] not in seen and _KEAT_SAME_STORY not in d["url"]]
    for place, document in train if split == "train" else test:
        doc = hashlib.sha256(document["url"].encode()).hexdigest()[:12]
        big, *more = document["category"]
        for n, sentence in enumerate(document["text"]):
            labels = {"big": big, "small": more[0] if more else big, "pair": f"{doc}-{n:02d}"}
            yield [
                Record(
                    readers.text_field(sentence, f"{t}_text", f"{place}, sentence {n}"),
                    t,
                    labels,
                    {},
                    f"{doc}-{n:02d}-{t}",
                    doc,
                )
                for t in LANGUAGES
                if lang in (None, t)
            ]


def _ud_ko(split: str, lang: str | None) -> Iterator[list[Record]]:
    """Spans w000, w001, ... are the words; the labels upos and xpos hold one part of speech for each, between spaces."""
    if lang == "en":
        raise CorpusError("ud_ko is a Korean corpus: ask for lang='ko' or none.")
    name = "ud_korean_gsd.jsonl.gz"
    found = readers.find(name)
    if found is None:
        raise CorpusError(f"ud_ko is not in {readers.looked(name)}; set KOSAE_DATA_DIR to the folder that holds it.")
    rows = [(place, row, readers.text_field(row, "split", place)) for place, row in readers.json_lines(found)]
    # GSD tells about a hundred sentences in both splits.
    seen = {row.get("text") for _, row, own in rows if own == "train"} if split == "test" else set()
    for place, row, own in rows:
        if own == split and row.get("text") not in seen:
            words = readers.ud_words(row, place)
            spans = {f"w{n:03d}": span for n, (span, _, _) in enumerate(words)}
            labels = {"upos": " ".join(upos for _, upos, _ in words), "xpos": " ".join(xpos for _, _, xpos in words)}
            identity = readers.text_field(row, "id", place)
            yield [Record(row["text"], "ko", labels, spans, identity, identity)]


def _hate(split: str, lang: str | None) -> Iterator[list[Record]]:
    """Comments on entertainment news; BEEP!'s own development set is the test split, since its test labels are not public."""
    if lang == "en":
        raise CorpusError("hate is a Korean corpus: ask for lang='ko' or none.")
    name, own = "korean_hate_speech.jsonl.gz", {"train": "train", "test": "dev"}[split]
    if found := readers.find(name):
        rows = [(p, row) for p, row in readers.json_lines(found) if readers.text_field(row, "split", p) == own]
        fields = ("text", "label", "bias")
    else:
        try:
            rows, _ = readers.hub_rows("nayohan/korean-hate-speech", None, "train" if split == "train" else "valid")
        except CorpusError as error:
            raise CorpusError(
                f"hate is neither in {readers.looked(name)} nor to be had from the hub ({error}) "
                "Set KOSAE_DATA_DIR to the folder that holds it."
            ) from error
        fields = ("comments", "hate", "bias")
    for place, row in rows:
        text, label, bias = (readers.text_field(row, field, place) for field in fields)
        labels = {"big": label, "bias": bias, "abusive": "no" if label == "none" else "yes"}
        identity = str(row.get("id") or place)
        yield [Record(text, "ko", labels, {}, identity, identity)]


NAMED: dict[str, Callable[[str, str | None], Iterator[list[Record]]]] = {
    "synthetic": _synthetic,
    "ynat": _ynat,
    "keat": _keat,
    "ud_ko": _ud_ko,
    "hate": _hate,
}


# ---------------------------------------------------------------- files and hub datasets


def _from_rows(
    rows: Iterable[tuple[str, dict]],
    name: str,
    split: str,
    lang: str | None,
    text: str,
    labels: Sequence[str],
    has_splits: bool,
) -> Iterator[list[Record]]:
    seen: Counter[tuple[str, str]] = Counter()
    for place, row in rows:
        body = readers.text_field(row, text, place)
        identity = readers.name_field(row, "id", place) or place.rsplit(":", 1)[-1]
        doc = readers.name_field(row, "doc", place) or identity
        tongue = readers.choice_field(row, "lang", LANGUAGES, place) or readers.language_of(body)
        told = None if has_splits else readers.name_field(row, "split", place)
        own = split if has_splits else told.lower() if told else readers.split_by_hash(doc)
        seen[tongue, own] += 1
        if own == split and lang in (None, tongue):
            named = {label: readers.label_field(row, label, place) for label in labels}
            yield [Record(body, tongue, named, {}, identity, doc)]
    if not any(own == split and lang in (None, tongue) for tongue, own in seen):
        held = ", ".join(f"{n} {tongue} of {own!r}" for (tongue, own), n in seen.items()) or "none"
        raise CorpusError(
            f"{name} holds no {lang + ' ' if lang else ''}record of the split {split!r}; it holds {held}."
        )


def _from_file(path: Path, split: str, lang: str | None, text: str, labels: Sequence[str]) -> Iterator[list[Record]]:
    if path.name.endswith(".txt"):
        if labels:
            raise CorpusError(f"{path} is plain text and has no labels; use .jsonl for {', '.join(labels)}.")
        rows = [(place, {text: line}) for place, line in readers.text_lines(path)]
    else:
        rows = readers.json_lines(path)
    return _from_rows(rows, path.name, split, lang, text, labels, has_splits=False)


def _from_hub(name: str, split: str, lang: str | None, text: str, labels: Sequence[str]) -> Iterator[list[Record]]:
    owner_name, config = "/".join(name.split("/")[:2]), "/".join(name.split("/")[2:]) or None
    rows, names = readers.hub_rows(owner_name, config, split)
    readable = (
        (place, {k: names[k][v] if k in names and isinstance(v, int) and v >= 0 else v for k, v in row.items()})
        for place, row in rows
    )
    return _from_rows(readable, name, split, lang, text, labels, has_splits=True)


@functools.lru_cache(maxsize=16)
def _groups(
    name: str, split: str, lang: str | None, text: str, labels: tuple[str, ...], stamp: tuple
) -> tuple[tuple[Record, ...], ...]:
    if name in NAMED:
        groups = NAMED[name](split, lang)
    elif name.startswith("hub:"):
        groups = _from_hub(name[4:], split, lang, text, labels)
    else:
        groups = _from_file(Path(name), split, lang, text, labels)
    return tuple(tuple(group) for group in groups)


def load_corpus(
    name_or_path: str | Path,
    *,
    split: str = "train",
    lang: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    text: str = "text",
    labels: Sequence[str] = (),
) -> Corpus:
    """A corpus by name (synthetic, ynat, keat, ud_ko, hate), from a .txt, .jsonl or .jsonl.gz file, or as "hub:owner/name[/config]".

    The records come in a shuffled order that `seed` fixes; `limit` keeps the first of them, so that a smaller limit is a part
    of a larger one. Where a record exists in both languages, the same seed gives both in the same order. In a file, `text` and
    `labels` name fields; its fields id, doc, lang and split are used where they are there, and documents without a split go to
    `test` by a hash, one in ten; a field that is null counts as not there, and records of another split (dev) are left out.

    Raises  CorpusError if the corpus is not there or a record is malformed (then nothing is returned);
            ValueError for an unknown split or language.
    """
    name = str(name_or_path)
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, not {split!r}.")
    if lang not in (None, *LANGUAGES):
        raise ValueError(f"lang must be ko, en or None, not {lang!r}.")
    if limit is not None and (not isinstance(limit, Integral) or limit < 1):
        raise ValueError(f"limit must be a whole number of at least 1, not {limit!r}.")
    stamp: tuple = (str(paths.corpora_dir()),)
    if name not in NAMED and not name.startswith("hub:"):
        path = Path(name).expanduser()
        if not path.name.endswith((".txt", ".jsonl", ".jsonl.gz")):
            raise CorpusError(
                f"no corpus {name!r}: known are {', '.join(NAMED)}, .txt, .jsonl(.gz) files and hub:owner/name."
            )
        if not path.is_file():
            raise CorpusError(
                f"no file {path.resolve()}; give the path of a .txt, .jsonl or .jsonl.gz file that exists."
            )
        name, stamp = str(path.resolve()), (path.stat().st_mtime_ns, path.stat().st_size)
    groups = list(_groups(name, split, lang, text, tuple(labels), stamp))
    random.Random(seed).shuffle(groups)
    records = [record for group in groups for record in group]
    if not records:
        raise CorpusError(f"{name} holds no {lang or ''} record of the split {split!r}.")
    return Corpus(records[:limit], name if name in NAMED else name.rsplit("/", 1)[-1], split, lang)
