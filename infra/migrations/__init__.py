"""The schema's history. Migrations run under their own role, with time-outs, one at a time."""
