"""The live server: routes of the JSON API, the explorer's own pages, and the built site."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from explorer import reference, searching
from explorer.engine import Engine, NoFeature, NotReady, row
from explorer.guard import Guard, refusal
from explorer.schemas import AnalyzeRequest, Failure, PrepareRequest, SteerRequest
from explorer.sources import NoSource
from explorer.worker import Busy, Given, Late, Ticket, Worker

log = logging.getLogger("kosae.explorer")

SECONDS = 30.0
"""A request to the model that has no answer by then gets an error."""
ERRORS: dict[int | str, dict[str, Any]] = {code: {"model": Failure} for code in (404, 409, 413, 422, 503)}

OneSae = Annotated[str | None, Query(max_length=100, description="an id from /saes; without one, the first")]


def make_app(
    engine: Engine, *, token: str | None = None, hosts: tuple[str, ...] | None = None, depth: int = 128
) -> FastAPI:
    """The application; `token` and `hosts` as `Guard` takes them, `depth` requests may wait for the model."""
    worker = Worker(depth)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        engine.close()
        await asyncio.to_thread(worker.close)

    app = FastAPI(
        title="KoSAE explorer", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, responses=ERRORS,
        description="Features of sparse autoencoders: what they are, where they fire, and what they do.",
    )  # fmt: skip
    app.state.worker, app.state.engine = worker, engine
    app.add_middleware(Guard, token=token, hosts=hosts)
    _errors(app)
    _features(app, engine)
    _model(app, engine, worker)
    _pages(app, engine)
    return app


def _errors(app: FastAPI) -> None:
    answers: dict[type[Exception], Any] = {
        Busy: lambda e: refusal(503, "too many requests wait for the model: ask again in a few seconds.", **{"retry-after": "2"}),
        Late: lambda e: refusal(503, f"the model gave no answer within {SECONDS:.0f} seconds: ask for less, or again later."),
        Given: lambda e: refusal(503, "the server is ending."),
        NotReady: lambda e: refusal(409, str(e)),
        NoSource: lambda e: refusal(404, str(e)),
        NoFeature: lambda e: refusal(404, str(e)),
        ValueError: lambda e: refusal(422, str(e)),
        RequestValidationError: lambda e: refusal(422, sentence_of(e.errors())),
        HTTPException: lambda e: refusal(e.status_code, "there is nothing at this address." if e.status_code == 404 else f"{e.detail}."),
    }  # fmt: skip
    for kind, answer in answers.items():
        app.add_exception_handler(kind, lambda request, error, answer=answer: answer(error))

    async def unexpected(request: Request, error: Exception) -> Response:
        return refusal(500, "the server made a mistake, which its log describes.")

    app.add_exception_handler(Exception, unexpected)


def sentence_of(errors: Any) -> str:
    """The first of pydantic's complaints: where, what is wrong, and how many more there are."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"][1:])  # the first says where in the request: body, query, path
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    what = "the request is not JSON: send an object" if first["type"] == "json_invalid" else first["msg"]
    return (f"{place}: {what}" if place else what).rstrip(".") + more + "."


def _features(app: FastAPI, engine: Engine) -> None:
    @app.get("/saes", tags=["features"])
    def saes() -> dict[str, Any]:
        """The SAEs that there are, with model, hook point and block, and whether their features have been analysed."""
        return {"saes": engine.listed()}

    @app.get("/features", tags=["features"])
    def features(
        sae: OneSae = None,
        q: Annotated[str, Query(max_length=100, description="words that all have to occur")] = "",
        sort: Annotated[searching.Column, Query(description="the column that says the order")] = "id",
        descending: Annotated[bool, Query(description="the largest first")] = False,
        offset: Annotated[int, Query(ge=0, description="how many to skip")] = 0,
        limit: Annotated[int, Query(ge=1, le=500, description="how many to give")] = 50,
    ) -> dict[str, Any]:
        """Features, searched by number, token or label and put in order; those that never fire stand last."""
        index = engine.index(engine.source(sae).id)
        found = searching.ordered(index, searching.matching(index, q), sort, descending)
        return {
            "sae": index["id"],
            "total": len(found),
            "features": [row(index, f) for f in found[offset : offset + limit]],
        }

    @app.get("/feature/{id}", tags=["features"])
    def feature(id: int, sae: OneSae = None) -> dict[str, Any]:
        """All that is known of one feature: examples (text, token, activation, text, ...), tokens it promotes, neighbours."""
        return engine.feature(engine.source(sae).id, id)

    @app.post("/prepare", tags=["features"])
    def prepare(request: PrepareRequest) -> dict[str, str]:
        """Begin the analysis of an SAE's features, which takes minutes, or begin it again after it failed."""
        return engine.prepare(engine.source(request.sae).id)

    @app.get("/prepare", tags=["features"])
    def progress(sae: Annotated[str, Query(max_length=100, description="an id from /saes")]) -> dict[str, str]:
        """How far an analysis is: absent, making, ready, or failed with the reason as `error`."""
        return engine.progress(engine.source(sae).id)


