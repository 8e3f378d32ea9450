"""StackMate::WaitCondition is another name of AWS::CloudFormation::WaitCondition.

Source: stackmate's sample templates for CloudStack.
"""

from __future__ import annotations

from attrs import evolve

from cfnlib.resources.cloudformation.wait_condition import TYPE as ORIGINAL

TYPE = evolve(ORIGINAL, name="StackMate::WaitCondition", source="stackmate's sample templates for CloudStack")
