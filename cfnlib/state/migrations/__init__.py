"""From one version of the store's tables to the next, by Alembic.

Each file in `versions` is one step. Its revision is the number that `cfnlib_schema` has afterwards. A step must come
to the same end when it is run again after it died half-way, for MariaDB and MySQL keep each change of a table at
once: so it looks before it changes anything (`steps`). It says all it needs itself and never reads today's tables,
which go on changing.

A process of the version before may be at work while the tables change under it. It refuses to open them anew, but
what it has open it goes on with: steps add columns with defaults and indexes, and take nothing away that it uses.
"""
