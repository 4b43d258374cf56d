"""Paths of the site."""

from django.urls import path

from noticeboard import views

urlpatterns = [
    path("login", views.login),
    path("notices", views.send_notice),
]
