"""Order, barriers and memory of kernels."""

from __future__ import annotations

import numpy as np
import pytest

from retroprop.backends.llvm.kernel import Buffer, Kernel, View, contiguous
from retroprop.backends.llvm.schedule import plan_memory, schedule

FLOAT = np.dtype(np.float32)


def matrix(rows, columns, what=""):
    shape = (rows, columns)
    return View(Buffer(4 * rows * columns, what=what), FLOAT, shape, contiguous(shape))


class Work(Kernel):
    """A kernel that is never emitted."""

    def __init__(self, what, results, operands, whole=(), fails=False):
        self.what, self.results, self.operands = what, results, operands
        self.rows = results[0].shape[0]
        views = [*results, *operands]
        self.slabs = tuple(None if v in whole else 4 * v.strides[0] for v in views)
        self.flops = 10**9
        self.may_fail = fails


def shape_of(plan):
    """(what stands before, names) of every group."""
    (groups,) = plan.segments
    return [(group.before, [kernel.what for kernel in group.kernels]) for group in groups]


def test_rows_that_follow_rows_need_no_barrier():
    a, b, c = (matrix(64, 8) for _ in range(3))
    works = [Work("one", [b], [a]), Work("two", [c], [b])]
    assert shape_of(schedule(works, parallel=True)) == [("", ["one", "two"])]


def test_who_reads_all_rows_waits_for_all_threads():
    a, b, c = (matrix(64, 8) for _ in range(3))
    works = [Work("one", [b], [a]), Work("two", [c], [b], whole=[b])]
    assert shape_of(schedule(works, parallel=True)) == [("", ["one"]), ("barrier", ["two"])]
    assert all(not group.before for group in schedule(works, parallel=False).segments[0])


def test_what_goes_on_with_the_rows_comes_first():
    a, b, c, d = (matrix(64, 8) for _ in range(4))
    other, result = matrix(32, 8), matrix(32, 8)
    works = [Work("one", [b], [a]), Work("other", [result], [other]), Work("two", [c], [b]),
             Work("three", [d], [c])]  # fmt: skip
    assert shape_of(schedule(works, parallel=True)) == [
        ("", ["one", "two", "three"]),
        ("", ["other"]),
    ]


def test_state_is_written_after_the_check():
    a, b = matrix(64, 8), matrix(64, 8)
    state = matrix(64, 8)._replace(buffer=Buffer(2048, "slot", 0))
    works = [Work("look", [b], [a], fails=True), Work("write", [state], [a])]
    plan = schedule(works, parallel=True)
    assert shape_of(plan) == [("", ["look"]), ("check", ["write"])]


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_no_order_breaks_a_dependency_or_shares_live_memory(seed, parallel):
    rng = np.random.default_rng(seed)
    made = [matrix(64, int(rng.integers(1, 40)), "0")]
    works = []
    for number in range(30):
        reads = [made[i] for i in rng.integers(0, len(made), 2)]
        result = matrix(64, int(rng.integers(1, 40)), str(number + 1))
        whole = reads if rng.random() < 0.3 else ()
        works.append(Work(str(number), [result], reads, whole))
        made.append(result)
    plan = schedule(works, parallel=parallel)
    assert sorted(work.what for work, _ in plan.order) == sorted(work.what for work in works)
    seen = {made[0].buffer}
    for work, _ in plan.order:
        assert all(view.buffer in seen for view in work.operands)
        seen.update(view.buffer for view in work.results)
    peak = plan_memory(plan.order, start=128)
    spans = {}
    for work, epoch in plan.order:
        for view in (*work.results, *work.operands):
            first, _ = spans.get(view.buffer, (epoch, epoch))
            spans[view.buffer] = (first, epoch)
    buffers = list(spans)
    for i, a in enumerate(buffers):
        assert a.offset >= 128
        assert a.offset + a.size <= peak
        for b in buffers[:i]:
            together = spans[a][0] <= spans[b][1] and spans[b][0] <= spans[a][1]
            apart = a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
            assert apart or not together
