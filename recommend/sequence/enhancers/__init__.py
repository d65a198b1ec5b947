"""Enhancers: further features of users and items, added to any backbone."""
