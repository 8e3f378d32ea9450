"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test measures time, and neither does Hypothesis: its first text in a new environment takes seconds, for it works
# out Unicode's tables then.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
