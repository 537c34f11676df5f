"""Gradient health: says why a network does not learn, and what to do."""

from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.monitor import Monitor
from retroprop.health.probe import Probe, Site
from retroprop.health.rules import RULES, check

__all__ = ["RULES", "Finding", "History", "Monitor", "Probe", "Site", "check"]