def _model(app: FastAPI, engine: Engine, worker: Worker) -> None:
    @app.post("/analyze", tags=["model"])
    async def analyze(request: AnalyzeRequest) -> dict[str, Any]:
        """The features on each sentence, and the strongest features on each token."""
        id = engine.source(request.sae).id
        controls = {"threshold": request.threshold, "share": request.share, "count": request.count}
        found = await worker.run(lambda ticket: engine.analyze(id, request.texts, ticket, **controls), SECONDS)
        return {"sae": id, "texts": found}

    @app.post("/steer", tags=["model"])
    async def steer(request: SteerRequest) -> Any:
        """A text continued as the model would, and with features moved; with `stream`, token by token as JSON lines."""
        id = engine.source(request.sae).id
        chosen = [(feature.id, feature.strength) for feature in request.features]
        options = {"tokens": request.tokens, "temperature": request.temperature, "seed": request.seed}

        def job(ticket: Ticket, tell: Any = lambda which, text: None) -> dict[str, str]:
            return engine.steer(id, chosen, request.mode, request.prompt, ticket, tell=tell, **options)

        if not request.stream:
            return await worker.run(job, SECONDS)
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(which: str, text: str) -> None:
            loop.call_soon_threadsafe(told.put_nowait, {which: text})

        ticket, future = worker.submit(lambda ticket: job(ticket, tell), SECONDS)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(told.put_nowait, {}))

        async def lines() -> AsyncIterator[str]:
            try:
                while line := await told.get():
                    yield json.dumps(line, ensure_ascii=False) + "\n"
                error = None if future.cancelled() else future.exception()
                if future.cancelled() or error is not None:
                    yield json.dumps({"error": _told(error)}, ensure_ascii=False) + "\n"
                else:
                    yield json.dumps({**future.result(), "done": True}, ensure_ascii=False) + "\n"
            finally:  # also when the reader has gone
                ticket.given_up.set()

        return StreamingResponse(lines(), media_type="application/x-ndjson")


def _told(error: BaseException | None) -> str:
    if isinstance(error, Late):
        return f"the model was not done within {SECONDS:.0f} seconds: ask for fewer tokens."
    if isinstance(error, (ValueError, NotReady)):
        return str(error)
    return "the server is ending." if error is None or isinstance(error, Given) else "the server made a mistake."


def _pages(app: FastAPI, engine: Engine) -> None:
    site = engine.site

    @app.get("/", include_in_schema=False)
    def start() -> Response:
        book = site / "ko" / "index.html"
        return RedirectResponse("/ko/index.html" if book.is_file() else "/ko/explorer.html", 307)

    @app.get("/{lang}/explorer/web/server.js", include_in_schema=False)
    def settings(lang: str) -> Response:
        listed = json.dumps({"saes": engine.listed(), "docs": "/docs"}).replace("<", "\\u003c")
        return Response(
            f"window.KOSAE_SERVER = {listed};\n", media_type="text/javascript", headers={"cache-control": "no-store"}
        )

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(reference.page(app.openapi()))

    app.mount("/", StaticFiles(directory=site, html=True), name="site")
