"""Questions to a language model behind an OpenAI-compatible endpoint: counted before they are sent, answers remembered.

Hosted models and local servers (vLLM, llama.cpp, Ollama, `transformers serve`) speak this protocol. The client is the `openai`
package, which waits and tries again by the server's own word; nothing else of the project needs it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
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

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"url must begin with http:// or https://, as http://localhost:8000/v1 does, not {self.url!r}."
            )
        if not self.model:
            raise ValueError(f"model must name one of the models at {self.url}.")


@dataclass(frozen=True)
class Question:
    """One request: the instructions, the text, and the longest answer, in tokens."""

    system: str
    text: str
    max_tokens: int = 120


class Unconfirmed(RuntimeError):
    """Asking was not agreed to; the message says what it would cost."""


@dataclass(frozen=True)
class Estimate:
    """What asking would cost. Tokens read are estimated from bytes; tokens written are the most there can be."""

    asked: int
    remembered: int
    tokens_in: int
    tokens_out: int
    cost: float

    def require(self) -> None:
        """Raises  Unconfirmed, saying how to agree, where there is something to ask and KOSAE_LLM_CONFIRM is not 1."""
        if self.asked and os.environ.get("KOSAE_LLM_CONFIRM") != "1":
            raise Unconfirmed(f"nothing was asked yet: there are {self}; say KOSAE_LLM_CONFIRM=1 make ... to ask them.")

    def __str__(self) -> str:
        price = (
            f", about {math.ceil(100 * self.cost) / 100:,.2f} by the prices given"
            if self.cost
            else ", no price being given"
        )
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
        self.place = f"{endpoint.url} ({endpoint.model})"
        with self._answers() as db:
            db.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")

    @contextmanager
    def _answers(self) -> Iterator[sqlite3.Connection]:
        try:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.memory, timeout=60)) as db, db:
                yield db
        except (sqlite3.Error, OSError) as error:
            raise RuntimeError(
                f"{self.memory}, the file of answers, cannot be used ({error}): make room and let it be written, or, if it is "
                "damaged, move it away."
            ) from error

    def _key(self, question: Question) -> str:
        told = [self.endpoint.url, self.endpoint.model, question.system, question.text, question.max_tokens]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()

    def remembered(self, questions: Sequence[Question]) -> list[str | None]:
        """The answer to each question that was asked before, else None."""
        with self._answers() as db:
            rows = [
                db.execute("SELECT answer FROM answers WHERE key = ?", (self._key(question),)).fetchone()
                for question in questions
            ]
        return [row[0] if row and row[0].strip() else None for row in rows]  # early releases kept empty answers

    def estimate(self, questions: Sequence[Question]) -> Estimate:
        """What `ask` would send; nothing is sent."""
        once = list(dict.fromkeys(questions))
        new = [question for question, known in zip(once, self.remembered(once), strict=True) if known is None]
        tokens_in = round(sum(len((q.system + q.text).encode()) for q in new) / BYTES_PER_TOKEN)
        tokens_out = sum(q.max_tokens for q in new)
        cost = (tokens_in * self.endpoint.price_in + tokens_out * self.endpoint.price_out) / 1e6
        return Estimate(len(new), len(once) - len(new), tokens_in, tokens_out, cost)

    def ask(self, questions: Sequence[Question], progress: Callable[[int, int, str], None] | None = None) -> list[str]:
        """An answer to each question, in their order; the same question is asked once, and never again.

        Raises  ConnectionError where the endpoint cannot be reached, PermissionError where it refuses the key, RuntimeError
                where it fails otherwise or answers without a text, or answers cannot be kept; those that came are kept, and
                those on their way when one fails are waited for and kept too.
        """
        once = list(dict.fromkeys(questions))
        answers = dict(zip(once, self.remembered(once), strict=True))
        new = [question for question in once if answers[question] is None]
        if new:
            client = self._client()
            with ThreadPoolExecutor(self.endpoint.parallel) as pool:
                pending = {pool.submit(self._one, client, question): question for question in new}
                try:
                    for done, future in enumerate(as_completed(pending), 1):
                        answers[pending[future]] = future.result()
                        if progress is not None:
                            progress(done, len(new), "ask")
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            log.info("%d questions asked of %s", len(new), self.endpoint.model)
        return [answers[question] for question in questions]

    def _client(self) -> Any:
        try:
            import openai
        except ImportError:
            raise ModuleNotFoundError("asking a language model needs the openai package: pip install openai.") from None
        key = os.environ.get(self.endpoint.key_env, "").strip() or "none"
        if not key.isascii() or not key.isprintable():
            raise PermissionError(f"the key in {self.endpoint.key_env} has a character that no key has: set it again.")
        try:
            return openai.OpenAI(
                base_url=self.endpoint.url,
                api_key=key,
                timeout=self.endpoint.timeout,
                max_retries=self.endpoint.retries,
            )
        except Exception as error:  # the library's own kinds, for what is no address
            raise ValueError(f"{self.endpoint.url!r} is not an address ({error}).") from error

    def _one(self, client: Any, question: Question) -> str:
        """Ask, and keep the answer before anything else can fail."""
        answer = self._answer(client, question)
        with self._answers() as db:
            db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (self._key(question), answer))
        return answer

    def _answer(self, client: Any, question: Question) -> str:
        import openai

        messages = [{"role": "system", "content": question.system}, {"role": "user", "content": question.text}]
        try:
            reply = client.chat.completions.create(
                model=self.endpoint.model, messages=messages, max_tokens=question.max_tokens, temperature=0.0
            )
            choice = reply.choices[0]
            answer, why = choice.message.content, choice.finish_reason
        except openai.APIConnectionError as error:
            raise ConnectionError(
                f"{self.place} cannot be reached ({error}): is the server running, the URL right?"
            ) from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise PermissionError(
                f"{self.place} refuses the key in {self.endpoint.key_env}: set it to a valid one."
            ) from error
        except openai.APIStatusError as error:
            again = " after all retries" if error.status_code in (408, 409, 429) or error.status_code >= 500 else ""
            said = " ".join(error.message.split())[:300]
            raise RuntimeError(f"{self.place} answers {error.status_code}{again}: {said}") from error
        except Exception as error:  # whatever the client, or reading, makes of a reply that is no chat completion
            raise RuntimeError(
                f"{self.place} answers with something else than a chat completion ({type(error).__name__}): is the URL right, "
                "with its /v1?"
            ) from error
        if not isinstance(answer, str) or not answer.strip():
            raise RuntimeError(
                f"{self.place} answers without a text (it ended by {why!r}): choose a model that answers in "
                f"{question.max_tokens} tokens, without thinking aloud first."
            )
        return answer
