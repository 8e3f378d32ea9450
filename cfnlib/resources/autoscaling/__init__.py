"""The types of AWS Auto Scaling, on CloudStack."""
