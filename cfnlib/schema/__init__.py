"""What a resource type is, and what follows from that alone: validation, difference, documentation.

Put here: what holds for every type. What holds for one type stands in its own file under `cfnlib/resources`.
"""
