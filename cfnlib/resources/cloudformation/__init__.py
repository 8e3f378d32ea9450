"""The types of AWS CloudFormation, on CloudStack."""
