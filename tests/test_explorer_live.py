"""The live half: the model's worker, what is computed for a sentence, the server's routes, limits and end."""

import asyncio
import html
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("fastapi")
import explorer_sample
from explorer_sample import ask

import kosae_core as kc
from explorer import guard, live, schemas, searching, serve
from explorer.scripts import read_script
from explorer.sources import sources
from explorer.worker import Busy, Given, Late, Worker
from kosae_core import interventions as iv
from kosae_core import paths
from kosae_core.generation import continuations

TEXTS = ["오늘 점심에는 친구와 김치찌개를 먹었다.", "We had soup; 뷁쒧 😀 was on the menu.", " 앞에 빈칸"]


@pytest.fixture(scope="module")
def made():
    return explorer_sample.sample()


@pytest.fixture(scope="module")
def loaded(made):
    return *made.source.load(made.study.lm), made.source.point


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = explorer_sample.site(tmp_path_factory.mktemp("live"))
    (folder / "ko" / "note.txt").write_text("정적인 글", "utf-8")
    with explorer_sample.served(folder) as (address, app):
        yield address, app


# ---------------------------------------------------------------- what is computed


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_those_of_gather_and_encode_store(loaded, text):
    lm, sae, point = loaded
    store = kc.gather(lm, [text], [point], dtype="fp32")[point]
    wanted = kc.encode_store(sae, store).toarray()
    np.testing.assert_allclose(live.token_features(lm, sae, point, text), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_make_up_the_text_and_whole_characters(loaded, text):
    lm, sae, point = loaded
    found = live.analyze(lm, sae, point, text, count=100)
    assert "".join(found["tokens"]) == text and "\ufffd" not in "".join(found["tokens"])
    values = live.token_features(lm, sae, point, text)
    assert found["n_tokens"] == len(values)
    for feature in found["features"]:
        assert max(feature["values"]) == pytest.approx(values[:, feature["id"]].max(), rel=1e-4)
    order = [feature["max"] for feature in found["features"]]
    assert order == sorted(order, reverse=True)


def test_the_three_controls(loaded):
    lm, sae, point = loaded
    values = live.token_features(lm, sae, point, TEXTS[0])
    found = live.analyze(lm, sae, point, TEXTS[0], threshold=0.5, share=0.25, count=3)
    shares = (values > 0.5).mean(0)
    wanted = [f for f in np.argsort(-values.max(0), kind="stable") if shares[f] >= 0.25][:3]
    assert [feature["id"] for feature in found["features"]] == wanted
    for feature in found["features"]:
        assert feature["share"] == pytest.approx(shares[feature["id"]], rel=1e-4)


def test_steering_is_the_core_s_addition_and_clamping(loaded):
    lm, sae, point = loaded
    told = []
    edit = live.steering(sae, [(3, 0.5), (9, -0.25)], "add", 40.0, [])
    options = {"tokens": 8, "temperature": 1.0, "seed": 2}
    found = live.steer(lm, point, edit, "나는 오늘", **options, tell=lambda *a: told.append(a), check=lambda: None)
    direction = (0.5 * sae.W_dec_FD[3] - 0.25 * sae.W_dec_FD[9]).detach()
    patch = (point, iv.add(direction, 40.0 * float(direction.norm())))
    for which, how in (("plain", None), ("steered", patch)):
        ids = continuations(lm, ["나는 오늘"], max_new_tokens=8, seed=2, patch=how)[0]
        assert found[which] == lm.tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
    assert [text for which, text in told if which == "steered"][-1:] == [found["steered"]]
    maxima = [2.0] * sae.n_features
    clamped = live.steering(sae, [(3, 0.0), (9, 1.5)], "clamp", 40.0, maxima)
    real = kc.gather(lm, [TEXTS[0]], [point], dtype="fp32")[point].all()[None]
    mask = torch.ones(real.shape[:2], dtype=torch.bool)
    wanted = iv.clamp(sae, 9, 3.0)(iv.clamp(sae, 3, 0.0)(real, mask), mask)
    assert (clamped(real, mask) == wanted).all()


def test_steering_refuses_what_moves_nothing(loaded):
    _, sae, _ = loaded
    with pytest.raises(ValueError, match="add up to nothing"):
        live.steering(sae, [(1, 0.0)], "add", 1.0, [])
    with pytest.raises(ValueError, match=f"no feature 64; there are 0 to {sae.n_features - 1}"):
        live.steering(sae, [(64, 1.0)], "add", 1.0, [])


# ---------------------------------------------------------------- the worker


def test_jobs_run_in_their_order_in_one_thread():
    worker, seen = Worker(), []

    async def all_of_them():
        jobs = [worker.run(lambda ticket, i=i: (seen.append(i), threading.get_ident())[1], 5) for i in range(20)]
        return await asyncio.gather(*jobs)

    assert len(set(asyncio.run(all_of_them()))) == 1 and seen == list(range(20))
    worker.close()


def test_a_full_queue_refuses_and_a_slow_job_is_late():
    worker, go = Worker(depth=1), threading.Event()
    running = worker.submit(lambda ticket: go.wait(5), 5)[1]
    while worker.waiting:
        time.sleep(0.01)
    waiting = worker.submit(lambda ticket: 7, 5)[1]
    with pytest.raises(Busy):
        worker.submit(lambda ticket: 8, 5)

    go.set()
    assert running.result(5) and waiting.result(5) == 7

    def stubborn(ticket):
        while True:
            time.sleep(0.01)
            ticket.check()

    with pytest.raises(Late):
        asyncio.run(worker.run(stubborn, 0.1))
    assert asyncio.run(worker.run(lambda ticket: 9, 5)) == 9  # the late one has ended
    worker.close()


def test_what_nobody_waits_for_is_not_begun_and_the_end_is_quick():
    worker, go, begun = Worker(), threading.Event(), []
    worker.submit(lambda ticket: go.wait(5), 5)
    ticket, future = worker.submit(lambda ticket: begun.append(1), 5)
    ticket.given_up.set()
    go.set()
    with pytest.raises(Given):
        future.result(5)
    assert not begun

    def endless(ticket):
        while True:
            time.sleep(0.01)
            ticket.check()

    stopped = worker.submit(endless, 60)[1]
    time.sleep(0.1)
    worker.close(2)
    assert isinstance(stopped.exception(2), Given) and not worker._thread.is_alive()
    with pytest.raises(Busy):
        worker.submit(lambda ticket: 1, 1)


# ---------------------------------------------------------------- analyses that are made while the server runs


def small(k: int):
    """A source of 32 features that nobody has analysed."""
    acts = explorer_sample.sample().study.acts("train", "ko")
    kc.train(kc.SAEConfig("topk", n_features=32, k=k), acts, kc.TrainConfig(steps=5, batch_size=128))
    return next(
        s for s in sources().values() if (s.about["config"]["n_features"], s.about["config"].get("k")) == (32, k)
    )


def ended(address: str, id: str) -> dict:
    """What is said of an analysis when it has ended."""
    until = time.monotonic() + 500
    while time.monotonic() < until:
        answer = json.loads(ask(f"{address}/prepare?sae={id}")[2])
        if answer["state"] != "making":
            return answer
        time.sleep(0.2)
    raise AssertionError("the analysis did not end")


@pytest.mark.timeout(600)  # two processes that load torch and analyse
def test_an_sae_without_pages_is_analysed_to_the_end(tmp_path):
    new, other = small(3), small(4)
    with explorer_sample.served(explorer_sample.site(tmp_path), preset="smoke") as (address, _):
        assert json.loads(ask(f"{address}/prepare?sae={new.id}")[2]) == {"state": "absent"}
        assert ask(f"{address}/feature/0?sae={new.id}")[0] == 409
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "making"}
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "making"}
        assert json.loads(ask(f"{address}/prepare", {"sae": other.id})[2]) == {"state": "waiting"}
        listed = {sae["id"]: sae["state"] for sae in json.loads(ask(f"{address}/saes")[2])["saes"]}
        assert listed[new.id] == "making" and listed[other.id] == "absent"
        assert ask(f"{address}/analyze", {"texts": ["나는 밥을 먹었다."], "sae": new.id})[0] == 200  # meanwhile
        assert ended(address, new.id) == {"state": "ready"}
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "ready"}
        one = json.loads(ask(f"{address}/feature/31?sae={new.id}")[2])
        assert one["id"] == 31 and len(one["near"]) == 8
        index = read_script(tmp_path / "explorer-data" / new.id / "index.js")
        assert index["n_features"] == 32 and index["n_texts"] == 1200  # the preset's 600 in each language
        offered = json.loads(html.unescape(re.search(r'data-saes="([^"]*)"', ask(f"{address}/ko/explorer.html")[2])[1]))
        assert new.id in [sae["id"] for sae in offered]


