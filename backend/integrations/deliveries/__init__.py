"""Sending transcript versions to authorities and taking their answers back."""
