"""What nearly every native type has: the zone it is in, and a name."""

from __future__ import annotations

from cfnlib.schema.model import Property

ZONE = Property("The zone, by name or id; the configured one when absent.", param="zoneid", lookup="zone")
