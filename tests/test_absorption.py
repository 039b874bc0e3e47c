"""Absorption against a slow reference, and on planted autoencoders in which it is known to be there or not."""

import numpy as np
import pytest
import torch
from scipy import optimize

import kosae_core as kc
from kosae_core import absorption, letters, paths
from kosae_core.absorption import AbsorptionConfig
from kosae_core.letters import Words
from kosae_core.sae import SAEConfig, StandardSAE

LETTERS = "abcd"
PER_LETTER = 40
WIDTH = 4 + 4 * PER_LETTER  # a direction for each letter, and one for each word


def planted_words(strength=4.0, seed=0):
    """Words whose activations are their letter's direction and a direction of their own, turned at random."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    names, rows = [], []
    for i, letter in enumerate(LETTERS):
        for n in range(PER_LETTER):
            row = np.zeros(WIDTH)
            row[i], row[4 + i * PER_LETTER + n] = strength, 1.0
            names.append(f"{letter}{n}")
            rows.append(row @ turn)
    acts = torch.tensor(np.array(rows), dtype=torch.float32)
    return Words(tuple(names), tuple(name[0] for name in names), acts), turn


def planted_sae(turn, absorbed_share, partial=0.0, strength=4.0):
    """One feature per letter and one per word; for some words the word's feature carries the letter's direction too.

    `partial` is the letter feature's activation that is left on those words, as a share of the whole.
    """
    words = np.arange(4 * PER_LETTER)
    taken = words % PER_LETTER < round(absorbed_share * PER_LETTER)
    encoder, decoder, bias = np.zeros((WIDTH, WIDTH)), np.eye(WIDTH), np.zeros(WIDTH)
    for i in range(4):
        encoder[i, i] = 1.0
        own = 4 + np.flatnonzero(taken & (words // PER_LETTER == i))
        encoder[own, i] = -strength * (1 - partial)  # the word's own direction switches the letter's feature off
        decoder[own, i] = strength * (1 - partial)
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    for f in range(4, WIDTH):
        encoder[f, f] = 1 / decoder[f, f]
    sae = StandardSAE(SAEConfig(variant="standard", n_features=WIDTH), WIDTH)
    with torch.no_grad():
        sae.W_enc_DF.copy_(torch.tensor(turn.T @ encoder, dtype=torch.float32))
        sae.W_dec_FD.copy_(torch.tensor(decoder @ turn, dtype=torch.float32))
        sae.b_enc_F.copy_(torch.tensor(bias - 1e-4, dtype=torch.float32))
    return sae.eval(), taken


CONFIG = AbsorptionConfig(test_share=0.5, l1=0.002)


def test_the_planted_autoencoder_reconstructs():
    words, turn = planted_words()
    for share, partial in ((0.0, 0.0), (0.2, 0.0), (0.2, 0.5)):
        sae, _ = planted_sae(turn, share, partial)
        assert (sae(words.acts_WD) - words.acts_WD).abs().max() < 0.01


def test_no_absorption_is_found_where_none_is():
    words, turn = planted_words()
    found = absorption.absorption(planted_sae(turn, 0.0)[0], words, CONFIG)
    assert [x.letter for x in found.letters] == list(LETTERS) == [x.letter for x in found.scored]
    assert (found.full, found.fraction, found.main_features) == (0.0, 0.0, 1.0)
    for i, letter in enumerate(found.letters):
        assert letter.main == (i,) and letter.probe_f1 == letter.main_f1 == 1.0
        assert (letter.n_words, letter.n_true, letter.n_silent) == (20, 20, 0)


def test_the_f1_of_the_probes_needs_no_autoencoder():
    words, turn = planted_words()
    noisy = Words(words.words, words.letters, words.acts_WD + 2 * torch.randn(words.acts_WD.shape, generator=torch.Generator().manual_seed(0)))  # fmt: skip
    config = AbsorptionConfig(test_share=0.5, l1=0.002, min_f1=0.01)
    found = absorption.letter_f1(noisy, config)
    letters_of = absorption.absorption(planted_sae(turn, 0.2)[0], noisy, config).letters
    assert found == {x.letter: x.probe_f1 for x in letters_of} and all(0 < f1 < 1 for f1 in found.values())


def test_a_letters_words_weigh_as_much_as_the_others_in_the_ranking():
    """The weights of the ranking probe against the same objective minimised by scipy, weights split by sign."""
    rng = np.random.default_rng(1)
    yes = rng.random(300) < 0.1
    x = (rng.exponential(1.0, (300, 3)) + yes[:, None] * [0.9, 0.5, 0.1]).astype(np.float32)
    times, l1 = np.where(yes, (~yes).sum() / yes.sum(), 1.0), 0.02

    def loss(v):
        w, sign = v[:3] - v[3:6], np.where(yes, 1, -1)
        return l1 * v[:6].sum() + (times * np.logaddexp(0, -sign * (x @ w + v[6]))).mean()

    best = optimize.minimize(loss, np.zeros(7), bounds=[(0, None)] * 6 + [(None, None)]).x
    found = absorption.ranking_weights(x, yes, l1)
    np.testing.assert_allclose(found, best[:3] - best[3:6], atol=0.02)
    assert found[0] > found[1] > 0


def test_the_share_of_absorbed_words_is_found():
    words, turn = planted_words()
    sae, taken = planted_sae(turn, 0.2)
    found = absorption.absorption(sae, words, CONFIG)
    test_W = absorption._test_words(np.array(words.letters), CONFIG)
    for i, letter in enumerate(found.letters):
        own = slice(i * PER_LETTER, (i + 1) * PER_LETTER)
        share = taken[own][test_W[own]].mean()
        assert letter.main == (i,) and letter.n_silent == round(20 * share) > 0
        assert letter.full == letter.fraction == pytest.approx(share)
        own_words = np.flatnonzero(taken & test_W)
        assert letter.taken == tuple((int(w), 4 + int(w)) for w in own_words if w // PER_LETTER == i)
    assert found.full == pytest.approx(np.mean([x.full for x in found.letters]))
    assert found.full_interval[0] <= found.full <= found.full_interval[1]


def test_partial_absorption_is_a_fraction_only():
    words, turn = planted_words()
    sae, taken = planted_sae(turn, 0.2, partial=0.5)
    found = absorption.absorption(sae, words, CONFIG)
    test_W = absorption._test_words(np.array(words.letters), CONFIG)
    for i, letter in enumerate(found.letters):
        share = taken[i * PER_LETTER : (i + 1) * PER_LETTER][test_W[i * PER_LETTER : (i + 1) * PER_LETTER]].mean()
        assert letter.full == 0.0 and letter.n_silent == 0
        assert letter.fraction == pytest.approx(share * 0.5, rel=0.05)


def test_splitting_is_no_absorption():
    """Two features share a letter's words between them: both are main features."""
    words, turn = planted_words()
    sae, _ = planted_sae(turn, 0.0)
    halves = (
        torch.tensor(turn, dtype=torch.float32)[4:44].reshape(2, 20, WIDTH).sum(1)
    )  # the first and last 20 words of a
    with torch.no_grad():
        a = sae.W_dec_FD[0].clone()
        sae.W_enc_DF[:, 0] = a - 8 * halves[1]
        sae.W_enc_DF[:, 4] = a - 8 * halves[0]
        sae.W_dec_FD[4] = a
    found = absorption.absorption(sae, words, CONFIG)
    assert sorted(found.letters[0].main) == [0, 4] and found.letters[0].full == 0.0
    assert [x.main for x in found.letters[1:]] == [(1,), (2,), (3,)]


