"""Charts as SVG text: lines, bars, histograms, heat maps and scatter plots.

Plain functions from numbers to one string: for a page, which brings `THEME` once, or a file of its
own (`standalone=True`). No script is needed; pointing at a mark shows its value. Values that are
not finite leave a gap, and a chart without any value says so.
"""

from retroprop.train.charts.bars import bar_chart, histogram
from retroprop.train.charts.heat import heat_map
from retroprop.train.charts.lines import Series, line_chart
from retroprop.train.charts.scatter import scatter_chart
from retroprop.train.charts.svg import THEME

__all__ = [
    "THEME",
    "Series",
    "bar_chart",
    "heat_map",
    "histogram",
    "line_chart",
    "scatter_chart",
]
