"""A key management service that speaks AWS KMS's own interface: asymmetric keys, Sign over a digest, SigV4 checked."""
