"""Check category files of the synthetic grammar and print some of the sentences they make."""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from pathlib import Path

from kosae_core import conjugation, english, paths, sentences, synthetic
from kosae_core.grammar import load_category, load_common
from kosae_core.schema import Category, GrammarError, gives_away

_ADJECTIVES = re.compile(
    r"(\S*롭|\S*스럽|답|좋|많|적|크|작|춥|덥|높|낮|넓|좁|길|짧|맵|짜|달|싸|비싸|바쁘|예쁘|나쁘|아프|기쁘|슬프|편|따뜻|시원|깨끗|조용|"
    r"유명|필요|중요|훌륭|지루|불편|복잡|간단|친절|피곤|행복|완벽|대단|답답|심심|특별|편리|안전|위험|신선|싱싱|부드럽|무겁|가볍|어렵|쉽|"
    r"빠르|느리|다르|같|튼튼|화려|우아|저렴)하?다"
)


def warnings(category: Category) -> list[str]:
    """What is not wrong by the schema and yet worth a look."""
    found = []
    split = Counter(t.split for t in category.templates)
    if split["train"] < 16 or split["test"] < 6:
        found.append(f"templates: {split['train']} train and {split['test']} test; at least 16 and 6 are wanted.")
    for value, least in (("positive", 4), ("negative", 3)):
        if (n := sum(t.sentiment == value for t in category.templates)) < least:
            found.append(f"{n} templates are {value}; at least {least} are wanted.")
    if (n := sum(t.numeral != "none" for t in category.templates)) < 3:
        found.append(f"{n} templates have a numeral; at least 3 are wanted.")
    used = {t.verb for t in category.templates}
    found += [f"verb {key} is not used." for key in category.verbs.keys() - used]
    for key, verb in category.verbs.items():
        if verb.kind == "verb" and _ADJECTIVES.fullmatch(verb.ko.split()[-1]):
            found.append(f"verb {key} ({verb.ko}) looks like an adjective: kind: adj?")
        if verb.kind == "copula" and not verb.en.startswith("be"):
            found.append(f"verb {key}: a copula whose English is not `be ...`.")
        if verb.en.split()[0].endswith("ly") or verb.en.split()[0] in ("to", "can", "will", "is", "are"):
            found.append(f"verb {key}: the first English word is inflected, and {verb.en.split()[0]!r} is no verb.")
    for t in category.templates:
        if True in t.negation and t.sentiment != "neutral" and t.sentiment_neg is None:
            found.append(f"template {t.id}: negated, yet its sentiment stays {t.sentiment}; sentiment_neg?")
        if re.search(r"(?<!\{)\b(yesterday|tomorrow|last|ago)\b", t.en) and len(t.tense) > 1:
            found.append(f"template {t.id}: a fixed time in the text, but tenses {', '.join(t.tense)}.")
        if t.ko.endswith(".") or t.en.endswith("."):
            found.append(f"template {t.id}: the engine adds the final period.")
        hit = [i.ko for i in category.items if gives_away(i, t.ko, "ko") or gives_away(i, t.en, "en")]
        if hit:
            found.append(
                f"template {t.id}: its text holds a part of {', '.join(hit)}"
                + ("; these make no no-item sentences with it." if t.split == "test" else ".")
            )
    return found


def forms(category: Category) -> list[str]:
    """Every verb in all three levels, past and negated present, for reading through."""
    lines = []
    for key, v in category.verbs.items():

        def ko(level: str, tense: str, neg: bool, v=v) -> str:
            return conjugation.conjugate(v.ko, level, tense, neg, v.kind, v.irr, v.neg_ko, v.cannot, host="그것")

        lines.append(
            f"  {key}: {ko('haera', 'present', False)} / {ko('haeyo', 'past', False)} / {ko('hapsyo', 'future', False)}"
            f" / {ko('haeyo', 'present', True)} | {english.conjugate(v.en, 'past', False, 'sg', v.past)} / "
            f"{english.conjugate(v.en, 'present', False, 'sg')} / {english.conjugate(v.en, 'present', True, 'sg', cannot=v.cannot)}"
        )
    return lines


def show(category: Category, count: int, rng: random.Random, template_id: str | None = None) -> None:
    """Print random pairs; every third from a test template hides its item."""
    common = load_common()
    templates = [t for t in category.templates if template_id in (None, t.id)]
    for _ in range(count):
        t, item = rng.choice(templates), rng.choice(category.items)
        hide = t.split == "test" and rng.random() < 0.4
        pair = sentences.render(category, t, synthetic.choose(rng, category, t, item, common, hide), common)
        print(f"[{t.id}{' no-item' if hide else ''}] {pair.ko}\n    {pair.en}")


def main(argv: list[str] | None = None) -> int:
    """Check the files that are named, all by default."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--show", type=int, default=0, help="print this many random pairs of each file")
    parser.add_argument("--template", help="only this template")
    parser.add_argument("--forms", action="store_true", help="print the verbs' forms")
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args(argv)
    bad = 0
    for path in args.files or sorted((paths.data_dir() / "grammar" / "categories").glob("*.yaml")):
        try:
            category = load_category(path)
            lines = forms(category)
            show_rng = random.Random(args.seed)
            for t in category.templates:  # every template once with every item: whatever cannot be written fails here
                for item in category.items:
                    choice = synthetic.choose(show_rng, category, t, item, load_common(), False)
                    sentences.render(category, t, choice, load_common())
        except (GrammarError, ValueError, KeyError, OSError) as error:
            bad += 1
            print(f"ERRORS in {path}:\n{error}")
            continue
        print(f"{path}: ok, {len(category.templates)} templates")
        print("".join(f"  warning: {w}\n" for w in warnings(category)), end="")
        if args.forms:
            print("\n".join(lines))
        show(category, args.show, show_rng, args.template)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
