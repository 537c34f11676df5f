"""Forecasts of series over time, with bands, and of prices with their volatility."""

from __future__ import annotations

from retroprop.tasks.series.task import Series

__all__ = ["Series"]
