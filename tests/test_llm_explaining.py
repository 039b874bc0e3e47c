"""Explanations by a language model over real HTTP: a scripted endpoint with known answers, and transformers' own server."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import kosae_core as kc
from kosae_core import llm_explaining as le
from kosae_core import paths
from kosae_core.asking import Asker, Endpoint, Question, Unconfirmed

openai = pytest.importorskip("openai", reason="the endpoint tests need the openai package")


class Script(BaseHTTPRequestHandler):
    """Explains by the letter that follows «, and judges by looking for the quoted letter.

    `server.fail` statuses come first; `server.junk`, where it is set, is every answer.
    """

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], body))
        with self.server.lock:
            status = self.server.fail.pop(0) if self.server.fail else 200
        reply = json.dumps(self.reply(body) if status == 200 else {"error": {"message": "scripted"}}).encode()
        reply = reply if self.server.junk is None else self.server.junk
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(reply)

    def reply(self, body):
        system, text = (message["content"] for message in body["messages"])
        shown = re.findall(r"^\d+\. (.*)$", text, re.M)
        if system == le.EXPLAIN:
            answer = f"the letter '{re.search('«(.)', text)[1]}'"
        elif "'" not in text.split("\n")[0]:
            answer = "I cannot say."
        else:
            letter = re.search("'(.)'", text)[1]
            mark = letter if system == le.DETECT else f"«{letter}»"
            answer = f"They are {[int(mark in passage) for passage in shown]}."
        message = {"role": "assistant", "content": answer}
        return {"id": "0", "object": "chat.completion", "created": 0, "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    server.seen, server.fail, server.junk, server.lock = [], [], None, threading.Lock()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture
def asker(server, tmp_path):
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "scripted", retries=3, price_in=1.0, price_out=2.0)
    return Asker(endpoint, tmp_path / "answers.sqlite")


QUESTIONS = [Question(le.EXPLAIN, f"1. «{letter}»b") for letter in "xyz"]


def test_answers_come_in_order_and_are_remembered(server, asker):
    twice = [*QUESTIONS, QUESTIONS[0]]
    before = asker.estimate(twice)
    assert (before.asked, before.remembered, before.tokens_out) == (3, 0, 360)
    assert before.tokens_in == round(sum(len((q.system + q.text).encode()) for q in QUESTIONS) / 2.5)
    assert before.cost == pytest.approx((before.tokens_in + 720) / 1e6) and "3 questions to ask" in str(before)
    assert asker.ask(twice) == [f"the letter '{letter}'" for letter in "xyzx"]
    assert len(server.seen) == 3 and server.seen[0][0] == "/v1/chat/completions"
    assert {body["temperature"] for _, _, body in server.seen} == {0.0}
    assert Asker(asker.endpoint, asker.memory).ask(twice) == asker.ask(twice)
    assert len(server.seen) == 3 and asker.estimate(twice).asked == 0


def test_another_model_is_asked_anew(server, asker):
    asker.ask(QUESTIONS)
    other = Asker(Endpoint(asker.endpoint.url, "another"), asker.memory)
    assert other.estimate(QUESTIONS).asked == 3


def test_the_key_is_that_of_the_environment(server, asker, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    asker.ask(QUESTIONS[:1])
    assert server.seen[0][1] == "Bearer secret"
    assert b"secret" not in asker.memory.read_bytes()


def test_a_busy_endpoint_is_asked_again(server, asker):
    server.fail = [429, 500]
    assert asker.ask(QUESTIONS[:1]) == ["the letter 'x'"]
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("fail", "error", "words"),
    [([401], PermissionError, "refuses the key in OPENAI_API_KEY"), ([503] * 4, RuntimeError, "answers 503 after all retries"),
     ([400], RuntimeError, "answers 400:"), ([404], RuntimeError, "answers 404: ")],
)  # fmt: skip
def test_a_failing_endpoint_is_one_sentence(server, asker, fail, error, words):
    server.fail = fail
    with pytest.raises(error, match=words):
        asker.ask(QUESTIONS[:1])


def test_answers_before_a_failure_are_kept(server, tmp_path):
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "scripted", retries=0, parallel=1)
    asker = Asker(endpoint, tmp_path / "answers.sqlite")
    server.fail = [200, 400]
    with pytest.raises(RuntimeError):
        asker.ask(QUESTIONS)
    assert asker.estimate(QUESTIONS).remembered >= 1


def test_answers_on_their_way_when_one_fails_are_kept(server, tmp_path, monkeypatch):
    asker = Asker(
        Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "scripted", parallel=3), tmp_path / "answers.sqlite"
    )
    failed, answer = threading.Event(), Asker._answer

    def slow(self, client, question):
        if question is QUESTIONS[0]:
            failed.set()
            raise RuntimeError("no")
        assert failed.wait(5)
        time.sleep(0.1)  # by then the failure has been seen
        return answer(self, client, question)

    monkeypatch.setattr(Asker, "_answer", slow)
    with pytest.raises(RuntimeError, match="no"):
        asker.ask(QUESTIONS)
    assert asker.remembered(QUESTIONS) == [None, "the letter 'y'", "the letter 'z'"]


def junk(content):
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "length"}]}).encode()


@pytest.mark.parametrize(
    ("reply", "words"),
    [(b"<html>It works</html>", "something else than a chat completion"), (b"[]", "something else"), (b"{}", "something else"),
     (b'{"choices": [{}]}', "something else"), (b'{"choices": "abc"}', "something else"), (b'{"choices": [', "something else"),
     (junk(["x"]), "without a text"), (junk(None), "without a text"), (junk(" "), "without a text .it ended by 'length'")],
)  # fmt: skip
def test_junk_is_one_sentence_and_not_remembered(server, asker, reply, words):
    server.junk = reply
    with pytest.raises(RuntimeError, match=words) as caught:
        asker.ask(QUESTIONS[:1])
    assert str(caught.value).startswith(asker.place) and "\n" not in str(caught.value)
    server.junk = None
    assert asker.ask(QUESTIONS[:1]) == ["the letter 'x'"]


def test_an_empty_answer_of_an_early_release_is_asked_again(server, asker):
    with sqlite3.connect(asker.memory) as db:
        db.execute("INSERT INTO answers VALUES (?, '')", (asker._key(QUESTIONS[0]),))
    assert asker.estimate(QUESTIONS[:1]).asked == 1 and asker.ask(QUESTIONS[:1]) == ["the letter 'x'"]


def test_a_key_is_cleaned_or_refused(server, asker, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret\n")
    asker.ask(QUESTIONS[:1])
    assert server.seen[0][1] == "Bearer secret"
    monkeypatch.setenv("OPENAI_API_KEY", "열쇠")
    with pytest.raises(PermissionError, match="the key in OPENAI_API_KEY has a character"):
        asker.ask(QUESTIONS)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "", "http://host:port/v1"])
def test_what_is_no_address_is_refused(url, tmp_path):
    with pytest.raises(ValueError, match="http://|is not an address"):
        Asker(Endpoint(url, "m"), tmp_path / "answers.sqlite").ask(QUESTIONS)
    with pytest.raises(ValueError, match="model must name one"):
        Endpoint("http://localhost/v1", "")


def test_a_file_of_answers_that_cannot_be_used_is_one_sentence(tmp_path):
    (tmp_path / "bad.sqlite").write_bytes(b"no database" * 200)
    (tmp_path / "file").touch()
    for memory in (tmp_path / "bad.sqlite", tmp_path / "file" / "answers.sqlite", tmp_path):
        with pytest.raises(RuntimeError, match=r"the file of answers, cannot be used \(.*move it away"):
            Asker(Endpoint("http://localhost/v1", "m"), memory)


def test_no_server_is_one_sentence(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asker = Asker(Endpoint(f"http://127.0.0.1:{port}/v1", "none", retries=0), tmp_path / "answers.sqlite")
    with pytest.raises(ConnectionError, match="cannot be reached"):
        asker.ask(QUESTIONS[:1])


def test_spans_are_marked_and_touching_ones_joined():
    assert le.marked("가나다라마", [(3, 4), (0, 1), (1, 2)]) == "«가나»다«라»마"
    assert le.marked("나는 사과", [(2, 4)]) == "나는 «사»과" and le.marked("가나", []) == "가나"


@pytest.mark.parametrize(
    ("answer", "n", "read"),
    [("[0, 1]", 2, [0, 1]), ("Passage [1] is odd.\n[1, 0, 1]", 3, [1, 0, 1]), ("[1 0]", 2, [1, 0]), ("yes", 2, [0.5, 0.5]),
     ("[0, 1, 1]", 2, [0.5, 0.5])],
)  # fmt: skip
def test_answers_are_read(answer, n, read):
    assert le.read_answers(answer, n) == read


@pytest.fixture(scope="module")
def lm():
    return kc.load_lm("kosae-lm")


@pytest.fixture(scope="module")
def judged(lm):
    """Two features of a store: they fire on the tokens ' 사' and ' 비' themselves."""
    texts = [
        f"{name} {rest}"
        for name in ("나는", "우리는")
        for rest in ("사과를 먹는다.", "비가 온다.", "길을 걷는다.", "책을 읽는다.")
    ] * 3
    store = kc.gather(lm, texts, ["q2.resid_post"])["q2.resid_post"]
    pieces = np.array([lm.tokenizer.decode([i]).strip() for i in store.token_ids])
    return texts, store, [np.char.startswith(pieces, letter) for letter in "사비"]


def test_material_is_marked_where_the_feature_fires(lm, judged):
    texts, store, (fires, _) = judged
    given = le.material(lm, store, texts, fires, n=6)
    assert all("사과" in text for text in given.firing) and not any("사과" in text for text in given.quiet)
    for right, wrong in zip(given.right, given.wrong, strict=True):
        assert "«사»" in right and "«사" not in wrong
        assert right.count("«") == wrong.count("«") == 1 and right.replace("«", "").replace("»", "") in texts
    with pytest.raises(ValueError, match="in every document or in none"):
        le.material(lm, store, texts, np.zeros_like(fires))
    with pytest.raises(ValueError, match="fuzzing needs others"):
        le.material(lm, store, texts, np.asarray(store.doc_index) == 0)
    assert all("사과" in texts[d] for d in le.strongest(store, fires.astype(float), 4))


def test_right_descriptions_are_right_and_shuffled_ones_at_chance(server, asker, lm, judged):
    texts, store, features = judged
    given = [le.material(lm, store, texts, fires, n=6) for fires in features]
    said = ["the letter '사'", "the letter '비'"]
    own = le.judge_all(asker, said, given)
    assert all((v.detection, v.fuzzing, v.unread) == (1.0, 1.0, 0.0) for v in own)
    for v in le.judge_all(asker, said[::-1], given):
        assert v.detection < 0.5 and v.fuzzing == 0.5  # it looks for the other letter, which only quiet passages have
    mute = le.judge_all(asker, ["nothing in common"] * 2, given)
    assert all((v.detection, v.fuzzing, v.unread) == (0.5, 0.5, 1.0) for v in mute)
    with pytest.raises(ValueError, match="do not fit"):
        le.judge_all(asker, said[:1], given)


def test_the_estimate_is_of_explanations_and_both_judgings(server, asker, lm, judged, monkeypatch):
    monkeypatch.delenv("KOSAE_LLM_CONFIRM", raising=False)
    texts, store, features = judged
    given = [le.material(lm, store, texts, fires, n=6) for fires in features]
    best = [le.strongest(store, fires.astype(float), 4) for fires in features]
    asked = [
        le.explanation_question(le.passages(lm, store, texts, fires, b))
        for fires, b in zip(features, best, strict=True)
    ]
    cost = le.estimate(asker, asked, given)
    with pytest.raises(
        Unconfirmed, match=r"there are \d+ questions.* by the prices given; say KOSAE_LLM_CONFIRM=1 make"
    ):
        cost.require()
    with monkeypatch.context() as patch:
        patch.setenv("KOSAE_LLM_CONFIRM", "1")
        cost.require()
    assert not server.seen
    said = asker.ask(asked)
    exact = le.estimate(asker, asked, given)
    assert exact.asked == cost.asked - 2 and exact.tokens_in < cost.tokens_in and exact.cost < cost.cost
    for one in (said, said[1:] + said[:1]):
        le.judge_all(asker, one, given)
    assert len(server.seen) == cost.asked == 2 + 2 * 2 * 6  # 12 passages a judgement, five at a time, of two kinds
    assert sum(body["max_tokens"] for _, _, body in server.seen) == cost.tokens_out
    done = le.estimate(asker, asked, given)
    done.require()  # nothing is left to ask
    assert done.asked == done.cost == 0


def test_an_explanation_is_asked_for_with_marked_passages(server, asker, lm, judged):
    texts, store, (fires, _) = judged
    shown = le.passages(lm, store, texts, fires, le.strongest(store, fires.astype(float), 4))
    question = le.explanation_question(shown)
    assert asker.ask([question]) == ["the letter '사'"] and question.text.startswith("1. ")


def test_transformers_own_server(lm, tmp_path):
    """The client's plumbing against another implementation of the protocol, with the model inside behind it."""
    pytest.importorskip("fastapi", reason="transformers serve needs fastapi and uvicorn")
    pytest.importorskip("uvicorn", reason="transformers serve needs fastapi and uvicorn")
    folder = tmp_path / "lm"
    shutil.copytree(paths.models_dir() / "kosae-lm", folder, ignore=shutil.ignore_patterns("sae-*"))
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", str(folder)]
    command += ["--port", str(port), "--host", "127.0.0.1", "--device", "cpu"]
    log = tmp_path / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        _wait(port, process, log)
        asker = Asker(Endpoint(f"http://127.0.0.1:{port}/v1", str(folder)), tmp_path / "answers.sqlite")
        question = Question("나는 오늘", "아침에 일찍", max_tokens=8)
        (answer,) = asker.ask([question])
        assert answer.strip() and asker.estimate([question]).asked == 0
    finally:
        process.terminate()
        process.wait(20)


