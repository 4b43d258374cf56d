"""A Django project: notices."""