def slow_absorbed(feats, dictionary, direction, projection, main, config):
    """One word after another, in plain Python, after the text of the measure."""

    def dot(u, v):
        return sum(float(a) * float(b) for a, b in zip(u, v, strict=True))

    n = len(dictionary)
    along = [dot(row, direction) for row in dictionary]
    cos = [a / dot(row, row) ** 0.5 for a, row in zip(along, dictionary, strict=True)]
    full, fraction, tops = [], [], []
    for word, total in zip(feats, projection, strict=True):
        part = [float(word[f]) * along[f] for f in range(n)]
        best = max(range(n), key=lambda f: part[f])
        tops.append(best)
        silent = all(word[f] == 0 for f in main)
        full.append(silent and total > 0 and cos[best] >= config.full_cos and part[best] / total >= config.share)
        others = sorted(part[f] for f in range(n) if f not in main and cos[f] >= config.part_cos and part[f] > 0)
        taken, own = sum(others[-config.max_absorbers :]), sum(part[f] for f in main)
        if total <= 0 or own >= total or taken / total < config.share:
            fraction.append(0.0)
        elif own <= 0:
            fraction.append(1.0)
        else:
            missing = min(taken, total - own)
            fraction.append(missing / (missing + own))
    return full, fraction, tops


@pytest.mark.parametrize("seed", range(6))
def test_absorbed_agrees_with_the_slow_reference(seed):
    rng = np.random.default_rng(seed)
    dictionary = rng.normal(size=(12, 6)) * rng.uniform(0.5, 2, (12, 1))
    direction = rng.normal(size=6)
    direction /= np.linalg.norm(direction)
    dictionary[:6] += direction * 2
    feats = rng.exponential(1.0, (200, 12)) * (rng.random((200, 12)) < 0.3)
    projection = feats @ dictionary @ direction * rng.uniform(0.5, 1.5, 200) + rng.normal(0, 0.3, 200)
    config, main = AbsorptionConfig(), (0, 3)[: 1 + seed % 2]
    full, fraction, top = absorption.absorbed(feats, dictionary, direction, projection, main, config)
    slow_full, slow_fraction, slow_top = slow_absorbed(feats, dictionary, direction, projection, main, config)
    assert full.tolist() == slow_full and 0 < full.mean() < 1 and top.tolist() == slow_top
    np.testing.assert_allclose(fraction, slow_fraction, atol=1e-9)
    assert ((fraction > 0) & (fraction < 1)).any()


