"""What the site answers over HTTP."""

import json

from django.http import HttpRequest, HttpResponse

from noticeboard.live import io

PASSWORDS = {"ann": "apple", "ben": "banana"}


def login(request: HttpRequest) -> HttpResponse:
    form = json.loads(request.body)
    if PASSWORDS.get(form["name"]) != form["password"]:
        return HttpResponse("wrong name or password", status=401)
    request.session["user"] = form["name"]
    return HttpResponse(status=204)


def send_notice(request: HttpRequest) -> HttpResponse:
    """A plain view: Django runs it in a thread, from which `emit` works."""
    user = request.session.get("user")
    if user is None:
        return HttpResponse(status=401)
    notice = json.loads(request.body)
    io.to(f"user:{notice['to']}").emit("notice", {"by": user, "text": notice["text"]})
    return HttpResponse(status=202)
