"""StackMate::WaitConditionHandle is another name of AWS::CloudFormation::WaitConditionHandle.

Source: stackmate's sample templates for CloudStack.
"""

from __future__ import annotations

from attrs import evolve

from cfnlib.resources.cloudformation.wait_condition_handle import TYPE as ORIGINAL

TYPE = evolve(ORIGINAL, name="StackMate::WaitConditionHandle", source="stackmate's sample templates for CloudStack")
