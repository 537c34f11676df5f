"""Optimizers, learning-rate schedules, gradient clipping and weight averaging.

    opt = optim.AdamW(model.parameters(), lr=optim.schedule.cosine(1e-3, steps=1000))
    ...
    loss.backward(); opt.step(); opt.zero_grad()

Names, arguments and defaults are PyTorch's. Each algorithm is one file, written for one parameter.
"""

from __future__ import annotations

from retroprop.optim import lr_scheduler, schedule
from retroprop.optim.adadelta import Adadelta
from retroprop.optim.adagrad import Adagrad
from retroprop.optim.adam import Adam
from retroprop.optim.adamax import Adamax
from retroprop.optim.adamw import AdamW
from retroprop.optim.clip import (
    clip_grad_adaptive_,
    clip_grad_norm_,
    clip_grad_norms_,
    clip_grad_value_,
    grad_norm,
)
from retroprop.optim.decay import decay_groups
from retroprop.optim.ema import EMA
from retroprop.optim.group import ParamGroup
from retroprop.optim.lamb import LAMB
from retroprop.optim.lbfgs import LBFGS
from retroprop.optim.lion import Lion
from retroprop.optim.muon import Muon
from retroprop.optim.nadam import NAdam
from retroprop.optim.names import get, names
from retroprop.optim.optimizer import Optimizer
from retroprop.optim.radam import RAdam
from retroprop.optim.rmsprop import RMSprop
from retroprop.optim.rprop import Rprop
from retroprop.optim.schedule import ReduceOnPlateau
from retroprop.optim.sgd import SGD

__all__ = [
    "EMA",
    "LAMB",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "ParamGroup",
    "RAdam",
    "RMSprop",
    "ReduceOnPlateau",
    "Rprop",
    "clip_grad_adaptive_",
    "clip_grad_norm_",
    "clip_grad_norms_",
    "clip_grad_value_",
    "decay_groups",
    "get",
    "grad_norm",
    "lr_scheduler",
    "names",
    "schedule",
]
