"""The backend `vllm`: a language model in this process, run by the vLLM engine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from data.errors import BackendError
from llm.gate import SPECIAL
from llm.pretrained import load_tokenizer, model_name, positions
from llm.protocol import Reply
from llm.settings import VllmConfig
from prompts.requests import Request
from prompts.template import Message

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput, SamplingParams

AHEAD = 2
"""Requests given to the engine, as a multiple of those it works on at a time."""
_ANSWERED = ("stop", "length")
_ENDS_IN_S = 60
_open: list[LLM] = []


class VllmBackend:
    """Answers from a model in this process; vLLM and the weights are loaded with the first call."""

    leaking = False

    def __init__(self, config: VllmConfig) -> None:
        self._config = config
        self.model = model_name(config.model)

    def content(self, request: Request) -> Mapping[str, Any]:
        """Messages, sampling with its warmth, the schema if there is one, and the length."""
        sampling = self._config.sampling.model_dump()
        sampling["temperature"] += request.warmer
        schema = {"schema": request.schema} if request.schema else {}
        return {
            "messages": list(request.messages),
            "sampling": sampling,
            "max_length": self._config.max_length,
            **schema,
        }

    @property
    def limit(self) -> int:
        """Tokens that a prompt may have, so that an answer of full length fits behind it.

        Raises:
            BackendError: there is no room for any, or the model's settings cannot be had.
        """
        left = self._length - self._config.sampling.max_tokens
        if left < 1:
            raise BackendError(
                f"Answers of {self._config.sampling.max_tokens} tokens leave no room for a prompt "
                f"in the {self._length} that {self.model} reads. Lower sampling.max_tokens."
            )
        return left

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a chat as the model is given it, chat template included.

        Raises:
            BackendError: the tokenizer cannot be had, or has no template for such a chat.
        """
        try:
            tokens = self._tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except (ValueError, TypeError, ImportError, TemplateError) as error:
            raise BackendError(f"The chat template of {self.model} fails: {error}") from error
        return len(tokens)

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """A reply a request, as the engine finishes them.

        The engine holds as many requests again as it works on, so it never waits for the next one,
        and never has to hold them all.

        Raises:
            BackendError: vLLM or the model cannot be loaded, or the engine stopped.
        """
        left = iter(requests)
        first = next(left, None)
        if first is None:
            return
        left = chain([first], left)
        queue = _Queue(self._llm)
        ahead = AHEAD * self._llm.llm_engine.vllm_config.scheduler_config.max_num_seqs
        try:
            while True:
                while len(queue) < ahead and (request := next(left, None)) is not None:
                    if refused := queue.add(request, self._sampling(request)):
                        yield refused
                if not len(queue):
                    return
                yield from map(self._strip_tokens, queue.step())
        finally:
            queue.abort()

    def _strip_tokens(self, reply: Reply) -> Reply:
        """The reply without special tokens, but for those that mark thoughts."""
        if not self._marks or reply.text is None:
            return reply
        others = self._special - self._marks
        return replace(reply, text=reduce(lambda text, t: text.replace(t, ""), others, reply.text))

    def _sampling(self, request: Request) -> SamplingParams:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        chosen = self._config.sampling
        guided = StructuredOutputsParams(json=dict(request.schema)) if request.schema else None
        return SamplingParams(
            temperature=chosen.temperature + request.warmer,
            top_p=chosen.top_p,
            max_tokens=chosen.max_tokens,
            seed=chosen.seed,
            structured_outputs=guided,
            skip_special_tokens=not self._marks,
        )

    @cached_property
    def _special(self) -> frozenset[str]:
        """Tokens that are no part of a text."""
        added = self._tokenizer.added_tokens_decoder.values()
        return frozenset(str(token) for token in added if token.special)

    @cached_property
    def _marks(self) -> frozenset[str]:
        """Those of them that tell thoughts from the answer."""
        return self._special & set(SPECIAL)

    @cached_property
    def _length(self) -> int:
        return self._config.max_length or positions(self._config.model)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._config.model)

    @cached_property
    def _llm(self) -> LLM:
        return open_engine(
            self._config.model,
            dtype=self._config.dtype,
            tensor_parallel_size=self._config.tensor_parallel,
            max_model_len=self._length,
            gpu_memory_utilization=self._config.memory_share,
            enable_prefix_caching=True,
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    request: Request
    engine_id: str
    since: float


class _Queue:
    """Requests that the engine has, by the number it gave them."""

    def __init__(self, llm: LLM) -> None:
        from vllm.exceptions import VLLMClientError

        self._llm = llm
        self._asked: dict[str, _Asked] = {}
        self._refusals = (VLLMClientError, ValueError)

    def __len__(self) -> int:
        return len(self._asked)

    def add(self, request: Request, sampling: SamplingParams) -> Reply | None:
        """None, or a reply with the reason where the engine refuses the request."""
        since = time.perf_counter()
        try:
            (engine_id,) = self._llm.enqueue_chat(
                [list(request.messages)], sampling, use_tqdm=False
            )
        except self._refusals as error:
            return _failure(request, f"vLLM refuses the request: {error}", since)
        except Exception as error:
            raise _stop_error(error) from error
        number = engine_id.partition("-")[0]  # vLLM adds "-" and random digits within itself
        self._asked[number] = _Asked(request, engine_id, since)
        return None

    def step(self) -> Iterator[Reply]:
        """Replies that one step of the engine finished, perhaps none."""
        try:
            outputs = self._llm.llm_engine.step()
        except Exception as error:
            raise _stop_error(error) from error
        for output in outputs:
            if output.finished and output.request_id in self._asked:
                yield _reply(self._asked.pop(output.request_id), output)

    def abort(self) -> None:
        """Takes back what nobody waits for any more."""
        if self._asked:
            left = [asked.engine_id for asked in self._asked.values()]
            self._llm.llm_engine.abort_request(left, internal=True)
            self._asked.clear()


def _reply(asked: _Asked, output: RequestOutput) -> Reply:
    answer = output.outputs[0]
    if answer.finish_reason not in _ANSWERED:
        said = f"vLLM gave the request up ({answer.finish_reason})."
        return _failure(asked.request, said, asked.since)
    return Reply(
        asked.request,
        answer.text,
        tokens_in=len(output.prompt_token_ids or ()),
        tokens_out=len(answer.token_ids),
        latency_s=time.perf_counter() - asked.since,
        finish_reason=answer.finish_reason,
    )


def _failure(request: Request, error: str, since: float) -> Reply:
    latency = time.perf_counter() - since
    return Reply(request, None, latency_s=latency, finish_reason="error", error=error)


def _stop_error(error: Exception) -> BackendError:
    return BackendError(
        f"The vLLM engine stopped ({type(error).__name__}: {error}). Run the same command again: "
        "answers so far are kept. If it stops again, lower max_length or memory_share."
    )


def open_engine(model: str, *, mean: bool = False, **options: Any) -> LLM:
    """The engine of vLLM with the weights of a model loaded.

    Args:
        model: A name on the hub, or a folder.
        mean: Gives the mean of the last hidden layer, not normalised, instead of answers.
        options: Of `vllm.LLM`.

    Raises:
        BackendError: vLLM is not installed or does not work here, or the model cannot be loaded.
    """
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    try:
        from vllm import LLM
        from vllm.config import PoolerConfig
        from vllm.platforms import current_platform
    except ImportError as error:
        raise BackendError(
            f"vLLM cannot be loaded here ({error}). On Linux with a GPU: pip install "
            '"autograph-rec[vllm]". On any other machine, let a model elsewhere answer: set '
            '"server" in the place of "vllm", with the url of its endpoint.'
        ) from error
    try:
        if mean:
            pooler = PoolerConfig(seq_pooling_type="MEAN", use_activation=False)
            options |= {"runner": "pooling", "convert": "embed", "pooler_config": pooler}
        _open.append(LLM(model, enforce_eager=current_platform.is_cpu(), **options))
        return _open[-1]
    except Exception as error:
        raise BackendError(
            f"vLLM cannot load {model} ({type(error).__name__}: {error}). It must be a model on "
            "the hub or a folder with weights and tokenizer. If it does not fit into memory, lower "
            "max_length, raise tensor_parallel, or choose a smaller model."
        ) from error


def close_engines() -> None:
    """Ends every engine of this process, and gives the memory of its weights and caches back.

    Dropping an engine is not enough: vLLM holds on to it.
    """
    while _open:
        _open.pop().llm_engine.engine_core.shutdown(timeout=_ENDS_IN_S)
