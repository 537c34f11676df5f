"""Neural-network layers."""
from retroprop.nn.containers import *
from retroprop.nn.linear import *
from retroprop.nn.module import Module
from retroprop.nn.parameter import Buffer, Parameter
