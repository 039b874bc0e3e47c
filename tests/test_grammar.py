"""The synthetic corpus: what every pair must satisfy, checked on all of them without the engine's own helpers."""

import copy
import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
import yaml

from kosae_core import paths, synthetic
from kosae_core.grammar import load_categories, load_common, parse_category
from kosae_core.schema import GrammarError
from pipeline import check_grammar

LABELS = {
    "level": {"haera", "haeyo", "hapsyo"},
    "tense": {"past", "present", "future"},
    "negation": {"yes", "no"},
    "sentiment": {"positive", "neutral", "negative"},
    "numeral": {"native", "sino", "none"},
    "names_item": {"yes", "no"},
}


@pytest.fixture(scope="module")
def corpus():
    return synthetic.generate()


@pytest.fixture(scope="module")
def pairs(corpus):
    return [(split, pair_id, pair) for split, rows in corpus.items() for pair_id, pair in rows]


def test_sizes(corpus, pairs):
    assert len({(p.ko, p.en) for _, _, p in pairs}) == len(pairs) >= 60_000
    assert len({p.ko for _, _, p in pairs}) == len({p.en for _, _, p in pairs}) == len(pairs)
    assert len({i for _, i, _ in pairs}) == len(pairs)
    hidden = Counter(p.labels["names_item"] for _, p in corpus["test"])
    assert hidden["no"] >= 3_000 and hidden["yes"] >= 8_000
    assert all(p.labels["names_item"] == "yes" for _, p in corpus["train"])


def test_categories():
    categories = load_categories()
    assert len(categories) == 15
    small = [item.id for c in categories for item in c.items]
    assert len(small) == len(set(small)) == 150
    for c in categories:
        splits = Counter(t.split for t in c.templates)
        assert splits["train"] + splits["test"] >= 20 and splits["test"] >= 5
    assert len({t.id for c in categories for t in c.templates}) == sum(len(c.templates) for c in categories)


def test_no_template_is_in_both_splits(corpus):
    train, test = ({p.labels["template"] for _, p in corpus[s]} for s in ("train", "test"))
    assert train and test and not train & test
    frames = {t.id: (re.sub(r"\s+", " ", t.ko), t.verb) for c in load_categories() for t in c.templates}
    assert not {frames[t] for t in train} & {frames[t] for t in test}


def test_every_class_is_in_every_part(corpus):
    for split in ("train", "test"):
        small = Counter((p.labels["small"], p.labels["names_item"]) for _, p in corpus[split])
        assert len({s for s, _ in small}) == 150
        assert min(small.values()) >= 5
    hidden = Counter(p.labels["small"] for _, p in corpus["test"] if p.labels["names_item"] == "no")
    assert len(hidden) == 150


def test_labels_are_balanced_enough(corpus):
    for split, rows in corpus.items():
        for name, values in LABELS.items():
            count = Counter(p.labels[name] for _, p in rows)
            assert set(count) <= values
            if name != "names_item":
                assert set(count) == values and min(count.values()) >= 0.05 * len(rows), (split, name, count)


def test_hidden_sentences_name_nothing(corpus):
    """By plain string search, which shares no code with the engine's patterns."""
    items = {i.id: i for c in load_categories() for i in c.items}
    for _, pair in corpus["test"]:
        if pair.labels["names_item"] == "yes":
            continue
        item = items[pair.labels["small"]]
        assert item.en.lower() not in re.findall(r"[a-z]+", pair.en.lower())
        assert len(item.en) < 4 or f" {item.en.lower()} " not in f" {pair.en.lower()[:-1]} "
        for word in item.ko.split():
            if len(word) > 1:
                assert word not in pair.ko
                assert not any(word[i : i + 2] in pair.ko for i in range(len(word) - 1))
        assert "clue" in pair.ko_spans and "item" not in pair.ko_spans


def test_the_clues_of_hidden_sentences_are_in_no_training_sentence(corpus):
    training = "\n".join(p.ko + p.en for _, p in corpus["train"])
    for category in load_categories():
        for item in category.items:
            assert not any(clue.ko in training or clue.en in training for clue in item.clues[2:]), item.id


