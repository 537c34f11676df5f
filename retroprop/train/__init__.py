"""Training: the Trainer, those who listen to it, and what it leaves behind."""

from retroprop.train.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    LogFiles,
    Plateau,
    TensorBoard,
)
from retroprop.train.trainer import Trainer

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LogFiles",
    "Plateau",
    "TensorBoard",
    "Trainer",
]