@pytest.mark.timeout(600)  # two processes that load torch and analyse
def test_an_analysis_that_fails_says_why_once_and_can_be_begun_again(tmp_path):
    new = small(5)
    whole = (new.folder / "weights.safetensors").read_bytes()
    with explorer_sample.served(explorer_sample.site(tmp_path), preset="smoke") as (address, app):
        (new.folder / "weights.safetensors").write_bytes(whole[:-8])
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "making"}
        failed = ended(address, new.id)
        assert failed["state"] == "failed" and "cannot be read" in failed["error"] and "\n" not in failed["error"]
        assert ended(address, new.id) == failed  # asking does not begin it again
        (new.folder / "weights.safetensors").write_bytes(whole)
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "making"}
        app.state.engine._making[new.id].kill()
        assert "memory ran out" in ended(address, new.id)["error"]
        assert json.loads(ask(f"{address}/prepare", {"sae": new.id})[2]) == {"state": "making"}
        process = app.state.engine._making[new.id]
        time.sleep(1)
        app.state.engine.close()
        assert process.poll() is not None
    store = paths.store_dir() / "explorer"
    assert not list(store.glob(".partial-*")) and not (tmp_path / "explorer-data" / new.id).exists()


# ---------------------------------------------------------------- the routes


def test_analyze_gives_what_the_core_gives(server, loaded, made):
    lm, sae, point = loaded
    status, _, text = ask(f"{server[0]}/analyze", {"texts": TEXTS, "count": 5})
    answer = json.loads(text)
    assert status == 200 and answer["sae"] == made.source.id
    assert answer["texts"] == [live.analyze(lm, sae, point, one, count=5) for one in TEXTS]


