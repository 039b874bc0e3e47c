"""Korean sounds: syllables and their finals, numerals, words as read aloud, and the particles that follow them."""

from __future__ import annotations

import re
from collections.abc import Mapping

VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")

# Written after a consonant, written after a vowel; 으로 alone asks whether the consonant is ㄹ.
ALTERNATING = {
    "을": ("을", "를"), "이": ("이", "가"), "은": ("은", "는"), "과": ("과", "와"), "으로": ("으로", "로"),
    "이에요": ("이에요", "예요"), "이다": ("이다", "다"), "이나": ("이나", "나"), "이랑": ("이랑", "랑"),
    "이라는": ("이라는", "라는"), "이라고": ("이라고", "라고"), "이라도": ("이라도", "라도"), "이라서": ("이라서", "라서"),
    "이든": ("이든", "든"), "이며": ("이며", "며"), "이고": ("이고", "고"), "아": ("아", "야"), "이야말로": ("이야말로", "야말로"),
}  # fmt: skip
CONSTANT = frozenset(
    [
        "도",
        "만",
        "에",
        "에서",
        "의",
        "부터",
        "까지",
        "보다",
        "처럼",
        "에게",
        "하고",
        "마다",
        "뿐",
        "조차",
        "밖에",
        "대로",
        "만큼",
        "같은",
        "없이",
        "에는",
        "에도",
        "에서는",
        "에서도",
    ]
)
_BY_VOWEL_FORM = {vowel: key for key, (_, vowel) in ALTERNATING.items() if vowel not in ("고", "나", "다", "야", "든")}

DIGIT_NAMES = ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
LETTER_NAMES = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [
            "에이",
            "비",
            "씨",
            "디",
            "이",
            "에프",
            "지",
            "에이치",
            "아이",
            "제이",
            "케이",
            "엘",
            "엠",
            "엔",
            "오",
            "피",
            "큐",
            "아르",
            "에스",
            "티",
            "유",
            "브이",
            "더블유",
            "엑스",
            "와이",
            "제트",
        ],
        strict=True,
    )
)
_NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")


def is_syllable(char: str) -> bool:
    """Whether `char` is one precomposed Hangul syllable."""
    return "가" <= char <= "힣"


def split(syllable: str) -> tuple[int, str, str]:
    """Initial index, vowel and final consonant ('' if none) of a Hangul syllable."""
    code = ord(syllable) - 0xAC00
    return code // 588, VOWELS[code % 588 // 28], FINALS[code % 28]


def join(initial: int, vowel: str, final: str = "") -> str:
    """The Hangul syllable with this initial index, vowel and final consonant."""
    return chr(0xAC00 + initial * 588 + VOWELS.index(vowel) * 28 + FINALS.index(final))


def with_final(text: str, final: str) -> str:
    """`text` with the final consonant of its last syllable replaced."""
    initial, vowel, _ = split(text[-1])
    return text[:-1] + join(initial, vowel, final)


# ---------------------------------------------------------------- numerals and sounds


def sino(number: int) -> str:
    """A whole number from 0 to 99,999,999 in Sino-Korean, as one unspaced word (12 -> 십이).

    Raises  ValueError outside that range.
    """
    if not 0 <= number < 10**8:
        raise ValueError(f"Sino-Korean numerals go from 0 to 99999999, not {number}.")
    if number == 0:
        return "영"
    high, low = divmod(number, 10_000)
    head = ("" if high == 1 else sino(high)) + "만" if high else ""
    words = [head]
    for value, unit in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit, low = divmod(low, value)
        if digit:
            words.append(unit if digit == 1 and unit else DIGIT_NAMES[digit] + unit)
    return "".join(words)


def native(number: int) -> str:
    """A native Korean numeral from 1 to 99 in the form used before a counter (1 -> 한, 20 -> 스무, 21 -> 스물한).

    Raises  ValueError outside that range.
    """
    if not 1 <= number <= 99:
        raise ValueError(f"native numerals go from 1 to 99, not {number}.")
    tens, ones = divmod(number, 10)
    return "스무" if number == 20 else _NATIVE_TENS[tens] + _NATIVE_ONES[ones]


def read_aloud(word: str, readings: Mapping[str, str] | None = None) -> str:
    """The Hangul reading of the end of `word`: Hangul as it is, digits by place, Latin words by `readings` or by letter.

    Raises  ValueError for a Latin word that has no stored reading and is not an abbreviation, and for a word without sound.
    """
    core = re.sub(r"[^0-9A-Za-z가-힣]+$", "", word)
    if core and is_syllable(core[-1]):
        return core
    if digits := re.search(r"\d[\d,]*$", core):
        number = digits.group().replace(",", "")
        fraction = re.search(r"\d\.\d+$", core)
        return DIGIT_NAMES[int(number[-1])] if fraction else sino(int(number[-8:]))
    if latin := re.search(r"[A-Za-z]+$", core):
        text = latin.group()
        if readings and text in readings:
            return readings[text]
        if text.isupper() and len(text) <= 5:
            return "".join(LETTER_NAMES[letter] for letter in text)
        raise ValueError(f"no stored reading for {text!r}: add it to `readings` in data/grammar/common.yaml.")
    raise ValueError(f"{word!r} ends in nothing that has a sound, so no particle can follow it.")


def final_sound(word: str, readings: Mapping[str, str] | None = None) -> str:
    """The final consonant of `word` as read aloud; '' after a vowel."""
    return split(read_aloud(word, readings)[-1])[2]


def particle_key(name: str) -> str:
    """The form under which a particle is listed here, which is the one after a consonant: 가 -> 이, 를 -> 을.

    Raises  ValueError for an unknown particle.
    """
    name = _BY_VOWEL_FORM.get(name, name)
    if name not in ALTERNATING and name not in CONSTANT:
        raise ValueError(f"unknown particle {name!r}; known: {', '.join([*ALTERNATING, *sorted(CONSTANT)])}.")
    return name


def particle(word: str, name: str, readings: Mapping[str, str] | None = None) -> str:
    """The form of particle `name` that follows `word`: particle('물', '으로') -> '로'.

    Raises  ValueError for an unknown particle or a word whose sound is unknown.
    """
    name = particle_key(name)
    if name in CONSTANT:
        return name
    after_consonant, after_vowel = ALTERNATING[name]
    final = final_sound(word, readings)
    open_end = not final or (name == "으로" and final == "ㄹ")
    return after_vowel if open_end else after_consonant
