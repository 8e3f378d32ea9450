"""The types of stackmate, the first CloudFormation for CloudStack, that have no name of their own here."""