def test_features_are_searched_sorted_and_shown(server, made):
    columns = made.index["columns"]
    answer = json.loads(ask(f"{server[0]}/features?sort=density&descending=true&limit=5")[2])
    wanted = sorted(range(64), key=lambda f: (-columns["density"][f], f))[:5]
    assert answer["total"] == 64 and [row["id"] for row in answer["features"]] == wanted
    found = json.loads(ask(f"{server[0]}/features?q=%EC%9D%8C%EC%8B%9D&limit=500")[2])["features"]  # 음식
    assert found and all(
        row["owner"] == "food" or "음식" in json.dumps(row, ensure_ascii=False) or row["label"] == ["big", "food"]
        for row in found
    )
    one = json.loads(ask(f"{server[0]}/feature/{made.lively}")[2])
    assert (
        one["density"] == columns["density"][made.lively] and one["examples"] == made.feature(made.lively)["examples"]
    )


def test_search_needs_every_word_and_puts_the_unknown_last():
    index = {
        "n_features": 3, "names": {"big": {"food": ["음식", "food"]}},
        "columns": {"rule": [[["on", " Rice"]], [], []], "reads": [[], ["밥"], []], "label": [["big", "food"], None, None], "owner": ["", "", ""], "detection": [0.5, None, 0.9]},
    }  # fmt: skip
    assert searching.matching(index, "rice 음식") == [0] and searching.matching(index, "밥") == [1]
    assert searching.matching(index, "2") == [2] and searching.matching(index, "rice 밥") == []
    assert searching.ordered(index, [0, 1, 2], "detection", True) == [2, 0, 1]


def test_steer_streams_and_ends_with_both(server):
    body = {"prompt": "나는 오늘", "features": [{"id": 3, "strength": 0.4}], "tokens": 6, "seed": 1}
    whole = json.loads(ask(f"{server[0]}/steer", body)[2])
    _, headers, text = ask(f"{server[0]}/steer", body | {"stream": True})
    lines = [json.loads(line) for line in text.splitlines()]
    assert headers["content-type"].startswith("application/x-ndjson")
    assert lines[-1] == {**whole, "done": True} and len(lines) > 2
    assert [line["plain"] for line in lines if "plain" in line][-2] == whole["plain"]


