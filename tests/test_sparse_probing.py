"""Sparse probing against slow references: counted pairs, sums over rows, the penalised loss minimised by scipy."""

import gzip
import json

import numpy as np
import pytest
import torch
from scipy import optimize, sparse

import kosae_core as kc
from kosae_core import paths, probing_tasks, sparse_probing
from kosae_core.corpora import Corpus, Record
from kosae_core.probing_tasks import Task
from kosae_core.sparse_probing import Score

needs_data = pytest.mark.skipif(paths.corpora_dir() is None, reason="KOSAE_DATA_DIR is not set: no real corpora here")


def planted(n=240, features=30, seed=0, at=7, strength=3.0):
    """Sparse features of which one alone (in `at`) says whether the answer is yes."""
    rng = np.random.default_rng(seed)
    yes = np.arange(n) % 2 == 0
    X = rng.exponential(1.0, (n, features)) * (rng.random((n, features)) < 0.2)
    X[:, at] = yes * strength + (rng.random(n) < 0.1) * rng.exponential(0.3, n)
    return X.astype(np.float32), yes


def task_of(yes, name="planted"):
    half = len(yes) // 2
    return Task(name, np.arange(half), yes[:half], np.arange(half, len(yes)), yes[half:])


def auc_by_pairs(scores, yes):
    """The share of (yes, no) pairs in which the yes scores higher; ties count half."""
    pairs = [(a, b) for a, y in zip(scores, yes, strict=True) if y for b, z in zip(scores, yes, strict=True) if not z]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def logistic_by_scipy(x, yes, C):
    """Minimise |w|²/2 + C Σ log(1 + exp(-y (w·x + b))) over w and b, starting at zero."""
    sign = np.where(yes, 1.0, -1.0)

    def loss(wb):
        return wb[:-1] @ wb[:-1] / 2 + C * np.logaddexp(0, -sign * (x @ wb[:-1] + wb[-1])).sum()

    return optimize.minimize(loss, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-7}).x[:-1]


def test_columns_are_ranked_by_the_difference_of_means():
    X, yes = planted(60)
    expected = []
    for f in range(X.shape[1]):
        sums = {True: [], False: []}
        for row, answer in zip(X, yes, strict=True):
            sums[bool(answer)].append(float(row[f]))
        expected.append(abs(sum(sums[True]) / len(sums[True]) - sum(sums[False]) / len(sums[False])))
    want = sorted(range(X.shape[1]), key=lambda f: -expected[f])
    for table in (X, sparse.csr_array(X)):
        assert sparse_probing.by_mean_difference(table, yes).tolist()[:10] == want[:10]


@pytest.mark.parametrize("k", [1, 2, 5, None])
def test_a_probe_is_the_penalised_logistic_regression_of_its_columns(k):
    X, yes = planted(120, strength=0.4)
    task = task_of(yes)
    (score,) = sparse_probing.probe_task(task, "sae", sparse.csr_array(X), sparse.csr_array(X), [k], Cs=[0.5])
    order = sparse_probing.by_mean_difference(X[:60], yes[:60])
    columns = order[:k].tolist()
    assert list(score.columns) == ([] if k is None else columns) and score.C == 0.5
    x = X[:60][:, columns].astype(float)
    mean = x.mean(0)
    scale = np.sqrt(((x - mean) ** 2).mean())
    w = logistic_by_scipy((x - mean) / scale, yes[:60], 0.5)
    assert score.test_auc == pytest.approx(auc_by_pairs(X[60:][:, columns] @ w, yes[60:]), abs=5e-3)


@pytest.mark.parametrize("k", [1, 2, 5, 12])
@pytest.mark.parametrize("strength", [0.2, 3.0])  # with 3.0 the answers can be told apart without error
def test_newton_finds_what_scipy_and_scikit_learn_find(k, strength):
    from sklearn.linear_model import LogisticRegression

    X, yes = planted(120, strength=strength)
    x = X[:, sparse_probing.by_mean_difference(X, yes)[:k]].astype(float)
    Cs = [1e-5, 0.05, 20.0, 1e5]
    found = sparse_probing.newton(x, yes, Cs)
    sign = np.where(yes, 1, -1)
    for C, w in zip(Cs, found, strict=True):
        bias = optimize.minimize_scalar(lambda b, w=w: np.logaddexp(0, -sign * (x @ w + b)).sum()).x
        z = x @ w + bias
        gradient = w - C * ((sign / (1 + np.exp(sign * z))) @ x)  # zero at the one minimum of a convex function
        assert np.abs(gradient).max() <= 1e-3 * max(1.0, np.abs(w).max())
        if C < 1e4:
            np.testing.assert_allclose(w, logistic_by_scipy(x, yes, C), atol=2e-3 * max(1.0, np.abs(w).max()))
            other = LogisticRegression(C=C, max_iter=5000, tol=1e-9).fit(x, yes).coef_[0]
            np.testing.assert_allclose(w, other, atol=2e-3 * max(1.0, np.abs(w).max()))


