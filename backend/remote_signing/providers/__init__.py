"""One file for each signing service, behind one port: hashes in, raw signature values out."""