def _wait(port, process, log, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])


def test_the_chapter_asks_nothing_before_it_is_confirmed():
    from pipeline import chapters as ch

    chapter = ch.read_chapter(ch.CHAPTERS / "09_interpretation.py")
    code = "\n".join(chapter.notebook.cells[i].source for i in chapter.code)
    assert code.index("le.estimate(asker") < code.index("estimate.require()") < code.index("asker.ask(")


@pytest.mark.skipif(not os.environ.get("KOSAE_SLOW"), reason="takes minutes; make test-all runs it")
@pytest.mark.timeout(900)
def test_the_chapter_asks_and_records_what_it_was_told(server, tmp_path):
    """Chapter 09 of `smoke` with the scripted endpoint: told first, its estimate, its answers, and each question asked once."""
    build = tmp_path / "build"
    told = ["-p", "llm_url", f"http://127.0.0.1:{server.server_port}/v1", "-p", "llm_model", "scripted"]
    command = [
        sys.executable,
        "-m",
        "pipeline.execute",
        "--preset",
        "smoke",
        "--only",
        "09",
        *told,
        "-p",
        "llm_prices",
        "[1, 2]",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(paths.ROOT), "KOSAE_BUILD": str(build)}
    first = subprocess.run(command, env=environment, capture_output=True, text=True)
    told = re.search(r"nothing was asked yet: there are (\d+) questions to ask", first.stdout + first.stderr)
    assert first.returncode == 1 and told and not server.seen
    environment["KOSAE_LLM_CONFIRM"] = "1"
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert 0 < len(server.seen) <= int(told[1])  # fewer where two features next to each other are explained alike
    assert done.returncode == 0, done.stdout + done.stderr
    (notebook,) = (build / "executed").glob("smoke*/09_interpretation.ipynb")
    assert re.search(r"\d+ questions to ask.*by the prices given", notebook.read_text(encoding="utf-8"))
    records = json.loads(next((build / "results").glob("smoke*/09.json")).read_text(encoding="utf-8"))["records"]
    assert records["c09.llm_features"]["value"] > 0 and records["c09.llm_model"]["value"] == "scripted"
    kinds = [body["messages"][0]["content"] for _, _, body in server.seen]
    assert {le.EXPLAIN, le.DETECT} <= set(kinds) and kinds.count(le.EXPLAIN) == records["c09.llm_features"]["value"]
    # explanations that name a letter are judged by it, and so tell where the feature fires no better than that letter does
    assert 0.2 < records["c09.llm_detection"]["value"] < 1 and records["c09.llm_unread"]["value"] == 0
    for key in ("c09.llm_swapped", "c09.llm_swapped_detection"):  # those of other features
        assert 0 < records[key]["value"] < 1
