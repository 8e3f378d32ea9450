"""The roads to a cloud: `base` says what every driver can do, each other module or folder is one road."""
