"""From a template and a state to a plan, without touching anything.

`dag` is a graph that knows no stacks, `change` the plan as data, `lower` turns types that CloudStack has no word for
into those it has, `make` compares what is wanted with what is there.
"""
