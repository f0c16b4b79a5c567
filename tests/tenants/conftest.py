"""Fixtures of the site for this folder."""

from tests.core.site_fixtures import principal, probe_principal, probe_site, product, school, site, stranger

__all__ = ["principal", "probe_principal", "probe_site", "product", "school", "site", "stranger"]
