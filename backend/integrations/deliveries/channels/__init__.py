"""One file for each way of reaching an authority, behind one port."""
