"""Optimizers."""

from retroprop.optim.adadelta import Adadelta
from retroprop.optim.adagrad import Adagrad
from retroprop.optim.adam import Adam
from retroprop.optim.adamax import Adamax
from retroprop.optim.adamw import AdamW
from retroprop.optim.lamb import LAMB
from retroprop.optim.lion import Lion
from retroprop.optim.muon import Muon
from retroprop.optim.nadam import NAdam
from retroprop.optim.optimizer import Optimizer
from retroprop.optim.radam import RAdam
from retroprop.optim.rmsprop import RMSprop
from retroprop.optim.rprop import Rprop
from retroprop.optim.sgd import SGD
__all__=[]
from retroprop.optim.lbfgs import LBFGS