def test_spans_point_at_the_item_and_its_particle(pairs):
    items = {i.id: i for c in load_categories() for i in c.items}
    for _, _, pair in pairs:
        item = items[pair.labels["small"]]
        named = pair.labels["names_item"] == "yes"
        key = "item" if named else "clue"
        (start, end), (en_start, en_end) = pair.ko_spans[key], pair.en_spans[key]
        ko, en = pair.ko[start:end], pair.en[en_start:en_end].lower()
        if named:
            assert ko == item.ko and en == item.en.lower()
        else:
            assert ko in {c.ko for c in item.clues[2:]}
            bare = re.compile("^(an?|the|one|his|her|my) ")
            assert bare.sub("", en) in {bare.sub("", c.en.lower()) for c in item.clues[2:]}
        if "particle" in pair.ko_spans:
            left, right = pair.ko_spans["particle"]
            assert left == end and right > left and " " not in pair.ko[left:right]


def test_particles_agree_with_the_item(pairs):
    """Slow reference: the final consonant is read from the code point."""
    closed_forms = {"을": "를", "은": "는", "이": "가", "과": "와"}
    for _, _, pair in pairs:
        if "particle" not in pair.ko_spans:
            continue
        start, end = pair.ko_spans["particle"]
        form, before = pair.ko[start:end], pair.ko[start - 1]
        final = (ord(before) - 0xAC00) % 28 if "가" <= before <= "힣" else None
        if final is None:
            continue
        if form in closed_forms:
            assert final != 0, pair.ko
        if form in closed_forms.values():
            assert final == 0, pair.ko
        if form in ("으로", "로"):
            assert (form == "로") == (final in (0, 8)), pair.ko


def test_surface_form(pairs):
    endings = {"haera": ("다.",), "haeyo": ("요.",), "hapsyo": ("니다.",)}
    for _, _, pair in pairs:
        for text in (pair.ko, pair.en):
            assert text.endswith(".") and not re.search(r"\s{2}|[{}]|\s[.,]|\.\.|^\s", text), text
        assert pair.ko.endswith(endings[pair.labels["level"]]), pair.ko
        assert not re.search(r"[가-힣]", pair.en) and pair.en[0] == pair.en[0].upper()
        assert not re.search(r"\b(a) [aeio]|\ban [bcdfgjklmnpqrstvwxyz]|\b(the|a|an) (the|a|an) ", pair.en), pair.en
        assert not re.search(r"\b(I (is|was not were|has|does)|(she|he) (am|are|have|do)\b)", pair.en), pair.en


def test_first_person_follows_the_level(pairs):
    for _, _, pair in pairs:
        humble = re.search(r"(?:^| )(?:저는|제가|저를|저에게|제|저희)(?= )", pair.ko)
        plain = re.search(r"(?:^나는|(?:^| )(?:내가|나를|나에게))(?= )", pair.ko)
        assert not (humble and pair.labels["level"] == "haera"), pair.ko
        assert not (plain and pair.labels["level"] != "haera"), pair.ko


def test_time_adverbs_fit_the_tense(pairs):
    by_tense = {tense: {t.ko for t in times} for tense, times in load_common().times.items()}
    templates = {t.id: t for c in load_categories() for t in c.templates}
    for tense, other in (("past", "future"), ("future", "past"), ("present", "future")):
        only = by_tense[other] - by_tense[tense]
        for _, _, pair in pairs:
            if pair.labels["tense"] == tense and "{when}" in templates[pair.labels["template"]].ko:
                fixed = templates[pair.labels["template"]].ko
                assert not any(f"{word} " in pair.ko and word not in fixed for word in only if len(word) > 3), pair.ko


