"""Neural-network layers."""

from retroprop.nn import functional, init, utils
from retroprop.nn.activation import *
from retroprop.nn.attention import *
from retroprop.nn.batchnorm import *
from retroprop.nn.cells import *
from retroprop.nn.containers import *
from retroprop.nn.conv import *
from retroprop.nn.dropout import *
from retroprop.nn.embedding import *
from retroprop.nn.global_pool import *
from retroprop.nn.linear import *
from retroprop.nn.loss import *
from retroprop.nn.loss_margin import *
from retroprop.nn.lp_pool import *
from retroprop.nn.module import Module
from retroprop.nn.norm import *
from retroprop.nn.padding import *
from retroprop.nn.parameter import Buffer, Parameter
from retroprop.nn.pooling import *
from retroprop.nn.positional import *
from retroprop.nn.recurrent import *
from retroprop.nn.shape import *
from retroprop.nn.summary import *
from retroprop.nn.transformer import *
from retroprop.nn.transformer_layer import *
from retroprop.nn.unpool import *
from retroprop.nn.upsample import *
