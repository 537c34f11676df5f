"""Windows: origins, thinned evenly; outcomes still to come."""

from __future__ import annotations

import numpy as np

from retroprop.tasks.series.panel import Track
from retroprop.tasks.series.windows import Windows, longer

TRACK = Track("a", np.arange(9.0), np.arange(9.0), np.ones(9, bool), np.zeros((9, 0)))


def test_thinning_keeps_the_last_and_the_distance():
    windows = Windows([(TRACK, np.arange(100, 200)), (TRACK, np.arange(5))])
    assert len(windows) == 105
    thin = windows.thinned(30)
    assert len(thin) <= 30
    assert thin.pairs[0][1][-1] == 199
    assert set(np.diff(thin.pairs[0][1])) == {4}
    assert windows.thinned(1000).pairs[0][1].tolist() == list(range(100, 200))
    assert len(Windows([])) == 0


def test_what_is_still_to_come_is_not_known():
    more = longer(TRACK, 3)
    assert more.values[:9].tolist() == TRACK.values.tolist()
    assert np.isnan(more.values[9:]).all()
    assert not more.known[9:].any()