REFUSED = [
    ("/analyze", {"texts": []}, 422, "texts: "),
    ("/analyze", {"texts": ["가" * (schemas.MOST_CHARACTERS + 1)]}, 422, "texts.0: "),
    ("/analyze", {"texts": ["가"] * (schemas.MOST_TEXTS + 1)}, 422, "texts: "),
    ("/analyze", {"texts": ["가"], "share": 2}, 422, "share: "),
    ("/analyze", {"texts": ["가"], "path": "/etc/passwd"}, 422, "path: "),
    ("/analyze", {"texts": ["가"], "sae": "../../../etc"}, 404, "GET /saes lists them"),
    ("/steer", {"prompt": "가", "features": [{"id": 3}], "tokens": 100000}, 422, "tokens: "),
    ("/steer", {"prompt": "가", "features": [{"id": 9999, "strength": 1}]}, 422, "there is no feature 9999"),
    ("/steer", {"prompt": "가", "features": [{"id": 3, "strength": 0}]}, 422, "add up to nothing"),
    ("/prepare", {"sae": "no-such"}, 404, "GET /saes lists them"),
    ("/feature/64", None, 404, "there are 0 to 63"),
    ("/feature/x", None, 422, "id: "),
    ("/features?limit=100000", None, 422, "limit: "),
    ("/features?sae=kosae-lm-q2", None, 409, "POST /prepare first"),
    ("/nothing/here", None, 404, "nothing at this address"),
]


@pytest.mark.parametrize(("path", "body", "status", "part"), REFUSED)
def test_refusals_are_one_sentence_of_json(server, path, body, status, part):
    code, headers, text = ask(server[0] + path, body)
    assert code == status and headers["content-type"].startswith("application/json")
    error = json.loads(text)
    assert list(error) == ["error"] and part in error["error"] and "\n" not in error["error"]
    assert "Traceback" not in text and str(paths.ROOT) not in text


@pytest.mark.parametrize("path", ["/analyze", "/steer"])
def test_an_sae_whose_model_is_gone_is_said(server, made, path, monkeypatch):
    gone = replace(made.source, id="gone", lm_name="nobody/gone")
    monkeypatch.setitem(server[1].state.engine.sources, "gone", gone)
    body = {"sae": "gone"} | ({"texts": ["가"]} if path == "/analyze" else {"prompt": "가", "features": [{"id": 3}]})
    code, _, text = ask(server[0] + path, body)
    error = json.loads(text)["error"]
    assert (
        code == 404 and error.startswith("the SAE gone cannot be loaded: load_lm('nobody/gone')") and "\n" not in error
    )
    if path == "/steer":
        assert json.loads(ask(server[0] + path, body | {"stream": True})[2]) == {"error": error}


def test_bodies_that_are_not_json_or_too_long(server):
    assert ask(f"{server[0]}/analyze", raw=b"{")[0] == 422
    code, _, text = ask(f"{server[0]}/analyze", raw=b" " * (guard.MOST_BYTES + 1))
    assert code == 413 and "send less text" in json.loads(text)["error"]
    import http.client

    host = server[0].removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=20)  # in chunks, without saying how long it is
    connection.request(
        "POST",
        "/analyze",
        iter([b" " * 40000, b" " * 40000]),
        {"content-type": "application/json"},
        encode_chunked=True,
    )
    assert connection.getresponse().status == 413


