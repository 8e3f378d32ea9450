"""Carrying out plans.

`operation` leads a stack from an in-progress status to a final one, `walk` does the actions of one phase of a plan,
`task` is one action under way, `line` makes calls and polls, `journal` writes down what happens before and after.

Source: the order of writes (intent, job id, end) and the lease follow what a trial of several engines showed: a step
that is written as a row before it is made, and looked up on the cloud when its end is unknown, was the only design
under which a process killed at any instant doubled nothing.
"""
