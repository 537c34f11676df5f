"""Graph to graph: the same numbers, bit for bit, from fewer and simpler nodes.

One file per kind of rewrite; `simplify` gathers their rules and walks the graph with all of them.

Products are the same sums in the same order, provided that a backend's order of summation is that
of the inner axis: true of ours, while BLAS chooses by shape.
"""

from __future__ import annotations

from retroprop.ir import Graph
from retroprop.passes.dead import drop_dead
from retroprop.passes.loops import loops
from retroprop.passes.products import only_transposed
from retroprop.passes.simplify import simplify

__all__ = ["optimise"]

_ROUNDS = 4


def optimise(graph: Graph) -> Graph:
    """An equivalent graph to compile: same inputs, outputs of the same types in the same order.

    Inputs that are no longer read stay inputs. An output may become an input or a constant, and
    two outputs one value. The given graph is not changed.

    Example:
        >>> from retroprop.ops import catalog
        >>> text = '''
        ... graph(%0: float32[2])
        ...   %1: float32[2] = multiply(%0, 1.0:float32)
        ...   %2: float32[2] = exp(%1)
        ...   %3: float32[2] = exp(%0)
        ...   %4: float32[2] = add(%2, %3)
        ...   return %4'''
        >>> print(optimise(Graph.parse(text, catalog)))
        graph(%0: float32[2])
          %1: float32[2] = exp(%0)
          %2: float32[2] = add(%1, %1)
          return %2
    """
    graph = loops(drop_dead(graph), optimise)
    for _ in range(_ROUNDS):
        graph = drop_dead(simplify(graph))
        # Each node is simple for good once it was visited, but to turn a product around takes
        # its only reader to be known: others may have gone by now.
        if not only_transposed(graph):
            break
    return graph
