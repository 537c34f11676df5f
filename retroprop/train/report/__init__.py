"""The report of a run: one page that says how good the model is, how it learned and where it fails.

`write_report(path, ReportData(...))` takes plain numbers, texts and arrays and writes a single
HTML file without scripts, which loads nothing and can be mailed, printed or kept.
`learning_curves(history)` is the picture alone, as SVG.
"""

from retroprop.train.report.curves import learning_curves
from retroprop.train.report.material import ReportData
from retroprop.train.report.write import render_report, write_report

__all__ = ["ReportData", "learning_curves", "render_report", "write_report"]
