"""`make audit`: are the locked packages whole, and does an advisory database know holes in them?"""
