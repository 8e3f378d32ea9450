"""The service: CloudFormation's Query API in front of an unmodified CloudStack, for many users at once.

`service` puts the pieces together, `workers` carries operations on, `actions` has a function for each operation of
the API, `faults` is the one table of errors, and `app` is what HTTP requests come to. It keeps nothing that is not in
the store, so several processes may serve one store.
"""