def test_the_strength_is_the_one_that_does_best_on_training_rows():
    X, yes = planted(200, strength=0.3)
    task = task_of(yes)
    (score,) = sparse_probing.probe_task(task, "sae", X, X, [None], Cs=[1e-4, 0.01, 1.0])
    mean, reached = X[:100].mean(0), {}
    scale = np.sqrt(((X[:100] - mean) ** 2).mean())
    x = ((X[:100] - mean) / scale).astype(float)
    for C in (1e-4, 0.01, 1.0):
        folds = sparse_probing.validation(yes[:100])
        aucs = [auc_by_pairs(x[out] @ logistic_by_scipy(x[known], yes[known], C), yes[out]) for known, out in folds]
        reached[C] = np.mean(aucs)
    assert max(reached, key=reached.get) == score.C and score.valid_auc == pytest.approx(reached[score.C], abs=0.01)
    changed = X.copy()
    changed[100:] = 0  # what stands in the test rows changes neither columns nor strength
    (other,) = sparse_probing.probe_task(task, "sae", X, changed, [None], Cs=[1e-4, 0.01, 1.0])
    assert (other.C, other.valid_auc, other.test_auc) == (score.C, score.valid_auc, 0.5)


def test_validation_parts_are_as_large_as_in_the_source():
    folds = sparse_probing.validation(np.arange(60) % 2 == 0)
    assert len(folds) == 6 and sorted(np.concatenate([out for _, out in folds])) == list(range(60))
    for n, held in ((200, 40), (1024, 100)):
        ((known, out),) = sparse_probing.validation(np.arange(n) % 2 == 0)
        assert len(out) == held and len(known) == n - held and not set(known) & set(out)


def test_a_label_in_one_feature_is_found_by_one_feature():
    X, yes = planted(strength=1.0)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 30)))[0]
    sources = {"raw": (X @ rotation, X @ rotation), "sae": (sparse.csr_array(X), sparse.csr_array(X))}
    other = planted(seed=3)[0]
    scores = sparse_probing.sparse_probing(
        [task_of(yes)], {**sources, "noise": (other[:, :5], other[:, :5])}, (1, None)
    )
    by = {(s.source, s.k): s for s in scores}
    assert by["sae", 1].columns == (7,) and by["sae", 1].test_auc > 0.99
    assert by["raw", 1].test_auc < 0.9 and by["raw", None].test_auc > 0.95 and by["raw", 1].columns != (7,)
    assert abs(by["noise", None].test_auc - 0.5) < 0.15


def made(source, k, aucs, valid=None):
    valid = aucs if valid is None else valid
    return [Score(f"t{i}", source, k, a, v, 1.0, ()) for i, (a, v) in enumerate(zip(aucs, valid, strict=True))]


def test_the_summary_counts_wins_against_the_baseline_on_all_columns():
    rng = np.random.default_rng(0)
    base, sae = rng.uniform(0.6, 1, 40), rng.uniform(0.6, 1, 40)
    sae[:4] = base[:4]
    scores = made("raw", None, base) + made("sae", 1, sae)
    summary = {(s.source, s.k): s for s in sparse_probing.summarise(scores, draws=3000)}
    found, same = summary["sae", 1], summary["raw", None]
    assert found.n_tasks == 40 and found.auc == pytest.approx(sae.mean()) and found.ties == 0.1
    assert found.wins == sum(1 for a, b in zip(sae, base, strict=True) if a > b) / 40
    assert (same.wins, same.ties, same.gain) == (0.0, 1.0, 0.0)
    slow = sorted(np.mean([sae[i] for i in rng.integers(0, 40, 40)]) for _ in range(3000))
    np.testing.assert_allclose(found.interval, (slow[75], slow[2925]), atol=0.008)
    assert found.gain_interval[0] < found.gain < found.gain_interval[1]


