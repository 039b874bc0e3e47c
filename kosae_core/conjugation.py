"""Korean predicates: verbs, adjectives and the copula in three speech levels, three tenses and their negation."""

from __future__ import annotations

from collections.abc import Mapping

from kosae_core.korean import final_sound, is_syllable, join, particle, split, with_final

LEVELS = ("haera", "haeyo", "hapsyo")
TENSES = ("past", "present", "future")
KINDS = ("verb", "adj", "copula")

IRREGULAR_CLASSES = ("reg", "b", "d", "s", "reu", "reo", "h", "u")
_REGULAR_B = tuple("입잡씹뽑좁접꼽집")
_IRREGULAR_D = ("걷", "듣", "묻", "싣", "깨닫", "일컫", "긷", "붇")
_IRREGULAR_S = tuple("짓낫붓잇긋젓")
_EU_DROP_REU = ("치르", "따르", "들르", "다다르", "우러르", "잇따르", "뒤따르")
_REGULAR_H = tuple("좋놓넣낳쌓닿찧빻땋")


# Short forms of verbs that take no ending beginning with a vowel: 머물다, but 머물러.
_SHORT_STEMS = {"머물": "머무르", "서둘": "서두르", "서툴": "서투르", "내딛": "내디디", "갖": "가지"}


def irregular_class(stem: str) -> str:
    """The conjugation class of a stem: reg, b, d, s, reu, reo, h or u (으-drop, ㄹ-drop and 하다 follow from the sound)."""
    last = stem.split(" ")[-1]
    final = split(last[-1])[2]
    if final == "ㅂ" and not last.endswith(_REGULAR_B) and not last.endswith("수줍") and last != "업":
        return "b"
    if final == "ㄷ" and last.endswith(_IRREGULAR_D):
        return "d"
    if final == "ㅅ" and last.endswith(_IRREGULAR_S):
        return "s"
    if final == "ㅎ" and not last.endswith(_REGULAR_H):
        return "h"
    if last.endswith("푸르"):
        return "reo"
    if last.endswith("르") and last not in _EU_DROP_REU:
        return "reu"
    return "u" if last == "푸" else "reg"


def a_eo(stem: str, irregular: str | None = None) -> str:
    """The stem joined with -아/-어: 먹 -> 먹어, 돕 -> 도와, 듣 -> 들어, 고르 -> 골라, 하 -> 해."""
    *before, word = stem.split(" ")
    if word in _SHORT_STEMS:
        stem, irregular = " ".join([*before, _SHORT_STEMS[word]]), None
    kind = irregular or irregular_class(stem)
    head, last = stem[:-1], stem[-1]
    initial, vowel, final = split(last)
    if kind == "b":
        bare = with_final(stem, "")
        return bare + ("와" if last in "돕곱" else "워")
    if kind == "d":
        stem = with_final(stem, "ㄹ")
    if kind == "s":
        return with_final(stem, "") + ("아" if vowel in "ㅏㅗ" else "어")
    if kind == "h":
        raised = {"ㅏ": "ㅐ", "ㅑ": "ㅒ", "ㅕ": "ㅖ"}.get(vowel, "ㅐ" if head[-1:] in tuple("이그저어") else "ㅔ")
        return head + join(initial, raised)
    if kind == "reo":
        return stem + "러"
    if kind == "u":
        return head + join(initial, "ㅓ")
    if kind == "reu":
        return with_final(head, "ㄹ") + ("라" if split(head[-1])[1] in "ㅏㅗ" else "러")
    if final:
        return stem + ("아" if vowel in "ㅏㅗ" or (vowel == "ㅑ" and last == "얇") else "어")
    if last == "하":
        return head + "해"
    if vowel == "ㅡ":
        bright = head and is_syllable(head[-1]) and split(head[-1])[1] in "ㅏㅗ"
        return head + join(initial, "ㅏ" if bright else "ㅓ")
    if stem.endswith("아니") or (last in "피비기" and not head[-1:].strip()):
        return stem + "어"
    contracted = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ", "ㅚ": "ㅙ"}.get(vowel)
    if contracted:
        return head + join(initial, contracted)
    return stem if vowel in "ㅏㅓㅐㅔㅕ" else stem + "어"


def past_stem(stem: str, irregular: str | None = None) -> str:
    """The past stem, -았-/-었- contracted: 먹 -> 먹었, 가 -> 갔, 마시 -> 마셨."""
    return with_final(a_eo(stem, irregular), "ㅆ")


def before_eu(stem: str, irregular: str | None = None) -> str:
    """The stem as it stands before an ending that begins with 으/ㄴ/ㄹ, with 으 where one is needed: 먹 -> 먹으, 살 -> 살, 돕 -> 도우."""
    kind = irregular or irregular_class(stem)
    final = split(stem[-1])[2]
    if kind == "b":
        return with_final(stem, "") + "우"
    if kind == "d":
        return with_final(stem, "ㄹ") + "으"
    if kind == "s":
        return with_final(stem, "") + "으"
    if kind == "h":
        return with_final(stem, "")
    return stem + "으" if final and final != "ㄹ" else stem


