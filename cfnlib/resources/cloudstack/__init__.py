"""CloudStack's own things, under the names of its API."""
