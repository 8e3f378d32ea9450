"""The EC2 Query API in front of a CloudStack, so that what was written for EC2 runs on it as it is.

`door` takes a request, finds out who sends it, and has a function of one of the modules of `actions` carry it out;
`world` is the cloud as the caller sees it; `ids`, `names`, `filters`, `pages` and `faults` each know one thing. Wire
forms are not written down here: `cfnlib.wire` takes them from botocore's model. Nothing is stored: what EC2 knows and
CloudStack does not is kept on the machines themselves (`marks`).
"""
