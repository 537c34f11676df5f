"""A trained language model goes on with a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import retroprop as rp
from retroprop import nn
from retroprop.core.rng import Generator
from retroprop.errors import ArgumentError

__all__ = ["Allowed", "told", "written"]

_NEVER = -1e9  # added to logits


class Allowed(nn.Module):
    """A language model that gives some tokens no chance.

    Args:
        model:  with the methods start, prefill and step.
        tokens: how many there are.
        banned: those that are never drawn.
    """

    mask: rp.Tensor

    def __init__(self, model: Any, tokens: int, banned: Sequence[int]) -> None:
        super().__init__()
        self.model, self.length = model, model.length
        mask = np.zeros(tokens, np.float32)
        mask[list(banned)] = _NEVER
        self.register_buffer("mask", rp.Tensor(mask), persistent=False)

    def start(self, batch: int, length: int | None = None) -> Any:
        """The state before the first token."""
        return self.model.start(batch, length)

    def step(self, tokens: Any, state: Any) -> Any:
        """Logits after one more token, and the new state."""
        logits, new = self.model.step(tokens, state)
        return logits + self.mask, new

    def prefill(self, tokens: Any, state: Any) -> Any:
        """Logits after some more tokens, and the new state."""
        logits, new = self.model.prefill(tokens, state)
        return logits + self.mask, new


def written(
    model: Allowed,
    prompt: Sequence[int],
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    tell: Callable[[int], Any] | None = None,
) -> list[int]:
    """New tokens after a prompt.

    A model that was made for texts of some length forgets, whenever it has read so many tokens, all
    but the last half of them.

    Args:
        model:       a language model.
        prompt:      tokens, at least one.
        count:       how many more.
        temperature: 0 takes the most likely token each time.
        top_k, top_p: as for `nn.generate`.
        seed:        of the draws.
        tell:        is called with each new token.

    Raises:
        ArgumentError: options out of range.
    """
    if not prompt:
        raise ArgumentError("the prompt has no tokens")
    if temperature == 0:
        choice: dict[str, Any] = {"greedy": True}
    else:
        choice = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    generator = Generator(seed)
    context, made = list(prompt), list[int]()
    while len(made) < count:
        size = count - len(made)
        if model.length is not None:
            if len(context) >= model.length:
                context = context[-max(1, model.length // 2) :]
            size = min(size, model.length - len(context))
        asked = np.array(context, np.int64)
        whole = nn.generate(model, asked, size, generator=generator, stream=tell, **choice)
        new = [int(token) for token in whole.tolist()[len(context) :]]
        made += new
        context += new
    return made


def told(decode: Callable[[list[int]], str], say: Callable[[str], Any]) -> Callable[[int], Any]:
    """A listener for tokens that says their characters as soon as they are whole.

    Args:
        decode: text of tokens.
        say:    is called with new characters.

    Example:
        >>> hear = told(lambda tokens: "".join(map(chr, tokens)), lambda text: print(text, end=""))
        >>> hear(79), hear(75)
        OK(None, None)
    """
    waiting: list[int] = []

    def hear(token: int) -> None:
        waiting.append(token)
        text = decode(waiting)
        if text and (not text.endswith("\ufffd") or len(waiting) > 4):  # the bytes of a letter
            say(text)
            waiting.clear()

    return hear
