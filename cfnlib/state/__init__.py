"""What is known of stacks between operations and after a crash.

`model` is the values and the table of legal moves, `store` what a store can do, `sql` the store on a database.
"""
