"""The backend `vllm` without its engine: names, keys, lengths, and what is not installed."""

from __future__ import annotations

import builtins
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llm_fakes import request
from tiny_qwen import POSITIONS, make_tiny_qwen

from data.errors import BackendError
from llm.backends import open_backend
from llm.engine import VllmBackend
from llm.gate import judge_reply
from llm.protocol import Reply, request_key
from llm.settings import GateConfig, Sampling, VllmConfig

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tiny_qwen: Path) -> VllmConfig:
    return VllmConfig(backend="vllm", model=str(tiny_qwen))


def key(config: VllmConfig, **changes: Any) -> str:
    changed = VllmConfig.model_validate({**config.model_dump(), **changes})
    return request_key(VllmBackend(changed), request("a"))


def test_a_name_loads_nothing(config: VllmConfig) -> None:
    script = (
        "import sys; from llm.backends import open_backend; from llm.settings import VllmConfig\n"
        "backend = open_backend(VllmConfig(backend='vllm', model=sys.argv[1]))\n"
        "print(backend.model, *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, config.model],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    name, *modules = done.stdout.split()
    assert name == VllmBackend(config).model
    assert not {"vllm", "torch", "transformers"} & set(modules)


def test_the_name_tells_the_weights_not_their_place(config: VllmConfig, tmp_path: Path) -> None:
    moved = tmp_path / Path(config.model).name
    shutil.copytree(config.model, moved)
    same = open_backend(VllmConfig(backend="vllm", model=str(moved))).model
    assert same == VllmBackend(config).model
    make_tiny_qwen(moved, seed=1)
    assert open_backend(VllmConfig(backend="vllm", model=str(moved))).model != same
    template = moved / "chat_template.jinja"
    other = open_backend(VllmConfig(backend="vllm", model=str(moved))).model
    template.write_text(template.read_text() + "Be brief.")
    assert open_backend(VllmConfig(backend="vllm", model=str(moved))).model != other
    hub = VllmConfig(backend="vllm", model="Qwen/Qwen2.5-7B-Instruct")
    assert open_backend(hub).model == "Qwen/Qwen2.5-7B-Instruct"


def test_what_is_sent(config: VllmConfig) -> None:
    backend = VllmBackend(config.model_copy(update={"max_length": 128}))
    assert backend.content(replace(request("a"), warmer=0.5)) == {
        "messages": [{"role": "user", "content": "Who is a?"}],
        "sampling": {"temperature": 0.5, "top_p": 1.0, "max_tokens": 512, "seed": 0},
        "max_length": 128,
    }
    schema = {"type": "object"}
    assert backend.content(replace(request("a"), schema=schema))["schema"] == schema


def test_keys_differ_where_answers_may(config: VllmConfig) -> None:
    asked, backend = request("a"), VllmBackend(config)
    keys = {
        request_key(backend, asked),
        request_key(backend, request("b")),
        request_key(backend, replace(asked, warmer=0.3)),
        request_key(backend, replace(asked, schema={"type": "object"})),
        key(config, sampling={"temperature": 0.7}),
        key(config, sampling={"top_p": 0.9}),
        key(config, sampling={"max_tokens": 100}),
        key(config, sampling={"seed": 1}),
        key(config, max_length=256),
        key(config, model="another/model"),
    }
    assert len(keys) == 10
    assert key(config, memory_share=0.5, tensor_parallel=2) == request_key(backend, asked)


def test_without_vllm_a_sentence_says_what_to_do(
    config: VllmConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def lacking(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "vllm":
            raise ModuleNotFoundError("No module named 'vllm'")
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(BackendError, match=r"GPU: pip install \"autograph-rec\[vllm\]\".*server"):
        next(VllmBackend(config).generate([request("a")]))


def test_nothing_to_ask_needs_no_engine(config: VllmConfig) -> None:
    assert list(VllmBackend(config).generate([])) == []


def test_tokens_of_a_chat_count_its_template(config: VllmConfig) -> None:
    from transformers import AutoTokenizer

    messages = request("a").messages
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    rendered = tokenizer.apply_chat_template(
        list(messages), tokenize=False, add_generation_prompt=True
    )
    counted = VllmBackend(config).count_tokens(messages)
    assert counted == len(tokenizer(rendered)["input_ids"])
    assert counted > len(tokenizer(messages[0]["content"])["input_ids"]) + 4


def test_the_limit_leaves_room_for_the_answer(config: VllmConfig) -> None:
    short = config.model_copy(update={"sampling": Sampling(max_tokens=100)})
    assert VllmBackend(short).limit == POSITIONS - 100
    assert VllmBackend(short.model_copy(update={"max_length": 200})).limit == 100
    with pytest.raises(BackendError, match="leave no room for a prompt"):
        _ = VllmBackend(short.model_copy(update={"max_length": 100})).limit


def test_a_folder_without_a_model_gets_a_sentence(tmp_path: Path) -> None:
    empty = VllmBackend(VllmConfig(backend="vllm", model=str(tmp_path)))
    with pytest.raises(BackendError, match=r"tokenizer of .* cannot be read"):
        empty.count_tokens(request("a").messages)
    with pytest.raises(BackendError, match=r"config.json of .* cannot be read"):
        _ = empty.limit


def test_a_chat_that_the_template_refuses_gets_a_sentence(
    config: VllmConfig, tmp_path: Path
) -> None:
    shutil.copytree(config.model, tmp_path / "strict")
    strict = "{{ raise_exception('system is not allowed') }}"
    (tmp_path / "strict" / "chat_template.jinja").write_text(strict)
    backend = VllmBackend(VllmConfig(backend="vllm", model=str(tmp_path / "strict")))
    with pytest.raises(BackendError, match="system is not allowed"):
        backend.count_tokens(request("a").messages)


def test_special_tokens_that_mark_thoughts_stay_in_an_answer(
    config: VllmConfig, tmp_path: Path
) -> None:
    """Without them nobody could tell the one from the other; without others a text is a text."""
    from transformers import AutoTokenizer

    said = Reply(request("a"), "[THINK]Hm.[/THINK]A film.<|im_end|>")
    assert VllmBackend(config)._strip_tokens(said) == said
    shutil.copytree(config.model, tmp_path / "thinking")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "thinking")
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    tokenizer.save_pretrained(tmp_path / "thinking")
    thinking = VllmBackend(config.model_copy(update={"model": str(tmp_path / "thinking")}))
    assert thinking._strip_tokens(said).text == "[THINK]Hm.[/THINK]A film."
    assert judge_reply(thinking._strip_tokens(said), GateConfig(min_words=1)).text == "A film."
