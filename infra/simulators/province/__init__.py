"""The database of a province, as seen over HTTP: it takes transcripts, checks them and answers later."""