def test_the_quiver_takes_the_arrow_that_validates_best():
    scores = made("raw", None, [0.7, 0.8], [0.7, 0.9]) + made("raw", 1, [0.6, 0.9], [0.6, 0.8])
    scores += made("sae", 1, [0.9, 0.5], [0.8, 0.85]) + made("sae", 2, [0.1, 0.1], [0.2, 0.2])
    gain, (low, high) = sparse_probing.quiver_gain(scores, "sae")
    assert gain == pytest.approx(((0.9 - 0.7) + 0) / 2) and low <= gain <= high


# ---------------------------------------------------------------- tasks


def corpus_of(n, split):
    rng = np.random.default_rng(n)
    labels = [{"topic": "abc"[i % 3], "no": "yn"[int(i % 4 == 0)]} for i in rng.permutation(n)]
    return Corpus([Record(f"{split} {i}", "en", one) for i, one in enumerate(labels)], "c", split)


def test_binary_tasks_are_balanced_and_apart():
    train, test = corpus_of(300, "train"), corpus_of(120, "test")
    tasks = probing_tasks.binary_tasks(train, test, ["topic", "no"], min_count=20, cap=120)
    assert [t.name for t in tasks] == ["topic=a", "topic=b", "topic=c", "no=y"]
    for task in tasks:
        name, value = task.name.split("=")
        for corpus, rows, yes, size in ((train, task.train_N, task.train_yes_N, 120), (test, task.test_M, task.test_yes_M, 80)):  # fmt: skip
            assert len(set(rows.tolist())) == len(rows) <= size and yes.sum() * 2 == len(rows)
            assert [corpus[int(i)].labels[name] == value for i in rows] == yes.tolist()
    again = probing_tasks.binary_tasks(train, test, ["no"], min_count=20, cap=120)
    assert np.array_equal(again[0].train_N, tasks[-1].train_N)  # other tasks do not change a task
    other = probing_tasks.binary_tasks(train, test, ["no"], min_count=20, cap=120, seed=1)
    assert not np.array_equal(again[0].train_N, other[0].train_N)


def ud_file(folder, rows):
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"
    (folder / "ud_korean_gsd.jsonl.gz").write_bytes(gzip.compress(text.encode()))


def sentence(n, split="train", **changed):
    row = {
        "text": f"나는  책{n}을 읽었다.", "forms": ["나는", f"책{n}을", "읽었다", "."],
        "upos": ["PRON", "NOUN", "VERB", "PUNCT"], "xpos": ["NP+JX", "NNG+JKO", "VV+EP+EF", ""], "split": split, "id": f"{split}-{n}",
    }  # fmt: skip
    return row | changed


@pytest.fixture
def ud(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_DATA_DIR", str(tmp_path))
    kc.corpora._groups.cache_clear()
    yield tmp_path
    kc.corpora._groups.cache_clear()


def test_ud_words_keep_their_place_and_a_test_sentence_is_not_in_training(ud):
    ud_file(ud, [sentence(1), sentence(2), sentence(3, "dev"), sentence(2, "test"), sentence(4, "test")])
    train, test = (kc.load_corpus("ud_ko", split=split) for split in ("train", "test"))
    assert len(train) == 2 and [r.id for r in test] == ["test-4"]
    record = test[0]
    assert [record.text[a:b] for a, b in record.spans.values()] == ["나는", "책4을", "읽었다", "."]
    assert record.labels == {"upos": "PRON NOUN VERB PUNCT", "xpos": "NP+JX NNG+JKO VV+EP+EF _"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            sentence(2, forms=["나는", "글2을", "읽었다", "."]),
            r"gz:2: the form '글2을' is not in the text after character 2",
        ),
        (sentence(2, forms=["나는", "읽었다", "책2을", "."]), r"gz:2: the form '읽었다' is not in the text"),
        (sentence(2, upos=["PRON"]), r"gz:2: .* equally long, not 4, 1, 4"),
        (sentence(2, xpos=None), r"gz:2: .* must be lists of texts"),
    ],
)
def test_a_malformed_ud_sentence_says_where(ud, row, message):
    ud_file(ud, [sentence(1), row])
    with pytest.raises(kc.corpora.CorpusError, match=message):
        kc.load_corpus("ud_ko")