def test_main_features_stop_where_f1_jumps_no_more():
    rng = np.random.default_rng(0)
    n = 600
    yes = np.arange(n) % 3 == 0
    feats = (rng.exponential(1.0, (n, 10)) * (rng.random((n, 10)) < 0.1)).astype(np.float32)
    part = np.where(yes, rng.choice(4, n, p=[0.55, 0.3, 0.13, 0.02]), -1)
    for f in range(4):
        feats[:, f] = (part == f) * 2.0
    test = np.arange(n) % 5 == 0
    main, f1 = absorption.main_features(feats, yes, test, AbsorptionConfig(l1=0.002))
    assert main == (0, 1, 2)  # the fourth carries 2% of the words
    fires = (feats[test][:, :3] > 0).any(1)
    hits = (fires & yes[test]).sum()
    assert f1 == pytest.approx(2 * hits / (fires.sum() + yes[test].sum()))
    assert absorption.main_features(feats, yes, test, AbsorptionConfig(l1=0.002, max_k=2))[0] == (0, 1)
    feats[test] = feats[test][
        :, ::-1
    ]  # what the test words say changes their F1 and not which features are the letter's
    again, worse = absorption.main_features(feats, yes, test, AbsorptionConfig(l1=0.002))
    assert again == main and worse < f1


def test_projections_can_be_measured_from_the_autoencoders_origin():
    words, turn = planted_words()
    sae, _ = planted_sae(turn, 0.2)
    shift = torch.tensor(turn[0] * 60, dtype=torch.float32)
    moved = Words(words.words, words.letters, words.acts_WD + shift)
    expected = absorption.absorption(sae, words, CONFIG)
    sae.mean_D.copy_(shift)
    config = AbsorptionConfig(test_share=0.5, l1=0.002, origin="bias")
    found = absorption.absorption(sae, moved, config)
    assert (found.full, found.fraction) == pytest.approx((expected.full, expected.fraction))
    plain = absorption.absorption(sae, moved, CONFIG)
    assert [x.main for x in plain.letters] == [x.main for x in found.letters] and plain.letters[0].fraction == 0


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("word", "letter"),
    [("Apple", "a"), ("zoo", "z"), ("학교", "ㅎ"), ("까치", "ㄲ"), ("오이", "ㅇ"), ("값", "ㄱ"), ("7시", None), ("", None), ("éa", None)],
)  # fmt: skip
def test_first_letters(word, letter):
    assert letters.first_letter(word) == letter


def test_corpus_words():
    records = [kc.Record("The cat saw a CAT, 고양이가 야옹!", "en"), kc.Record("cat이 고양이가 7마리 왔다.", "ko")]
    corpus = kc.Corpus(records, "c")
    assert letters.corpus_words(corpus, "en") == ["cat", "saw", "the"]
    assert letters.corpus_words(corpus, "ko") == ["고양이가", "마리", "왔다"]
    with pytest.raises(ValueError, match="lang must be one of ko, en"):
        letters.corpus_words(corpus, "de")