def test_a_request_that_does_not_go_on_is_given_up(server, monkeypatch):
    import http.client

    monkeypatch.setattr(guard, "SLOWEST", 0.3)
    connection = http.client.HTTPConnection(server[0].removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/analyze")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", "100")
    connection.endheaders(b'{"texts"')
    answer = connection.getresponse()
    assert answer.status == 408 and "did not arrive within" in json.loads(answer.read())["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/ko/../../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/ko/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/explorer-data/..%5c..%5cpyproject.toml",
    ],
)
def test_no_file_outside_the_site_is_served(server, path):
    import http.client

    connection = http.client.HTTPConnection(server[0].removeprefix("http://"), timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status in (400, 404, 405) and b"kosae" not in answer.read().lower()


def test_other_hosts_and_other_pages_are_refused(server):
    assert ask(f"{server[0]}/saes", headers={"host": "evil.example"})[0] == 400
    assert ask(f"{server[0]}/saes", headers={"host": "["})[0] == 400
    for origin in ("http://evil.example", "http://["):
        code, _, text = ask(f"{server[0]}/analyze", {"texts": ["가"]}, headers={"origin": origin})
        assert code == 403 and "open the explorer from this server" in text
    _, headers, _ = ask(f"{server[0]}/ko/explorer.html")
    assert (
        "script-src" in headers["content-security-policy"] or "default-src 'self'" in headers["content-security-policy"]
    )
    assert headers["x-content-type-options"] == "nosniff"


def test_pages_of_the_site_and_what_the_server_adds(server):
    assert ask(f"{server[0]}/ko/note.txt")[2] == "정적인 글"
    settings = ask(f"{server[0]}/ko/explorer/web/server.js")[2]
    assert '"ready": true' in settings and settings.startswith("window.KOSAE_SERVER = {")
    assert ask(server[0] + "/")[0] == 200  # leads to the explorer where there is no book


def test_the_reference_is_a_page_of_its_own(server):
    _, _, html = ask(f"{server[0]}/docs")
    document = json.loads(ask(f"{server[0]}/openapi.json")[2])
    assert {"/features", "/feature/{id}", "/analyze", "/steer", "/saes", "/prepare"} <= set(document["paths"])
    for path in document["paths"]:
        assert path in html
    assert "<script" not in html and not re.search(r'(?:src|href)="https?:', html)
    assert "at most 600" in html


def test_a_slow_request_stops_neither_pages_nor_features(server):
    address, app = server
    go = threading.Event()
    app.state.worker.submit(lambda ticket: go.wait(20), 20)
    began = time.monotonic()
    try:
        assert ask(f"{address}/ko/note.txt")[0] == 200 and ask(f"{address}/features?limit=1")[0] == 200
        assert time.monotonic() - began < 5
    finally:
        go.set()


def test_a_full_queue_answers_at_once(tmp_path):
    with explorer_sample.served(explorer_sample.site(tmp_path), depth=1) as (address, app):
        go = threading.Event()
        worker = app.state.worker
        worker.submit(lambda ticket: go.wait(20), 20)
        while worker.waiting:
            time.sleep(0.01)
        worker.submit(lambda ticket: None, 20)
        code, headers, text = ask(f"{address}/analyze", {"texts": ["가"]})
        go.set()
        assert code == 503 and headers["retry-after"] and "ask again" in json.loads(text)["error"]


def test_behind_a_token(tmp_path):
    token = "0123456789abcdef"
    with explorer_sample.served(explorer_sample.site(tmp_path), token=token, hosts=None) as (address, _):
        assert ask(f"{address}/ko/explorer.html")[0] == 401
        assert ask(f"{address}/saes", headers={"authorization": "Bearer wrong"})[0] == 401
        assert ask(f"{address}/saes?token=wrong")[0] == 401
        assert ask(f"{address}/saes", headers={"authorization": f"Bearer {token}"})[0] == 200
        assert ask(f"{address}/saes", headers={"cookie": f"{guard.COOKIE}={token}"})[0] == 200
        import http.client

        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
        connection.request("GET", f"/ko/explorer.html?token={token}")
        answer = connection.getresponse()
        assert answer.status == 303 and answer.headers["location"] == "/ko/explorer.html"
        assert "HttpOnly" in answer.headers["set-cookie"] and "samesite=strict" in answer.headers["set-cookie"].lower()


def test_other_machines_only_with_a_token(capsys):
    assert serve.checked("127.0.0.1", None) == guard.LOOPBACK
    assert serve.checked("0.0.0.0", "0123456789abcdef") is None
    assert serve.main(["--host", "0.0.0.0", "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert (
        said.startswith("The explorer was not started: --host 0.0.0.0 lets other machines ask")
        and said.count("\n") == 1
    )
    with pytest.raises(serve.Refused):
        serve.checked("0.0.0.0", "short")
    for token in ("비밀" * 8, "0123456789abcdef\n"):
        with pytest.raises(serve.Refused, match="printable ASCII"):
            serve.checked("0.0.0.0", token)


def test_a_port_in_use_is_named(tmp_path, capsys):
    taken = serve.bound("127.0.0.1", 0)
    taken.listen()
    port = taken.getsockname()[1]
    assert serve.main(["--port", str(port), "--site", str(tmp_path)]) == 1
    assert f"127.0.0.1:{port} cannot be used" in capsys.readouterr().err
    for port in (99999, -1):
        assert serve.main(["--port", str(port), "--site", str(tmp_path)]) == 1
        assert f"there is no port {port}: give a --port of 0 to 65535." in capsys.readouterr().err
    taken.close()


def test_ctrl_c_ends_it_cleanly(tmp_path):
    explorer_sample.sample()
    command = [sys.executable, "-m", "explorer.serve", "--port", "0", "--site", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=paths.ROOT, env=environment
    )
    address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
    for _ in range(200):
        try:
            if ask(f"{address}/ko/explorer.html")[0] == 200:
                break
        except OSError:
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 0 and "Traceback" not in err and "Error" not in err, err
