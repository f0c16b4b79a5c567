"""The conformity kit: for whoever writes a profile and wants to see it hold before an Authority or a school does."""
