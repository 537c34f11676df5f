"""Layers as functions: `nn.functional`, usually imported as F."""

from retroprop.nn.functional.activation import *
from retroprop.nn.functional.activation_smooth import *
from retroprop.nn.functional.adaptive import *
from retroprop.nn.functional.attention import *
from retroprop.nn.functional.conv import *
from retroprop.nn.functional.distance import *
from retroprop.nn.functional.dropout import *
from retroprop.nn.functional.embedding import *
from retroprop.nn.functional.fold import *
from retroprop.nn.functional.interpolation import *
from retroprop.nn.functional.linear import *
from retroprop.nn.functional.loss_classification import *
from retroprop.nn.functional.loss_detection import *
from retroprop.nn.functional.loss_margin import *
from retroprop.nn.functional.loss_ranking import *
from retroprop.nn.functional.loss_regression import *
from retroprop.nn.functional.loss_sequence import *
from retroprop.nn.functional.lp_pool import *
from retroprop.nn.functional.normalization import *
from retroprop.nn.functional.padding import *
from retroprop.nn.functional.pooling import *
from retroprop.nn.functional.shape import *
from retroprop.nn.functional.softmax import *
from retroprop.nn.functional.unpool import *
