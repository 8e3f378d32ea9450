"""cfnlib: what CloudFormation is to AWS, for Apache CloudStack."""
