"""The explorer under load, and how fast its pages open.

`python benchmarks/explorer_load.py --json benchmarks/results/explorer_load.json`

1. 50 clients ask `/analyze` of a server on loopback for 30 seconds, each as soon as it has its answer: requests lost, their
   times, and the server's memory from second to second.
2. The shipped SAE's data, and the same twice over as 4,096 features: bytes, and the time from the start of navigation to
   the first row of the table in Chromium, from disk.

Needs the explorer's data (`make explorer`), and Chromium for the second part.
"""

import argparse
import http.client
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from explorer import site as pages
from explorer.scripts import chunk_name, js, read_script

ROOT = Path(__file__).resolve().parent.parent
SENTENCES = (
    "오늘 점심에는 친구와 김치찌개를 먹었다.",
    "내일은 비가 오지 않을 거예요.",
    "We had kimchi stew for lunch today.",
)
CLIENTS, WARM = 50, 5.0
LAUNCH = ["--no-sandbox", "--disable-background-networking"]


def client(port: int, until: float, times: list[float], lost: list[str], number: int) -> None:
    """Ask until the time is over; what is not answered rightly is lost."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        text = f"{SENTENCES[len(times) % len(SENTENCES)]} {number}"
        began = time.monotonic()
        try:
            connection.request("POST", "/analyze", json.dumps({"texts": [text]}), {"content-type": "application/json"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            if answer.status != 200 or body["texts"][0]["text"] != text:
                lost.append(f"{answer.status}: {body}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            lost.append(repr(error))
            connection.close()
        times.append(time.monotonic() - began)
    connection.close()


def load(site: Path, seconds: float) -> dict:
    """What a server of its own does under many clients."""
    command = [sys.executable, "-m", "explorer.serve", "--port", "0", "--site", str(site)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
    memory = psutil.Process(process.pid)
    each: list[list[float]] = [[] for _ in range(CLIENTS)]
    lost: list[str] = []
    client(port, time.monotonic() + WARM, [], [], -1)  # the model is loaded by the first request
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(port, until, each[i], lost, i)) for i in range(CLIENTS)]
    used = [memory.memory_info().rss]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(1)
        used.append(memory.memory_info().rss)
    process.send_signal(signal.SIGINT)
    ended = process.wait(30)
    times = sorted(t for one in each for t in one)
    settled = used[len(used) // 3 :]
    return {
        "clients": CLIENTS, "seconds": seconds, "requests": len(times), "lost": len(lost), "lost_examples": lost[:3],
        "per_second": round(len(times) / seconds, 1), "median_s": round(statistics.median(times), 3),
        "p95_s": round(times[int(0.95 * len(times))], 3), "slowest_s": round(times[-1], 3),
        "rss_mib": [round(u / 2**20, 1) for u in used], "growth_mib_after_a_third": round((settled[-1] - settled[0]) / 2**20, 1),
        "exit_status": ended,
    }  # fmt: skip


def doubled(data: Path, target: Path) -> None:
    """The same features twice over: an SAE of twice the size."""
    index = read_script(data / "index.js")
    n, per = index["n_features"], index["per_chunk"]
    target.mkdir(parents=True)
    for number in range(n // per):
        records = read_script(data / chunk_name(number))
        for copy in (0, 1):
            moved = [
                {**r, "id": r["id"] + copy * n, "near": [[f + copy * n, c] for f, c in r["near"]]} for r in records
            ]
            at = number + copy * (n // per)
            text = f"KOSAE.features({js(index['id'])},{at},{js(moved)});\n"
            (target / chunk_name(at)).write_text(text, "utf-8")
    columns = {name: column * 2 for name, column in index["columns"].items()}
    text = js({**index, "n_features": 2 * n, "columns": columns})
    (target / "index.js").write_text(f"KOSAE.index({js(index['id'])},{text});\n", "utf-8")


def opened(site: Path, times: int = 5) -> dict:
    """Bytes of the data in a site, and seconds until the table, the map and a feature's page are there."""
    from playwright.sync_api import sync_playwright

    ready = {"list": "tbody tr", "map": "canvas.map", "feature=447": "ol.examples li"}
    found: dict = {"bytes": sum(p.stat().st_size for p in (site / "explorer-data").rglob("*.js"))}
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=chromium, args=LAUNCH)
        for view, selector in ready.items():
            taken = []
            for _ in range(times):
                page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                page.goto(f"{(site / 'ko' / 'explorer.html').as_uri()}#{view}")
                page.wait_for_selector(selector)
                script = (
                    "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(performance.now()))))"
                )
                taken.append(page.evaluate(script) / 1000)
                page.context.close()
            found[view] = {"median_s": round(statistics.median(taken), 3), "slowest_s": round(max(taken), 3)}
        browser.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, default=ROOT / "_site", help="a site with the explorer's data")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = args.site / "explorer-data" / pages.DEFAULT
    if not (data / "index.js").is_file():
        raise SystemExit(f"{data} holds no data of the explorer: run make explorer first.")
    results = {
        "machine": {"platform": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, n in (("once", 1), ("twice", 2)):
            site = Path(folder) / name
            target = site / "explorer-data" / pages.DEFAULT
            if n == 1:
                shutil.copytree(data, target)
            else:
                doubled(data, target)
            pages.place(site)
            size = read_script(target / "index.js")["n_features"]
            if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
                results[f"open_{size}"] = opened(site)
                print(f"{size} features", results[f"open_{size}"], flush=True)
    results["load"] = load(args.site, args.seconds)
    print({key: value for key, value in results["load"].items() if key != "rss_mib"})
    if args.json:
        args.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
