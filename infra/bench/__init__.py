"""`make bench`: the speed of what is promised to be fast, one JSON line per figure, each beside its yardstick."""