def test_a_missing_ud_corpus_says_where_it_looked(ud):
    with pytest.raises(kc.corpora.CorpusError, match=rf"{ud}.*KOSAE_DATA_DIR"):
        kc.load_corpus("ud_ko")
    with pytest.raises(kc.corpora.CorpusError, match="Korean corpus"):
        kc.load_corpus("ud_ko", lang="en")


def test_tokens_get_the_tags_of_their_word(ud, tiny_lm):
    ud_file(ud, [sentence(n) for n in range(12)])
    corpus = kc.load_corpus("ud_ko")
    store = kc.gather(tiny_lm, corpus, ["q1.resid_post"], max_length=12)["q1.resid_post"]
    tags = probing_tasks.token_tags(tiny_lm, corpus, store)
    last = probing_tasks.token_tags(tiny_lm, corpus, store, "upos", only_last=True)
    assert len(tags) == len(last) == store.n_tokens
    row = 0
    for record in corpus:
        tokens = tiny_lm.token_spans(record.text)
        for i, (start, end) in enumerate(tokens[:11]):  # the twelfth place is the start token's
            words = [w for w, (a, b) in enumerate(record.spans.values()) if any(a <= c < b for c in range(start, end))]
            expected = set(record.labels["xpos"].split()[words[0]].split("+")) if len(words) == 1 else None
            assert (tags[row] and set(tags[row])) == expected
            span = list(record.spans.values())[words[0]] if len(words) == 1 else None
            more = span and i + 1 < len(tokens) and any(span[0] <= c < span[1] for c in range(*tokens[i + 1]))
            assert (last[row] is None) == (span is None or bool(more))
            row += 1
    assert row == store.n_tokens
    with pytest.raises(ValueError, match="other texts"):
        probing_tasks.token_tags(tiny_lm, corpus[:3], store)


def test_token_tasks_ask_for_one_tag_among_tagged_rows():
    rng = np.random.default_rng(0)
    sides = []
    for n in (400, 200):
        drawn = [frozenset(t for t in ("JKS", "JKO", "EF") if rng.random() < 0.4) for _ in range(n)]
        sides.append([None if rng.random() < 0.2 else tags for tags in drawn])
    tasks = probing_tasks.token_tasks(*sides, prefixes=("J",), min_count=20, cap=100)
    assert [t.name for t in tasks] == ["JKO", "JKS"]
    for task in tasks:
        for side, rows, yes in ((sides[0], task.train_N, task.train_yes_N), (sides[1], task.test_M, task.test_yes_M)):
            assert all(side[i] is not None and (task.name in side[i]) == y for i, y in zip(rows, yes, strict=True))


class Rows:
    def __init__(self, edges):
        self.doc_rows = np.array(edges)


def test_what_does_not_fit_is_refused():
    train, test = corpus_of(30, "train"), corpus_of(30, "test")
    X, yes = planted(40)
    for make, words in (
        (lambda: probing_tasks.binary_tasks(train, test, ["topic"], min_count=20), "no task has 20 rows"),
        (lambda: probing_tasks.binary_tasks(train, test, ["colour"]), "no label 'colour'"),
        (lambda: probing_tasks.binary_tasks(train, test, ["topic"], min_count=3), "min_count must be at least 6"),
        (lambda: sparse_probing.probe_task(task_of(yes), "sae", X, X, [31]), "k must lie between 1"),
        (lambda: sparse_probing.summarise(made("raw", 1, [0.5])), "every task needs"),
        (lambda: sparse_probing.quiver_gain(made("raw", None, [0.5]), "sae"), "'sae' has none"),
        (lambda: probing_tasks.last_rows(Rows([0, 2, 2, 5])), "document 1 has no token"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    assert probing_tasks.last_rows(Rows([0, 2, 5])).tolist() == [1, 4]


def test_no_active_feature_is_a_coin_toss():
    _, yes = planted(40)
    empty = sparse.csr_array((40, 6), dtype=np.float32)
    scores = sparse_probing.probe_task(task_of(yes), "dead", empty, empty, (1, None))
    assert [s.test_auc for s in scores] == [0.5, 0.5] and torch.get_num_threads() >= 1


@needs_data
def test_real_ud_korean():
    train, test = kc.load_corpus("ud_ko"), kc.load_corpus("ud_ko", split="test")
    assert len(train) == 4400 and 800 < len(test) < 989 and not set(train.texts) & set(test.texts)
    for record in train[:200]:
        assert len(record.labels["xpos"].split(" ")) == len(record.labels["upos"].split(" ")) == len(record.spans)
