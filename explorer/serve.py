"""The explorer, live: `make serve`, or `python -m explorer.serve [--port 8000] [--preset default]`.

It answers on 127.0.0.1 alone. Other machines can ask only with `--host 0.0.0.0 --token TOKEN`, and must know the token.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from explorer.build import study_of
from explorer.guard import LOOPBACK, SHORTEST_TOKEN
from explorer.site import place
from kosae_core import paths


class Refused(ValueError):
    """The server is not started; the message says what to change."""


def checked(host: str, token: str | None) -> tuple[str, ...] | None:
    """The host names to answer to: those of this machine, or any behind a token.

    Raises  Refused where others could ask without a token, or the token could not be sent.
    """
    if host in LOOPBACK:
        return LOOPBACK
    if not token or len(token) < SHORTEST_TOKEN:
        raise Refused(
            f"--host {host} lets other machines ask: give --token (or KOSAE_TOKEN) of {SHORTEST_TOKEN} characters or more too."
        )
    if not (token.isascii() and token.isprintable()):  # no header and no cookie could carry it
        raise Refused("--token (or KOSAE_TOKEN) must be of printable ASCII characters alone: give another.")
    return None


def main(arguments: list[str] | None = None) -> int:
    """Command line: serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m explorer.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to answer on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.add_argument("--token", default=os.environ.get("KOSAE_TOKEN"), help="needed with any other --host")
    parser.add_argument("--preset", default="default", help="whose texts features are shown on (default: %(default)s)")
    parser.add_argument("--site", type=Path, default=paths.ROOT / "_site", help="the built book (default: _site)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        hosts = checked(options.host, options.token)
        study_of(options.preset)
        listening = bound(options.host, options.port)
        place(options.site)
        return serve(options, hosts, listening)
    except (ValueError, OSError) as error:  # Refused and NoSource among them
        print(f"The explorer was not started: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises  Refused if something else does, or there is no such port.
    """
    if not 0 <= port < 2**16:
        raise Refused(f"there is no port {port}: give a --port of 0 to {2**16 - 1}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Refused(
            f"{host}:{port} cannot be used ({error.strerror}): stop what is there or give another --port."
        ) from error
    return listening


def serve(options: argparse.Namespace, hosts: tuple[str, ...] | None, listening: socket.socket) -> int:
    """Run the server until it is interrupted, then end it and what it started."""
    import uvicorn

    from explorer.engine import Engine
    from explorer.server import make_app

    engine = Engine(options.site, options.preset)
    app = make_app(engine, token=None if hosts else options.token, hosts=hosts)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=3, limit_concurrency=400, timeout_keep_alive=15, h11_max_incomplete_event_size=32768,
        server_header=False,
    )  # fmt: skip
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"The explorer: http://{host}:{listening.getsockname()[1]}/ko/explorer.html  (Ctrl-C ends it)", flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        engine.close()
        listening.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
