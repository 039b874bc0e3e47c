"""Questions to a language model behind an OpenAI-compatible endpoint: counted before they are sent, answers remembered.

Hosted models and local servers (vLLM, llama.cpp, Ollama, `transformers serve`) speak this protocol. The client is the `openai`
package, which waits and tries again by the server's own word; nothing else of the project needs it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kosae_core import paths

log = logging.getLogger("kosae.asking")
BYTES_PER_TOKEN = 2.5
"""For estimates: tokenisers of current models take 2 to 4 bytes of Korean or English to a token."""


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and what it costs there."""

    url: str
    """The base of the interface, such as http://localhost:8000/v1."""
    model: str
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; local servers need none."""
    timeout: float = 120.0
    """Seconds for one answer."""
    retries: int = 5
    parallel: int = 4
    """Questions in flight at a time."""
    price_in: float = 0.0
    """Per million tokens read, in whatever currency."""
    price_out: float = 0.0
    """Per million tokens written."""


@dataclass(frozen=True)
class Question:
    """One request: the instructions, the text, and the longest answer, in tokens."""

    system: str
    text: str
    max_tokens: int = 120


@dataclass(frozen=True)
class Estimate:
    """What asking would cost. Tokens read are estimated from bytes; tokens written are the most there can be."""

    asked: int
    remembered: int
    tokens_in: int
    tokens_out: int
    cost: float

    def __str__(self) -> str:
        price = f", at most {self.cost:,.2f} by the prices given" if self.cost else ""
        return (
            f"{self.asked:,} questions to ask ({self.remembered:,} answers are remembered), about {self.tokens_in:,} tokens in and "
            f"at most {self.tokens_out:,} out{price}"
        )


class Asker:
    """Asks an endpoint, at temperature 0. Every answer is kept as it comes, so that a run that is broken off loses none."""

    def __init__(self, endpoint: Endpoint, memory: Path | None = None) -> None:
        """`memory` is the file of answers; by default one in the store, shared by all endpoints."""
        self.endpoint = endpoint
        self.memory = memory or paths.store_dir() / "answers.sqlite"
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.memory, timeout=60)

    def _key(self, question: Question) -> str:
        told = [self.endpoint.url, self.endpoint.model, question.system, question.text, question.max_tokens]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()

    def _remembered(self, keys: Sequence[str]) -> dict[str, str]:
        with closing(self._open()) as db:
            rows = (db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone() for key in keys)
            return {key: row[0] for key, row in zip(keys, rows, strict=True) if row}

    def estimate(self, questions: Sequence[Question]) -> Estimate:
        """What `ask` would send; nothing is sent."""
        by_key = {self._key(question): question for question in questions}
        known = self._remembered(list(by_key))
        new = [question for key, question in by_key.items() if key not in known]
        tokens_in = round(sum(len((q.system + q.text).encode()) for q in new) / BYTES_PER_TOKEN)
        tokens_out = sum(q.max_tokens for q in new)
        cost = (tokens_in * self.endpoint.price_in + tokens_out * self.endpoint.price_out) / 1e6
        return Estimate(len(new), len(known), tokens_in, tokens_out, cost)

    def ask(self, questions: Sequence[Question], progress: Callable[[int, int, str], None] | None = None) -> list[str]:
        """An answer to each question, in their order; the same question is asked once, and never again.

        Raises  ConnectionError where the endpoint cannot be reached, PermissionError where it refuses the key, RuntimeError
                where it fails otherwise after all retries; the answers that came before are kept.
        """
        keys = [self._key(question) for question in questions]
        known = self._remembered(list(dict.fromkeys(keys)))
        new = {key: question for key, question in zip(keys, questions, strict=True) if key not in known}
        if new:
            client = self._client()
            with ThreadPoolExecutor(self.endpoint.parallel) as pool, closing(self._open()) as db:
                pending = {pool.submit(self._one, client, question): key for key, question in new.items()}
                try:
                    for done, future in enumerate(as_completed(pending), 1):
                        known[pending[future]] = answer = future.result()
                        with db:
                            db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (pending[future], answer))
                        if progress is not None:
                            progress(done, len(new), "ask")
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            log.info("%d questions asked of %s", len(new), self.endpoint.model)
        return [known[key] for key in keys]

    def _client(self) -> Any:
        try:
            import openai
        except ImportError:
            raise ModuleNotFoundError("asking a language model needs the openai package: pip install openai.") from None
        key = os.environ.get(self.endpoint.key_env) or "none"
        return openai.OpenAI(
            base_url=self.endpoint.url, api_key=key, timeout=self.endpoint.timeout, max_retries=self.endpoint.retries
        )

    def _one(self, client: Any, question: Question) -> str:
        import openai

        place = f"{self.endpoint.url} ({self.endpoint.model})"
        messages = [{"role": "system", "content": question.system}, {"role": "user", "content": question.text}]
        try:
            reply = client.chat.completions.create(
                model=self.endpoint.model, messages=messages, max_tokens=question.max_tokens, temperature=0.0
            )
        except openai.APIConnectionError as error:
            raise ConnectionError(
                f"{place} cannot be reached ({error}): is the server running, the URL right?"
            ) from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise PermissionError(
                f"{place} refuses the key in {self.endpoint.key_env}: set it to a valid one."
            ) from error
        except openai.APIStatusError as error:
            raise RuntimeError(f"{place} answers {error.status_code} after all retries: {error.message}") from error
        if not reply.choices or reply.choices[0].message.content is None:
            raise RuntimeError(f"{place} answers without a text.")
        return reply.choices[0].message.content
