"""The types of AWS EC2, on CloudStack."""
