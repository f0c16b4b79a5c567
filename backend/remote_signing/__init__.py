"""Getting people to sign bytes with keys that are held elsewhere. Knows nothing of transcripts."""
