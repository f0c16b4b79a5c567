"""The local stack: PostgreSQL, Valkey and an S3 server out of Python wheels, under one supervisor.

`EmbeddedStack` (in `stack`) is the whole interface. Everything is kept in one data folder and listens on
loopback only.
"""
