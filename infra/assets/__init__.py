"""Builds the web assets: npm packages and our own sources → `frontend_templates/static/dist`.

Run with ``python -m infra.assets``. Nothing here is needed at run time but the files it writes:
`manifest.json` maps a logical name (``hocba.css``) to the fingerprinted one (``hocba.1a2b3c4d5e.css``).
"""
