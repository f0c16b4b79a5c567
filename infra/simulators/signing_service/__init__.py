"""A remote signing service (CSC v2) with its own test authority: certificates, OCSP, CRL, timestamps."""
