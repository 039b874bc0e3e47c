"""Corpora by name and from files, their errors, and the fetching of KEAT from a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import io
import json
import threading
import zipfile

import numpy as np
import pytest

import kosae_core as kc
from kosae_core import corpora, paths
from kosae_core.readers import CorpusError
from pipeline import fetch_data

needs_data = pytest.mark.skipif(paths.corpora_dir() is None, reason="KOSAE_DATA_DIR is not set: no real corpora here")


def write(path, rows):
    text = "\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_synthetic_pairs_line_up():
    ko = kc.load_corpus("synthetic", split="test", lang="ko", limit=500)
    en = kc.load_corpus("synthetic", split="test", lang="en", limit=500)
    assert [r.labels for r in ko] == [r.labels for r in en] and len(ko) == 500
    assert {r.lang for r in ko} == {"ko"} and {r.lang for r in en} == {"en"}
    both = kc.load_corpus("synthetic", split="test", limit=100)
    assert [r.text for r in both][::2] == ko.texts[:50] and [r.text for r in both][1::2] == en.texts[:50]
    assert set(ko.label_names) >= {"big", "small", "level", "tense", "negation", "sentiment", "numeral", "names_item", "template", "pair"}  # fmt: skip


def test_limit_is_a_prefix_and_seed_an_order():
    small, large = (kc.load_corpus("synthetic", lang="ko", limit=n) for n in (50, 200))
    assert large.texts[:50] == small.texts and small.key == large[:50].key != large.key
    other = kc.load_corpus("synthetic", lang="ko", limit=50, seed=1)
    assert other.texts != small.texts
    assert kc.load_corpus("synthetic", lang="ko", limit=50).key == small.key


def test_corpus_labels_and_subsets():
    corpus = kc.load_corpus("synthetic", lang="ko", limit=300)
    big = corpus.label("big")
    assert big.shape == (300,) and big.dtype.kind == "U"
    one = corpus.subset(big == big[0])
    assert len(one) == int((big == big[0]).sum()) and set(one.label("big")) == {big[0]}
    assert corpus.subset([3, 1]).texts == [corpus[3].text, corpus[1].text]
    with pytest.raises(ValueError, match="no label 'colour'; it has: big"):
        corpus.label("colour")
    with pytest.raises(ValueError, match="mask has 2 entries"):
        corpus.subset(np.array([True, False]))


def test_text_and_json_files(tmp_path):
    lines = [f"{i}번째 문장이다." for i in range(100)]
    plain = write(tmp_path / "a.txt", [*lines, ""])
    train, test = (kc.load_corpus(plain, split=s) for s in ("train", "test"))
    assert sorted(train.texts + test.texts) == sorted(lines) and not set(train.texts) & set(test.texts)
    assert 1 <= len(test) <= 30 and {r.lang for r in train} == {"ko"}
    rows = [{"body": f"sentence number {i}", "topic": i % 3, "split": "test" if i < 4 else "train"} for i in range(20)]
    packed = write(tmp_path / "b.jsonl.gz", rows)
    corpus = kc.load_corpus(str(packed), text="body", labels=["topic"], split="test")
    assert len(corpus) == 4 and set(corpus.label("topic")) <= {"0", "1", "2"} and corpus[0].lang == "en"
    with pytest.raises(CorpusError, match="holds no ko record"):
        kc.load_corpus(packed, text="body", lang="ko")


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"text": "하나", "split": "train"}])
    assert kc.load_corpus(path).texts == ["하나"]
    write(path, [{"text": "하나", "split": "train"}, {"text": "둘째 문장", "split": "train"}])
    assert len(kc.load_corpus(path)) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "좋다"}, "{broken"], r"bad\.jsonl:2: not JSON"),
        ([{"text": "좋다"}, [1]], r"bad\.jsonl:2: expected a JSON object, found list"),
        ([{"text": "좋다"}, {"texte": "x"}], r"bad\.jsonl:2: no field 'text'; it has texte"),
        ([{"text": "좋다", "topic": "a"}, {"text": ""}], r"bad\.jsonl:2: field 'text' must be a non-empty text"),
        (
            [{"text": "좋다", "topic": ["a"], "split": "train"}],
            r"bad\.jsonl:1: field 'topic' must be a text or a number",
        ),
        ([{"text": "좋다", "doc": ["a"]}], r"bad\.jsonl:1: field 'doc' must be a text or a number"),
        ([{"text": "좋다"}, {"text": "좋다", "split": {}}], r"bad\.jsonl:2: field 'split' must be a text or a number"),
        (
            [{"text": "좋다", "lang": "korean"}],
            r"bad\.jsonl:1: field 'lang' must be ko or en, or left out, not 'korean'",
        ),
    ],
)
def test_a_malformed_record_says_where(tmp_path, rows, message):
    path = write(tmp_path / "bad.jsonl", rows)
    with pytest.raises(CorpusError, match=message):
        kc.load_corpus(path, labels=["topic"] if "topic' must be" in message else [])


def test_a_null_field_is_not_there_and_0_is_a_name(tmp_path):
    rows = [{"text": f"{i}번째 문장이다.", "id": None, "doc": None, "lang": None, "split": None} for i in range(200)]
    path = write(tmp_path / "null.jsonl", rows)
    train, test = (kc.load_corpus(path, split=s) for s in ("train", "test"))
    assert len({r.doc for r in train}) == len(train) and len(train) + len(test) == 200 and 5 < len(test) < 50
    (one,) = kc.load_corpus(write(tmp_path / "zero.jsonl", [{"text": "좋다", "id": 0, "doc": 0, "split": "train"}]))
    assert (one.id, one.doc) == ("0", "0")


def test_an_empty_split_names_those_there_are(tmp_path):
    rows = [{"text": t, "split": s} for t, s in (("하나", "dev"), ("둘", "dev"), ("three", "Test"))]
    path = write(tmp_path / "odd.jsonl", rows)
    assert kc.load_corpus(path, split="test").texts == ["three"]
    with pytest.raises(
        CorpusError, match=r"odd.jsonl holds no record of the split 'train'; it holds 2 ko of 'dev', 1 en of 'test'\."
    ):
        kc.load_corpus(path)
    with pytest.raises(CorpusError, match=r"holds no ko record of the split 'test'; it holds 2 ko of 'dev'"):
        kc.load_corpus(path, split="test", lang="ko")


def test_damaged_files_say_where(tmp_path):
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b'{"text": "abc"}\n' * 5000)[:-20])
    with pytest.raises(CorpusError, match=r"cut\.jsonl\.gz:\d+: the file is damaged"):
        kc.load_corpus(cut)
    latin = tmp_path / "latin.txt"
    latin.write_bytes("첫 줄\n".encode() + "둘째".encode("cp949"))
    with pytest.raises(CorpusError, match=r"latin\.txt:\d: not UTF-8"):
        kc.load_corpus(latin)


def test_missing_corpora_say_where_they_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path))
    with pytest.raises(CorpusError, match=rf"{tmp_path}.*make data CORPUS=keat"):
        kc.load_corpus("keat")
    monkeypatch.setattr(corpora.readers, "hub_rows", lambda *a: (_ for _ in ()).throw(CorpusError("no network.")))
    with pytest.raises(CorpusError, match=rf"{tmp_path}.*KOSAE_DATA_DIR"):
        kc.load_corpus("ynat")
    with pytest.raises(CorpusError, match=rf"{tmp_path}.*KOSAE_DATA_DIR"):
        kc.load_corpus("hate")
    with pytest.raises(CorpusError, match="known are synthetic, ynat, keat"):
        kc.load_corpus("nothing")
    with pytest.raises(CorpusError, match=r"no file .*gone\.txt"):
        kc.load_corpus(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "split"),
        ({"lang": "de"}, "lang"),
        ({"limit": 0}, "limit"),
        ({"limit": "10"}, "limit must be a whole"),
    ],
)
def test_refused_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kc.load_corpus("synthetic", **arguments)


def keat_file(folder, name, documents):
    folder.mkdir(parents=True, exist_ok=True)
    text = [
        {"ko_text": "첫 문장이다.", "en_text": "The first."},
        {"ko_text": "둘째 문장이다.", "en_text": "The second."},
    ]
    rows = [{"category": c, "url": u, "text": text} for u, c in documents]
    (folder / name).write_text(json.dumps(rows, ensure_ascii=False))


def test_keat_by_document(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path))
    keat_file(tmp_path / "keat", "development.json", [("u/1", ["경제", "금융"]), ("u/2", ["문화"])])
    keat_file(
        tmp_path / "keat", "evaluation.json", [("u/2", ["문화"]), ("u/arcid=0013302084&x", ["문화"]), ("u/9", ["정치"])]
    )
    train, test = kc.load_corpus("keat"), kc.load_corpus("keat", split="test", lang="ko")
    assert len(train) == 8 and {r.lang for r in train} == {"ko", "en"} and len({r.doc for r in train}) == 2
    assert set(train.label("small")) == {"금융", "문화"} and set(train.label("big")) == {"경제", "문화"}
    assert set(test.label("big")) == {"정치"} and len(test) == 2
    (tmp_path / "keat" / "development.json").write_text('[{"url": "u"}]')
    corpora._groups.cache_clear()
    with pytest.raises(CorpusError, match=r"development\.json, document 0: `category`"):
        kc.load_corpus("keat")
    corpora._groups.cache_clear()


def test_hate_has_its_development_set_as_test(tmp_path, monkeypatch):
    rows = [
        {
            "id": f"c{i}",
            "split": "dev" if i > 2 else "train",
            "text": f"무대가 좋았다 {i}",
            "label": label,
            "bias": "none",
        }
        for i, label in enumerate(["none", "offensive", "hate", "none", "hate"])
    ]
    with gzip.open(tmp_path / "korean_hate_speech.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path))
    train, test = kc.load_corpus("hate"), kc.load_corpus("hate", split="test", lang="ko")
    assert {r.id: r.labels["abusive"] for r in train} == {"c0": "no", "c1": "yes", "c2": "yes"}
    assert {r.id: r.labels["big"] for r in test} == {"c3": "none", "c4": "hate"}
    with pytest.raises(CorpusError, match="Korean corpus"):
        kc.load_corpus("hate", lang="en")
    corpora._groups.cache_clear()


@needs_data
def test_real_keat_and_ynat():
    train, test = kc.load_corpus("keat", lang="ko"), kc.load_corpus("keat", split="test", lang="ko")
    assert len(set(train.label("big"))) == 7 and not {r.doc for r in train} & {r.doc for r in test}
    assert len(train) == 5034 and len(test) > 4000
    ynat = kc.load_corpus("ynat", split="test")
    assert len(ynat) == 4516 and len(set(ynat.label("big"))) == 7


# ---------------------------------------------------------------- fetching


def archive(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, content in members.items():
            bundle.writestr(f"data/{name}", content)
    return buffer.getvalue()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *a: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def source_of(url, content, members):
    digests = {n: hashlib.sha256(c.encode()).hexdigest() for n, c in members.items()}
    return fetch_data.Source(url, len(content), hashlib.sha256(content).hexdigest(), digests, "the terms")


def test_fetch_checks_and_unpacks(server, tmp_path, monkeypatch, capsys):
    folder, url = server
    members = {"development.json": "[1]", "evaluation.json": "[2]"}
    content = archive(members)
    (folder / "data.zip").write_bytes(content)
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path / "corpora"))
    monkeypatch.setitem(fetch_data.SOURCES, "keat", source_of(f"{url}/data.zip", content, members))
    assert fetch_data.main(["keat"]) == 0
    assert sorted(p.name for p in (tmp_path / "corpora" / "keat").iterdir()) == sorted(members)
    printed = capsys.readouterr().out
    assert printed.index("the terms") < printed.index("sha256 as expected")
    assert fetch_data.main(["keat"]) == 0 and "already" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["altered", "missing", "member", "size"])
def test_a_failed_fetch_leaves_nothing(server, tmp_path, monkeypatch, capsys, fault):
    folder, url = server
    members = {"development.json": "[1]", "evaluation.json": "[2]"}
    content = archive(members)
    source = source_of(f"{url}/data.zip", content, members)
    if fault == "member":
        source = source_of(f"{url}/data.zip", content, {**members, "other.json": "[3]"})
    if fault == "size":
        source = fetch_data.Source(source.url, 1, source.sha256, source.members, "the terms")
    if fault != "missing":
        (folder / "data.zip").write_bytes(content + b"x" * (fault == "altered"))
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path / "corpora"))
    monkeypatch.setitem(fetch_data.SOURCES, "keat", source)
    assert fetch_data.main(["keat"]) == 1
    assert "Nothing was kept" in capsys.readouterr().err
    assert not list((tmp_path / "corpora").iterdir())


def test_the_synthetic_corpus_is_read_back_as_it_was_made(empty_store, monkeypatch):
    from kosae_core import synthetic

    few = {split: tuple(pairs[:50]) for split, pairs in synthetic.generate().items()}
    calls = []
    monkeypatch.setattr(synthetic, "generate", lambda: calls.append(1) or few)
    for _ in range(2):
        for split in ("train", "test"):
            assert tuple(synthetic.stored(split)) == few[split]
    assert len(calls) == 1
    monkeypatch.setattr(synthetic, "GRAMMAR_SEED", synthetic.GRAMMAR_SEED + 1)  # another corpus is another entry
    list(synthetic.stored("test"))
    assert len(calls) == 2
