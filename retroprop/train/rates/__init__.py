"""The parts of `lr_find`: steps to try, a state to go back to, curves, a choice."""
