"""An identity provider, as seen over HTTP: three realms that behave like those schools use, and every known lie."""
