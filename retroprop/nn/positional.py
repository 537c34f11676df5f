# BEING WRITTEN BY A COLLEAGUE RIGHT NOW: recurrent.py, attention.py, transformer.py, positional.py, functional/attention.py. Do not write these; build the rest of nn.