def test_the_same_seed_gives_the_same_corpus(monkeypatch):
    few = load_categories()[:3]
    monkeypatch.setattr(synthetic, "load_categories", lambda: few)
    monkeypatch.setattr(synthetic, "QUOTAS", tuple(replace(q, pairs=q.pairs // 50) for q in synthetic.QUOTAS))
    first, again, other = (synthetic.generate.__wrapped__(seed) for seed in (3, 3, 4))
    assert first == again and first["train"] != other["train"]
    train = {t.id for c in few for t in c.templates if t.split == "train"}
    assert {p.labels["template"] for _, p in other["train"]} <= train


def test_both_languages_carry_the_same_numbers(pairs):
    from kosae_core.english import number_word, ordinal_word
    from kosae_core.korean import native, sino

    words = {form: n for n in range(1, 100) for form in (number_word(n), ordinal_word(n), str(n))}
    missing = defaultdict(list)
    for _, _, pair in pairs:
        if pair.labels["numeral"] == "none":
            continue
        numbers = {words[w] for w in re.findall(r"[a-z]+(?:-[a-z]+)?|\d+", pair.en.lower()) if w in words}
        spoken = {form for n in numbers for form in (str(n), sino(n), native(n))}
        if not any(word in pair.ko for word in spoken):
            missing[pair.labels["template"]].append(pair)
    assert not missing, next(iter(missing.values()))[0]


RAW = (
    """
id: toy
ko: 장난감
en: toy
items:
"""
    + "".join(
        f"""  - id: thing{i}
    ko: 물건{"가나다라마바사아자차"[i]}
    en: gadget{"abcdefghij"[i]}
    np: a gadget{"abcdefghij"[i]}
    plural: false
    clues: [{{ko: 것, en: a toy}}, {{ko: 공, en: a ball}}, {{ko: 팽이, en: a top}}, {{ko: 연, en: a kite}}]
"""
        for i in range(10)
    )
    + """
verbs: {buy: {ko: 사다, en: buy}}
templates:
  - {id: toy-1, split: train, ko: "{who:은} {item:을} {V}", en: "{who} {V} {item}", verb: buy, subject: who, tense: [past]}
"""
)


def test_a_good_file_is_read():
    assert len(parse_category(yaml.safe_load(RAW), "toy.yaml").items) == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["items"].pop(), "exactly 10 items"),
        (lambda r: r["items"][0]["clues"].pop(), "exactly 4 clues"),
        (lambda r: r["items"][0]["clues"][0].update(ko="좋은 물건"), "gives the name away by '물건'"),
        (lambda r: r["items"][0]["clues"][0].update(en="a good gadgeta"), "gives the name away"),
        (lambda r: r["items"][0].update(np="a box"), "must hold the bare noun"),
        (lambda r: r["templates"][0].update(verb="sell"), "verb 'sell' is not one of buy"),
        (lambda r: r["templates"][0].update(tense=["now"]), "tense 'now' is not one of"),
        (lambda r: r["templates"][0].update(ko="{who:은} {item:을} {V} 것"), "must end the Korean sentence"),
        (lambda r: r["templates"][0].update(ko="{who:은} {item:xx} {V}"), "unknown particle 'xx'"),
        (lambda r: r["templates"][0].update(en="{who} {V} {item} {place}"), "stands in one language only"),
        (lambda r: r["templates"][0].update(en="{who:their} {V} {item}"), "but not {who} itself"),
        (lambda r: r["templates"][0].update(numeral="native"), "numeral is 'native'"),
        (lambda r: r["templates"][0].update(colour="red"), "unknown key 'colour'"),
        (lambda r: r.pop("verbs"), "missing verbs"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(change, message):
    raw = copy.deepcopy(yaml.safe_load(RAW))
    change(raw)
    with pytest.raises(GrammarError, match=re.escape(message)) as caught:
        parse_category(raw, "toy.yaml")
    assert "toy.yaml" in str(caught.value)


def test_files_are_named_after_their_category():
    folder = paths.data_dir() / "grammar" / "categories"
    assert {p.stem for p in folder.glob("*.yaml")} == {c.id for c in load_categories()}


def test_the_checker_passes_the_shipped_files_and_fails_a_broken_one(tmp_path, capsys):
    good = paths.data_dir() / "grammar" / "categories" / "food.yaml"
    assert check_grammar.main([str(good), "--show", "3", "--forms", "--seed", "1"]) == 0
    assert "food.yaml: ok" in capsys.readouterr().out
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: bad\nko: [", encoding="utf-8")
    assert check_grammar.main([str(bad)]) == 1
    assert check_grammar.main(["/no/file.yaml"]) == 1
    assert "bad.yaml: not valid YAML" in capsys.readouterr().out