@pytest.mark.parametrize("which", ["first", "last"])
def test_word_activations_are_those_at_the_words_token(tiny_lm, which):
    words = ["market", "markets", "soup", "violin", "우산을", "김치찌개를", "1st", "book"]
    template = "나는 {word} in the rain"
    found = letters.word_activations(tiny_lm, words, "q2.resid_post", template=template, which=which)
    assert found.letters == tuple(letters.first_letter(word) for word in found.words)
    prefixes = []
    for word, acts_D in zip(found.words, found.acts_WD, strict=True):
        text = template.format(word=word)
        spans = tiny_lm.token_spans(text)
        begin, end = text.index(word), text.index(word) + len(word)
        inside = [i for i, (a, b) in enumerate(spans) if set(range(a, b)) & set(range(begin, end))]
        token = inside[0] if which == "first" else inside[-1]
        ids = [tiny_lm.bos_id, *tiny_lm.tokens(text)][: token + 2]
        expected = tiny_lm.capture(tiny_lm.batch([ids]), ["q2.resid_post"])["q2.resid_post"][0, -1]
        assert torch.allclose(acts_D, expected, atol=1e-4)
        prefixes.append(tuple(ids))
        if which == "first":
            assert not any(spans[i][0] <= begin for i in inside[1:])
    assert len(set(prefixes)) == len(prefixes) and "1st" not in found.words and "soup" in found.words


def test_span_words_are_read_where_the_span_ends(tiny_lm):
    texts = ["the market is open", "soup and more soup", "no such word", "a violin"]
    spans = [{"item": (4, 10)}, {"item": (14, 18)}, {}, {"item": (2, 8)}]
    records = [kc.Record(t, "en", {"big": b}, s) for t, b, s in zip(texts, "xyxy", spans, strict=True)]
    corpus = kc.Corpus(records, "c")
    store = kc.gather(tiny_lm, corpus, ["q2.resid_post"], dtype="fp32")["q2.resid_post"]
    found = letters.span_words(tiny_lm, corpus, store, "item", "big")
    assert found.words == ("market", "soup", "violin") and found.letters == ("x", "y", "y")
    kept = [i for i, each in enumerate(spans) if each]
    for i, acts_D in zip(kept, found.acts_WD, strict=True):
        end = spans[i]["item"][1]
        ids = [tiny_lm.bos_id, *tiny_lm.tokens(texts[i])]
        token = max(n for n, (a, _) in enumerate(tiny_lm.token_spans(texts[i])) if a < end)
        expected = tiny_lm.capture(tiny_lm.batch([ids[: token + 2]]), ["q2.resid_post"])["q2.resid_post"][0, -1]
        assert torch.allclose(acts_D, expected, atol=1e-4)
    with pytest.raises(ValueError, match="no record of .* has a span 'verb'"):
        letters.span_words(tiny_lm, corpus, store, "verb", "big")
    with pytest.raises(ValueError, match="other texts"):
        letters.span_words(tiny_lm, corpus[:2], store, "item", "big")


def test_what_does_not_fit_is_refused(tiny_lm):
    words, turn = planted_words()
    sae, _ = planted_sae(turn, 0.0)
    for make, message in (
        (lambda: AbsorptionConfig(test_share=1.0), "test_share must lie"),
        (lambda: AbsorptionConfig(l1=0.0), "l1 must be positive"),
        (lambda: AbsorptionConfig(origin="mean"), "origin must be zero or bias"),
        (lambda: AbsorptionConfig(max_k=0), "at least 1"),
        (lambda: Words(("a",), ("a", "b"), torch.zeros(2, 3)), "equally many"),
        (lambda: absorption.absorption(sae, words, AbsorptionConfig(min_words=100)), "no letter can be scored"),
        (lambda: letters.word_activations(tiny_lm, ["a"], "q1.resid_post", which="middle"), "which must be"),
        (lambda: letters.word_activations(tiny_lm, ["a"], "q1.resid_post", template="x"), "template hold"),
        (lambda: letters.word_activations(tiny_lm, ["12"], "q1.resid_post"), "no word is left"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.skipif(not (paths.models_dir() / "kosae-lm").is_dir(), reason="the model inside is not here")
def test_words_of_the_model_inside():
    lm = kc.load_lm("kosae-lm")
    words = ["사과를", "사람이", "나무", "apple", "zebra"]
    found = letters.word_activations(lm, words, "q1.resid_post", template=letters.TEMPLATES["ko"], which="last")
    assert found.words == tuple(words) and found.letters == ("ㅅ", "ㅅ", "ㄴ", "a", "z")
    assert found.acts_WD.shape == (5, lm.d_model)
