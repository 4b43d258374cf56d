"""The project as an ASGI application: events at their path, Django everywhere else.

arcwire run noticeboard.asgi:application --app-dir examples/django_notices
"""

import os

from django.core.asgi import get_asgi_application

from noticeboard.live import io

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "noticeboard.settings")

application = io.asgi(get_asgi_application())
