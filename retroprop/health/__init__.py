"""Gradient health: says why a network does not learn, and what to do."""

from retroprop.health.checks import CHECKS
from retroprop.health.checks.case import Case, make_case
from retroprop.health.checks.zero_grad import adds_up
from retroprop.health.doctor import Diagnosis, examine
from retroprop.health.finding import Finding
from retroprop.health.history import History
from retroprop.health.monitor import Monitor
from retroprop.health.probe import Probe, Site
from retroprop.health.provenance import Provenance, explain
from retroprop.health.rules import RULES, check
from retroprop.health.watching import Watch, watch

__all__ = [
    "CHECKS",
    "RULES",
    "Case",
    "Diagnosis",
    "Finding",
    "History",
    "Monitor",
    "Probe",
    "Provenance",
    "Site",
    "Watch",
    "adds_up",
    "check",
    "examine",
    "explain",
    "make_case",
    "watch",
]
