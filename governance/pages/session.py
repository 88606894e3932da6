"""Signing in and the front door."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from governance.pages.access import STRICT_POLICY, strict_page


@method_decorator(csp_replace(STRICT_POLICY), name="dispatch")
class SignIn(LoginView):
    """Name and password. `axes` slows down whoever guesses."""

    template_name = "pages/sign_in.html"
    redirect_authenticated_user = True
    next_page = "home"

    def get_form(self, form_class: type[AuthenticationForm] | None = None) -> Any:
        """The form with the hints that password managers look for."""
        form = super().get_form(form_class)
        form.fields["username"].widget.attrs["autocomplete"] = "username"
        return form


@require_safe
@strict_page
def home(request: HttpRequest) -> HttpResponse:
    """Where somebody lands: the overview for staff, the queue for everybody else."""
    return redirect("admin:index" if request.user.is_staff else "promotions")
