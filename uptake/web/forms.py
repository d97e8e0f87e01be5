"""A form that was sent. In: its fields; out: texts, days, who sent it, each fault with its field.

A page may hold several forms: each names itself in the field `form`, and its fields are known on
the page as `form-field`, which is where a fault leads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from uptake.report.figures import clean
from uptake.rollout.errors import RolloutError
from uptake.web.people import Person, person, remember, typed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

YEARS = range(2000, 2100)
"""A day outside is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in a sentence, and the id of the field to mend."""

    sentence: str
    field: str


@dataclass(slots=True)
class Form:
    """One form as it was sent; on a page that was only opened it is empty."""

    name: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    who: Person = field(default_factory=Person)
    faults: list[Fault] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return what a field says, on one line."""
        return next(iter(self.values.get(name, ())), "")

    def value(self, form: str, name: str, otherwise: str) -> str:
        """Return what a field of a page's form shows: what was sent in it, or `otherwise`."""
        return self.text(name) if form == self.name and name in self.values else otherwise

    def told(self, key: str) -> str:
        """Return what is wrong with a field, known by its id; empty: nothing."""
        return " ".join(fault.sentence for fault in self.faults if fault.field == key)

    def day(self, name: str) -> date | None:
        """Return the day in a field; a fault where there is none."""
        try:
            found = date.fromisoformat(self.text(name))
        except ValueError:
            self.fault("Which day? Write it as in 2026-11-23.", name)
            return None
        if found.year not in YEARS:
            self.fault(f"The year {found.year} is a slip; write the day as in 2026-11-23.", name)
            return None
        return found

    def fault(self, sentence: str, name: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(Fault(sentence, f"{self.name}-{name}"))

    def attempt(self, action: Callable[[], object], *fields: str) -> None:
        """Do what the form asks, unless a fault is known; what refuses it is noted.

        The first sentences belong to the first fields, all further ones to the last.
        """
        if self.faults:
            return
        try:
            action()
        except RolloutError as error:
            for sentence, name in zip_longest(error.faults, fields[: len(error.faults)]):
                self.fault(sentence, name or fields[-1])


def opened(request: Request) -> Form:
    """Return the form of a page that was only opened."""
    return Form(who=person(request))


def posted(view: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that reads a form and answers with what `view` makes of it."""

    async def taken(request: Request) -> Response:
        sent = await request.form()
        values = {
            name: tuple(one_line(v) for v in sent.getlist(name) if isinstance(v, str))
            for name in sent
        }
        first = {name: found[0] for name, found in values.items() if found}
        form = Form(first.get("form", ""), values, typed(first, person(request)))
        return await run_in_threadpool(view, request, form)

    return taken


def done(form: Form, address: str) -> Response:
    """Return the way back to a page, where the change is seen; the name is remembered."""
    response = RedirectResponse(address, 303)
    remember(response, form.who)
    return response


def one_line(text: str) -> str:
    """Return a text on one line, without what no screen shows."""
    return " ".join(clean(text).split())
