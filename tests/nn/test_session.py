"""Sessions: compiled once for all calls alike, native, and gone with their model."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import retroprop as rp
from retroprop import nn
from retroprop.backends.llvm.indexing import Put
from retroprop.nn.session import Session, Way, session

PROMPT = np.array([[1, 2, 3], [4, 5, 6]])


def model() -> Any:
    return nn.TransformerLM(11, 8, 2, 1, length=20).eval()


def test_calls_alike_compile_once(capsys: pytest.CaptureFixture[str]) -> None:
    lm = model()
    start = lm.start(2, 20)
    for seed in range(3):
        options: dict[str, Any] = {
            "temperature": 1.0 + seed,
            "top_k": 2 + seed,
            "top_p": 0.5 + 0.1 * seed,
        }
        nn.generate(lm, PROMPT, 5 + seed, generator=rp.random.Generator(seed), **options)
        with session(lm, start, Way("sample", True, True)) as at:
            assert [len(programs) for programs in at.write.programs.values()] == [1]
            with rp.no_grad():
                at.cells[-1].assign(4)
                rp.compile(at.write.__wrapped__, strict=True, verbose=False)(rp.asarray(0))
    assert capsys.readouterr().err == ""


def test_a_session_is_nobody_elses_meanwhile() -> None:
    lm = model()
    start = lm.start(1, 20)
    with session(lm, start, Way("greedy")) as one, session(lm, start, Way("greedy")) as two:
        assert one is not two
    told: list[int] = []

    def tell(token: int) -> None:
        told.append(token)
        told.append(nn.generate(lm, [1, 2], 1, greedy=True)[-1].item())

    found = nn.generate(lm, [1, 2], 4, greedy=True, stream=tell).tolist()
    assert told[::2] == found[2:] == nn.generate(lm, [1, 2], 4, greedy=True).tolist()[2:]
    assert told[1::2] == [found[2]] * 4


def test_a_session_goes_with_its_model() -> None:
    lm = model()
    nn.generate(lm, PROMPT, 3, top_k=2)
    nn.generate(lm, PROMPT, 3, beams=2)
    gone = weakref.ref(lm)
    del lm
    gc.collect()
    assert gone() is None


def test_prompts_of_any_length_need_few_programs() -> None:
    lm = nn.RecurrentLM(11, 4, 4, 1)
    start = lm.start(1)
    at = Session(lm, start, Way("greedy"))
    with rp.no_grad():
        for time in (1, 5, 9, 20, 77):
            text = np.random.default_rng(time).integers(0, 11, (1, time))
            found = at.begin(start, text).numpy()
            np.testing.assert_allclose(found, lm(text)[:, -1].numpy(), atol=1e-5)
    assert len(at.read.programs) == 3


def test_keys_and_values_are_written_where_they_lie() -> None:
    lm = nn.TransformerLM(11, 32, 2, 3, length=200).eval()
    start = lm.start(1, 200)
    with rp.no_grad():
        at = Session(lm, start, Way("greedy"))
        at.hold("logits", at.begin(start, PROMPT[:1]))
        at.write.many(np.arange(3))
    kernels = at.write.programs.popitem()[1][0].program.plan.kernels
    puts = [kernel for kernel in kernels if isinstance(kernel, Put)]
    assert [kernel.is_in_place for kernel in puts] == [True] * 6


def test_few_sessions_wait() -> None:
    lm = nn.RecurrentLM(5, 2, 2, 1)
    sessions = []
    for batch in range(1, 12):
        with session(lm, lm.start(batch), Way("greedy")) as at:
            sessions.append(weakref.ref(at))
    del at
    gc.collect()
    assert [one() is not None for one in sessions] == [False] * 3 + [True] * 8