def _present(stem: str, level: str, descriptive: bool, irregular: str | None) -> str:
    final = split(stem[-1])[2]
    open_end = final in ("", "ㄹ")
    if level == "haeyo":
        return stem + "에요" if stem.endswith("아니") else a_eo(stem, irregular) + "요"
    if level == "hapsyo":
        return with_final(stem, "ㅂ") + "니다" if open_end else stem + "습니다"
    if descriptive:
        return stem + "다"
    return with_final(stem, "ㄴ") + "다" if open_end else stem + "는다"


_PAST_ENDINGS = {"haera": "다", "haeyo": "어요", "hapsyo": "습니다"}
_FUTURE_ENDINGS = {"haera": " 것이다", "haeyo": " 거예요", "hapsyo": " 것입니다"}


def _finite(stem: str, level: str, tense: str, descriptive: bool, irregular: str | None) -> str:
    if tense == "present":
        return _present(stem, level, descriptive, irregular)
    if tense == "past":
        return past_stem(stem, irregular) + _PAST_ENDINGS[level]
    return with_final(before_eu(stem, irregular), "ㄹ") + _FUTURE_ENDINGS[level]


def copula(host: str, level: str, tense: str, negation: bool = False, readings: Mapping[str, str] | None = None) -> str:
    """What follows the noun `host` as its predicate: copula('학생', 'haeyo', 'present') -> '이에요'.

    Raises  ValueError as `particle` does.
    """
    if negation:
        return particle(host, "이", readings) + " " + _finite("아니", level, tense, True, "reg")
    vowel = not final_sound(host, readings)
    if tense == "past":
        return ("였" if vowel else "이었") + _PAST_ENDINGS[level]
    if tense == "future":
        return "일" + _FUTURE_ENDINGS[level]
    if level == "haeyo":
        return "예요" if vowel else "이에요"
    return "입니다" if level == "hapsyo" else ("다" if vowel else "이다")


_NEGATIVES = {"알다": "모르다", "있다": "없다"}
_SHORT_NEGATION = frozenset(
    [
        "먹다",
        "가다",
        "오다",
        "보다",
        "사다",
        "하다",
        "마시다",
        "쓰다",
        "타다",
        "입다",
        "자다",
        "듣다",
        "만나다",
        "춥다",
        "덥다",
        "맵다",
        "크다",
        "좋다",
        "아프다",
    ]
)


def is_descriptive(word: str, kind: str = "verb") -> bool:
    """Whether the 해라체 present of a dictionary form is -다 and not -는다: adjectives, and all in -있다, -없다, -싶다."""
    return kind == "adj" or (
        word.endswith(("있다", "없다", "싶다", "않다")) and kind == "verb" and not word.endswith("지 않다")
    )


def conjugate(
    word: str,
    level: str,
    tense: str,
    negation: bool = False,
    kind: str = "verb",
    irregular: str | None = None,
    negative: str | None = None,
    cannot: bool = False,
    short: bool = False,
    host: str = "",
    readings: Mapping[str, str] | None = None,
) -> str:
    """The finite form of a dictionary form, for instance conjugate('먹다', 'haeyo', 'past') -> '먹었어요'.

    Negation is -지 않다, or the negative word where the language has one (있다 없다, 알다 모르다, 이다 아니다), or -지 못하다
    with `cannot`; `short` asks for 안, which is used for short everyday words only. `host` is the noun before a bare 이다.

    Raises  ValueError for an unknown level, tense, kind or class and for a word that does not end in 다.
    """
    for value, known in ((level, LEVELS), (tense, TENSES), (kind, KINDS), (irregular or "reg", IRREGULAR_CLASSES)):
        if value not in known:
            raise ValueError(f"{value!r} is not one of {', '.join(known)}.")
    if len(word) < 2 or not word.endswith("다") or not is_syllable(word[-2]):
        raise ValueError(f"{word!r} is not a dictionary form: it must end in 다.")
    if kind == "copula":
        if not word.endswith("이다"):
            raise ValueError(f"the copula {word!r} must end in 이다.")
        noun = word[:-2]
        return noun + copula(noun or host, level, tense, negation, readings)
    stem, descriptive = word[:-1], is_descriptive(word, kind)
    *before, last = word.split(" ")
    if not negation:
        return _finite(stem, level, tense, descriptive, irregular)
    progressive = last == "있다" and before and before[-1][-1] in "고아어여해려져혀켜서겨춰쳐"
    if negative is None and last in _NEGATIVES and not progressive:
        negative = " ".join([*before, _NEGATIVES[last]])
    if negative:
        return _finite(negative[:-1], level, tense, is_descriptive(negative, kind), None)
    if cannot:
        return stem + "지 " + _finite("못하", level, tense, descriptive, None)
    if short and last in _SHORT_NEGATION and (last != "하다" or before):
        return " ".join([*before, "안", _finite(last[:-1], level, tense, descriptive, irregular)])
    return stem + "지 " + _finite("않", level, tense, descriptive, None)
