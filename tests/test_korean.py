"""Particles, numerals and conjugation against tables written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosae_core import english, korean
from kosae_core.conjugation import IRREGULAR_CLASSES, LEVELS, TENSES, conjugate, copula
from kosae_core.grammar import load_common

PARTICLES = [
    ("밥", "을", "을"), ("국수", "을", "를"), ("물", "을", "을"), ("사람", "이", "이"), ("친구", "이", "가"), ("비빔밥", "은", "은"),
    ("김치", "은", "는"), ("책", "과", "과"), ("의자", "과", "와"), ("서울", "으로", "로"), ("부산", "으로", "으로"), ("제주", "으로", "로"),
    ("물", "으로", "로"), ("책", "이에요", "이에요"), ("의자", "이에요", "예요"), ("책", "이다", "이다"), ("의자", "이다", "다"),
    ("1", "으로", "로"), ("7", "으로", "로"), ("8", "으로", "로"), ("3", "으로", "으로"), ("6", "으로", "으로"), ("0", "으로", "으로"),
    ("2", "으로", "로"), ("1", "을", "을"), ("2", "을", "를"), ("3", "이", "이"), ("4", "이", "가"), ("5", "은", "는"), ("6", "은", "은"),
    ("9", "과", "와"), ("10", "을", "을"), ("20", "으로", "으로"), ("100", "이", "이"), ("1,000", "은", "은"), ("12", "은", "는"),
    ("21", "으로", "로"), ("10000", "으로", "으로"), ("3.5", "을", "를"), ("KTX", "을", "를"), ("USB", "을", "를"), ("kg", "을", "을"),
    ("KBS", "으로", "로"), ("FM", "이", "이"), ("‘밥’", "을", "을"), ("친구(영희)", "이", "가"), ("친구", "도", "도"), ("밥", "를", "을"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "name", "expected"), PARTICLES)
def test_particle_follows_the_sound(word, name, expected):
    assert korean.particle(word, name, load_common().readings) == expected


def test_particle_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match=r"no stored reading for 'quux'.*common\.yaml"):
        korean.particle("quux", "을")
    with pytest.raises(ValueError, match="nothing that has a sound"):
        korean.particle("?!", "을")
    with pytest.raises(ValueError, match="unknown particle"):
        korean.particle("밥", "xx")


@given(st.integers(1, 10**8 - 1))
def test_digits_take_the_particle_of_their_sino_reading(number):
    assert korean.particle(str(number), "을") == korean.particle(korean.sino(number), "을")
    assert korean.particle(str(number), "으로") == korean.particle(korean.sino(number), "으로")


@given(st.integers(1, 10**8 - 1))
def test_sino_reads_back(number):
    """Slow reference: the words are parsed again, unit by unit."""
    digits, total, section, pending = dict(zip("일이삼사오육칠팔구", range(1, 10), strict=True)), 0, 0, 0
    for char in korean.sino(number):
        if char in digits:
            pending = digits[char]
        elif char == "만":
            total, section, pending = max(section + pending, 1) * 10_000, 0, 0
        else:
            section, pending = section + max(pending, 1) * {"십": 10, "백": 100, "천": 1000}[char], 0
    assert total + section + pending == number


def test_numerals():
    assert [korean.native(n) for n in (1, 2, 3, 4, 5, 10, 11, 20, 21, 32, 99)] == [
        "한", "두", "세", "네", "다섯", "열", "열한", "스무", "스물한", "서른두", "아흔아홉",
    ]  # fmt: skip
    assert [korean.sino(n) for n in (0, 1, 10, 11, 20, 100, 110, 1000, 2024, 10000, 34567)] == [
        "영", "일", "십", "십일", "이십", "백", "백십", "천", "이천이십사", "만", "삼만사천오백육십칠",
    ]  # fmt: skip
    assert len({korean.native(n) for n in range(1, 100)}) == 99
    for bad in (0, 100):
        with pytest.raises(ValueError, match="native"):
            korean.native(bad)
    with pytest.raises(ValueError, match="Sino"):
        korean.sino(-1)


# dictionary form, kind: then 해라체 past, present, future; 해요체 past, present, future; 합쇼체 past, present, future
FORMS = """
먹다 verb: 먹었다 먹는다 먹을_것이다 먹었어요 먹어요 먹을_거예요 먹었습니다 먹습니다 먹을_것입니다
가다 verb: 갔다 간다 갈_것이다 갔어요 가요 갈_거예요 갔습니다 갑니다 갈_것입니다
오다 verb: 왔다 온다 올_것이다 왔어요 와요 올_거예요 왔습니다 옵니다 올_것입니다
서다 verb: 섰다 선다 설_것이다 섰어요 서요 설_거예요 섰습니다 섭니다 설_것입니다
보내다 verb: 보냈다 보낸다 보낼_것이다 보냈어요 보내요 보낼_거예요 보냈습니다 보냅니다 보낼_것입니다
마시다 verb: 마셨다 마신다 마실_것이다 마셨어요 마셔요 마실_거예요 마셨습니다 마십니다 마실_것입니다
배우다 verb: 배웠다 배운다 배울_것이다 배웠어요 배워요 배울_거예요 배웠습니다 배웁니다 배울_것입니다
되다 verb: 됐다 된다 될_것이다 됐어요 돼요 될_거예요 됐습니다 됩니다 될_것입니다
쉬다 verb: 쉬었다 쉰다 쉴_것이다 쉬었어요 쉬어요 쉴_거예요 쉬었습니다 쉽니다 쉴_것입니다
피다 verb: 피었다 핀다 필_것이다 피었어요 피어요 필_거예요 피었습니다 핍니다 필_것입니다
하다 verb: 했다 한다 할_것이다 했어요 해요 할_거예요 했습니다 합니다 할_것입니다
공부하다 verb: 공부했다 공부한다 공부할_것이다 공부했어요 공부해요 공부할_거예요 공부했습니다 공부합니다 공부할_것입니다
쓰다 verb: 썼다 쓴다 쓸_것이다 썼어요 써요 쓸_거예요 썼습니다 씁니다 쓸_것입니다
모으다 verb: 모았다 모은다 모을_것이다 모았어요 모아요 모을_거예요 모았습니다 모읍니다 모을_것입니다
따르다 verb: 따랐다 따른다 따를_것이다 따랐어요 따라요 따를_거예요 따랐습니다 따릅니다 따를_것입니다
고르다 verb: 골랐다 고른다 고를_것이다 골랐어요 골라요 고를_거예요 골랐습니다 고릅니다 고를_것입니다
부르다 verb: 불렀다 부른다 부를_것이다 불렀어요 불러요 부를_거예요 불렀습니다 부릅니다 부를_것입니다
살다 verb: 살았다 산다 살_것이다 살았어요 살아요 살_거예요 살았습니다 삽니다 살_것입니다
만들다 verb: 만들었다 만든다 만들_것이다 만들었어요 만들어요 만들_거예요 만들었습니다 만듭니다 만들_것입니다
듣다 verb: 들었다 듣는다 들을_것이다 들었어요 들어요 들을_거예요 들었습니다 듣습니다 들을_것입니다
깨닫다 verb: 깨달았다 깨닫는다 깨달을_것이다 깨달았어요 깨달아요 깨달을_거예요 깨달았습니다 깨닫습니다 깨달을_것입니다
받다 verb: 받았다 받는다 받을_것이다 받았어요 받아요 받을_거예요 받았습니다 받습니다 받을_것입니다
짓다 verb: 지었다 짓는다 지을_것이다 지었어요 지어요 지을_거예요 지었습니다 짓습니다 지을_것입니다
낫다 verb: 나았다 낫는다 나을_것이다 나았어요 나아요 나을_거예요 나았습니다 낫습니다 나을_것입니다
씻다 verb: 씻었다 씻는다 씻을_것이다 씻었어요 씻어요 씻을_거예요 씻었습니다 씻습니다 씻을_것입니다
돕다 verb: 도왔다 돕는다 도울_것이다 도왔어요 도와요 도울_거예요 도왔습니다 돕습니다 도울_것입니다
굽다 verb: 구웠다 굽는다 구울_것이다 구웠어요 구워요 구울_거예요 구웠습니다 굽습니다 구울_것입니다
입다 verb: 입었다 입는다 입을_것이다 입었어요 입어요 입을_거예요 입었습니다 입습니다 입을_것입니다
푸다 verb: 펐다 푼다 풀_것이다 펐어요 퍼요 풀_거예요 펐습니다 풉니다 풀_것입니다
놓다 verb: 놓았다 놓는다 놓을_것이다 놓았어요 놓아요 놓을_거예요 놓았습니다 놓습니다 놓을_것입니다
읽다 verb: 읽었다 읽는다 읽을_것이다 읽었어요 읽어요 읽을_거예요 읽었습니다 읽습니다 읽을_것입니다
머물다 verb: 머물렀다 머문다 머물_것이다 머물렀어요 머물러요 머물_거예요 머물렀습니다 머뭅니다 머물_것입니다
있다 verb: 있었다 있다 있을_것이다 있었어요 있어요 있을_거예요 있었습니다 있습니다 있을_것입니다
없다 verb: 없었다 없다 없을_것이다 없었어요 없어요 없을_거예요 없었습니다 없습니다 없을_것입니다
마음에_들다 verb: 마음에_들었다 마음에_든다 마음에_들_것이다 마음에_들었어요 마음에_들어요 마음에_들_거예요 마음에_들었습니다 마음에_듭니다 마음에_들_것입니다
춥다 adj: 추웠다 춥다 추울_것이다 추웠어요 추워요 추울_거예요 추웠습니다 춥습니다 추울_것입니다
부드럽다 adj: 부드러웠다 부드럽다 부드러울_것이다 부드러웠어요 부드러워요 부드러울_거예요 부드러웠습니다 부드럽습니다 부드러울_것입니다
곱다 adj: 고왔다 곱다 고울_것이다 고왔어요 고와요 고울_거예요 고왔습니다 곱습니다 고울_것입니다
좁다 adj: 좁았다 좁다 좁을_것이다 좁았어요 좁아요 좁을_거예요 좁았습니다 좁습니다 좁을_것입니다
크다 adj: 컸다 크다 클_것이다 컸어요 커요 클_거예요 컸습니다 큽니다 클_것입니다
바쁘다 adj: 바빴다 바쁘다 바쁠_것이다 바빴어요 바빠요 바쁠_거예요 바빴습니다 바쁩니다 바쁠_것입니다
예쁘다 adj: 예뻤다 예쁘다 예쁠_것이다 예뻤어요 예뻐요 예쁠_거예요 예뻤습니다 예쁩니다 예쁠_것입니다
길다 adj: 길었다 길다 길_것이다 길었어요 길어요 길_거예요 길었습니다 깁니다 길_것입니다
빠르다 adj: 빨랐다 빠르다 빠를_것이다 빨랐어요 빨라요 빠를_거예요 빨랐습니다 빠릅니다 빠를_것입니다
푸르다 adj: 푸르렀다 푸르다 푸를_것이다 푸르렀어요 푸르러요 푸를_거예요 푸르렀습니다 푸릅니다 푸를_것입니다
빨갛다 adj: 빨갰다 빨갛다 빨갈_것이다 빨갰어요 빨개요 빨갈_거예요 빨갰습니다 빨갛습니다 빨갈_것입니다
하얗다 adj: 하얬다 하얗다 하얄_것이다 하얬어요 하얘요 하얄_거예요 하얬습니다 하얗습니다 하얄_것입니다
그렇다 adj: 그랬다 그렇다 그럴_것이다 그랬어요 그래요 그럴_거예요 그랬습니다 그렇습니다 그럴_것입니다
좋다 adj: 좋았다 좋다 좋을_것이다 좋았어요 좋아요 좋을_거예요 좋았습니다 좋습니다 좋을_것입니다
조용하다 adj: 조용했다 조용하다 조용할_것이다 조용했어요 조용해요 조용할_거예요 조용했습니다 조용합니다 조용할_것입니다
학생이다 copula: 학생이었다 학생이다 학생일_것이다 학생이었어요 학생이에요 학생일_거예요 학생이었습니다 학생입니다 학생일_것입니다
의사이다 copula: 의사였다 의사다 의사일_것이다 의사였어요 의사예요 의사일_거예요 의사였습니다 의사입니다 의사일_것입니다
아니다 adj: 아니었다 아니다 아닐_것이다 아니었어요 아니에요 아닐_거예요 아니었습니다 아닙니다 아닐_것입니다
""".strip().splitlines()

NEGATED = """
먹다 verb haera present: 먹지_않는다
먹다 verb haeyo past: 먹지_않았어요
먹다 verb hapsyo future: 먹지_않을_것입니다
춥다 adj haera present: 춥지_않다
춥다 adj haeyo present: 춥지_않아요
있다 verb haera present: 없다
관심이_있다 verb hapsyo past: 관심이_없었습니다
먹고_있다 verb haera present: 먹고_있지_않다
서_있다 verb haeyo present: 서_있지_않아요
맛있다 verb haera present: 맛있지_않다
알다 verb haera present: 모른다
알다 verb haeyo past: 몰랐어요
학생이다 copula haera present: 학생이_아니다
의사이다 copula haeyo present: 의사가_아니에요
의사이다 copula hapsyo past: 의사가_아니었습니다
학생이다 copula haera future: 학생이_아닐_것이다
보고_싶다 verb haera present: 보고_싶지_않다
""".strip().splitlines()


@pytest.mark.parametrize("line", FORMS)
def test_affirmative_forms(line):
    word, kind, *expected = line.replace(":", "").split()
    given_forms = [conjugate(word.replace("_", " "), level, tense, kind=kind) for level in LEVELS for tense in TENSES]
    assert given_forms == [form.replace("_", " ") for form in expected]


@pytest.mark.parametrize("line", NEGATED)
def test_negated_forms(line):
    left, expected = line.split(": ")
    word, kind, level, tense = left.split()
    assert conjugate(word.replace("_", " "), level, tense, True, kind=kind) == expected.replace("_", " ")


def test_special_negations_and_overrides():
    assert conjugate("먹다", "haeyo", "past", True, short=True) == "안 먹었어요"
    assert conjugate("공부하다", "haeyo", "past", True, short=True) == "공부하지 않았어요"
    assert conjugate("먹다", "haera", "present", True, cannot=True) == "먹지 못한다"
    assert conjugate("깨끗하다", "haera", "present", True, kind="adj", negative="더럽다") == "더럽다"
    assert conjugate("묻다", "haera", "past") == "물었다"
    assert conjugate("묻다", "haera", "past", irregular="reg") == "묻었다"
    assert conjugate("이르다", "haeyo", "past", irregular="reo") == "이르렀어요"
    assert copula("선물", "haeyo", "present") == "이에요"
    assert copula("KTX", "haeyo", "present", readings=load_common().readings) == "예요"


@pytest.mark.parametrize(
    "arguments",
    [("먹", "haera", "past"), ("먹다", "banmal", "past"), ("먹다", "haera", "now"), ("다", "haera", "past")],
)
def test_conjugate_refuses(arguments):
    with pytest.raises(ValueError, match="is not"):
        conjugate(*arguments)


STEMS = st.text(st.integers(0xAC00, 0xD7A3).map(chr).filter(lambda c: korean.split(c)[2] in "ㄱㄴㄷㄹㅁㅂㅅㅈㅊㅌㅍㅎㄲㅆ" or not korean.split(c)[2]), min_size=1, max_size=3)  # fmt: skip


@given(STEMS, st.sampled_from(LEVELS), st.sampled_from(TENSES), st.booleans(), st.sampled_from(["verb", "adj"]))
def test_every_form_is_whole_syllables_with_the_ending_of_its_level(stem, level, tense, negation, kind):
    form = conjugate(stem + "다", level, tense, negation, kind=kind, irregular="reg")
    assert all(korean.is_syllable(c) or c == " " for c in form)
    assert form.endswith({"haera": "다", "haeyo": "요", "hapsyo": "니다"}[level])
    if tense == "past":
        assert "ㅆ" in {korean.split(c)[2] for c in form if c != " "}
    if tense == "future":
        assert form.endswith(({"haera": " 것이다", "haeyo": " 거예요", "hapsyo": " 것입니다"})[level])


@given(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3))
def test_split_and_join_are_inverse(char):
    assert korean.join(*korean.split(char)) == char


def test_classes_are_known():
    assert set(IRREGULAR_CLASSES) >= {"reg", "b", "d", "s", "reu", "reo", "h", "u"}


ENGLISH = [
    ("eat", "past", False, "sg", "ate"), ("eat", "past", True, "sg", "did not eat"), ("eat", "present", False, "sg", "eats"),
    ("eat", "present", False, "I", "eat"), ("eat", "present", True, "pl", "do not eat"), ("eat", "present", True, "sg", "does not eat"),
    ("eat", "future", False, "I", "will eat"), ("eat", "future", True, "sg", "will not eat"), ("be delicious", "past", False, "pl", "were delicious"),
    ("be delicious", "present", True, "sg", "is not delicious"), ("be glad", "present", False, "I", "am glad"), ("watch", "present", False, "sg", "watches"),
    ("carry", "past", False, "sg", "carried"), ("play", "past", False, "sg", "played"), ("stop", "past", False, "sg", "stopped"),
    ("fix", "past", False, "sg", "fixed"), ("visit", "past", False, "sg", "visited"), ("prefer", "past", False, "sg", "preferred"),
    ("take off", "past", False, "sg", "took off"), ("have", "present", False, "sg", "has"), ("go", "present", False, "sg", "goes"),
    ("quit", "past", False, "I", "quit"), ("use", "past", False, "I", "used"), ("be able to go", "future", False, "sg", "will be able to go"),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "tense", "negation", "person", "expected"), ENGLISH)
def test_english_verb_phrases(phrase, tense, negation, person, expected):
    assert english.conjugate(phrase, tense, negation, person) == expected


def test_english_ability_past_and_numbers():
    assert english.conjugate("finish", "past", True, cannot=True) == "could not finish"
    assert english.conjugate("try on", "past", past="tried on") == "tried on"
    assert english.conjugate("take off", "past", past="took") == "took off"
    assert [english.number_word(n) for n in (1, 13, 20, 21, 99, 1500)] == ["one", "thirteen", "twenty", "twenty-one", "ninety-nine", "1,500"]  # fmt: skip
    assert [english.ordinal_word(n) for n in (1, 2, 3, 5, 9, 12, 20, 22, 30, 31)] == [
        "first", "second", "third", "fifth", "ninth", "twelfth", "twentieth", "twenty-second", "thirtieth", "thirty-first",
    ]  # fmt: skip
