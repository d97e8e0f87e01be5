"""The tables of the state. In: nothing; out: SQLAlchemy tables that SQLite and PostgreSQL share.

Rows are appended and not edited: the newest decides, the older ones say how it came about. A text
is whatever a person typed; it is escaped where it is shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class Instant(TypeDecorator[datetime]):
    """An instant: aware on the way in, UTC on the way out; kept as UTC without a zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return what is stored; a time without a zone is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Return the instant in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()


def _number() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _signed() -> tuple[Column[str], Column[datetime]]:
    """Return who did it and when."""
    return Column("by", Text, nullable=False), Column("at", Instant, nullable=False)


# The charter: the problem, who owns it, and how anyone will know that it is solved.

charter_item = Table(
    "charter_item",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("item", String, nullable=False),
    _text("text"),
    Column("drafted", Boolean, nullable=False),  # True: by the product, from the data
    *_signed(),
)
criterion = Table(
    "criterion",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("position", Integer, nullable=False),
    _text("given"),
    _text("when"),
    _text("then"),
    Column("bound_kind", String, nullable=False),  # check, requirement, practice; empty: removed
    _text("bound_to"),
    *_signed(),
)
signature = Table(
    "signature",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("item", String, nullable=False),
    Column("digest", String, nullable=False),  # of the text that was signed
    _text("role"),
    *_signed(),
)

# The work: how it is done today, how it will be done, and where each requirement has its place.

workflow_map = Table(
    "workflow_map",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("kind", String, nullable=False),  # current, design
    Column("dated", Date, nullable=False),
    _text("observer"),
    _text("observer_role"),
    *_signed(),
)
workflow_step = Table(
    "workflow_step",
    metadata,
    _number(),
    Column("map", ForeignKey("workflow_map.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    _text("actor"),
    _text("action"),
    _text("system"),
    _text("data"),
    _text("surface"),
)
placement = Table(
    "placement",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("requirement", String, nullable=False),
    Column("position", Integer, nullable=False),  # of the step in the design
    *_signed(),
)

# Who may see what, and what they did.

access_list = Table(
    "access_list",
    metadata,
    _number(),
    Column("as_of", Date, nullable=False),
    _text("file"),
    Column("sha256", String, nullable=False),
    Column("imported_at", Instant, nullable=False),
)
access = Table(
    "access",
    metadata,
    _number(),
    Column("list", ForeignKey("access_list.id"), nullable=False, index=True),
    Column("practitioner", String, nullable=False),
    _text("name"),
    _text("role"),
    _text("unit"),
    _text("surface"),
)
event_inbox = Table(
    "event_inbox",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("action", String, nullable=False),
    Column("surface", String, nullable=False),
    Column("use_case", String, nullable=False),
    _text("practitioner"),
    _text("patient"),
    _text("encounter"),
    _text("card"),
    _text("reason"),
    _text("comment"),
    Column("seconds", Float),
    Column("received_at", Instant, nullable=False),
)
import_file = Table(
    "import_file",
    metadata,
    Column("sha256", String, primary_key=True),
    _text("name"),
    Column("kind", String, nullable=False),  # events, access
    _text("surface"),
    Column("accepted", Integer, nullable=False),
    Column("repeated", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)
refused_row = Table(
    "refused_row",
    metadata,
    _number(),
    Column("sha256", String, nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    _text("reason"),
)
card = Table(
    "card",
    metadata,
    Column("uuid", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("use_case", String, nullable=False),
    _text("patient"),
    _text("practitioner"),
    _text("encounter"),
    Column("at", Instant, nullable=False),
    # JSON: the items that were shown, the suggestions by their ids, the reasons to set it aside
    Column("shown", Text, nullable=False, default="{}"),
)

panel_answer = Table(
    "panel_answer",
    metadata,
    _number(),
    Column("sent", String, nullable=False, unique=True),  # made by the page: again is the same
    Column("use_case", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("item", String, nullable=False),  # its kind and what it is about, as a digest
    Column("choice", String, nullable=False),  # a code of content/panel.toml
    _text("reason"),
    _text("card"),
    *_signed(),
)

# What clinicians reported, and what became of it.

feedback = Table(
    "feedback",
    metadata,
    Column("id", String, primary_key=True),  # made by the sender: sent again, it is the same
    Column("kind", String, nullable=False),  # data quality, workflow friction, unmet need
    Column("use_case", String, nullable=False),
    Column("about_kind", String, nullable=False),  # resource, card, step, nothing
    _text("about"),
    _text("text"),
    _text("reporter"),
    _text("role"),
    _text("unit"),
    Column("at", Instant, nullable=False),
)
feedback_step = Table(
    "feedback_step",
    metadata,
    _number(),
    Column("feedback", ForeignKey("feedback.id"), nullable=False, index=True),
    # assigned, linked, changed, verified, not clean, answered, confirmed, reopened, closed
    Column("what", String, nullable=False),
    _text("note"),
    _text("check"),
    _text("run"),
    Column("count", Integer),
    *_signed(),
)
feedback_patient = Table(
    "feedback_patient",
    metadata,
    _number(),
    Column("feedback", ForeignKey("feedback.id"), nullable=False, index=True),
    Column("feed", String, nullable=False),
    Column("patient_id", String, nullable=False),
)

# What was approved, who carries it, and the gates.

mapping = Table(
    "mapping",
    metadata,
    _number(),
    Column("feed", String, nullable=False),
    Column("system", String, nullable=False),
    Column("code", String, nullable=False),
    _text("display"),
    _text("target_system"),
    _text("target_code"),
    _text("target_display"),
    _text("equivalence"),  # of an approved one: equivalent, wider, narrower, inexact
    _text("specimen"),  # what was known of the code, so that others of its name are known again
    _text("unit"),
    Column("decision", String, nullable=False),  # approved, flagged, rejected
    *_signed(),
)
champion = Table(
    "champion",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("unit", String, nullable=False),
    Column("practitioner", String, nullable=False),
    Column("profession", String, nullable=False),  # physician, nurse
    Column("until", Date),
    *_signed(),
)
training = Table(
    "training",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("practitioner", String, nullable=False),
    Column("day", Date, nullable=False),
    *_signed(),
)
waiver = Table(
    "waiver",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("stage", String, nullable=False),
    Column("condition", String, nullable=False),
    _text("reason"),
    Column("until", Date, nullable=False),
    *_signed(),
)
decision = Table(
    "decision",
    metadata,
    _number(),
    Column("use_case", String, nullable=False, index=True),
    Column("stage", String, nullable=False),
    Column("day", Date, nullable=False),  # of go-live: the day it goes live
    *_signed(),
)

# Who is who: what reviewers decided of two records.

identity_decision = Table(
    "identity_decision",
    metadata,
    _number(),
    Column("feed_l", String, nullable=False),  # the left record is the first in text order
    Column("id_l", String, nullable=False),
    Column("feed_r", String, nullable=False),
    Column("id_r", String, nullable=False),
    Column("decision", String, nullable=False),  # same, different, related, unsure, unlinked
    _text("note"),
    _text("model"),  # the version that had scored the pair
    Column("probability", Float),
    _text("snapshot"),  # JSON: what the records were like, and the members of their group
    *_signed(),
)

Index("panel_answer_patient", panel_answer.c.patient, panel_answer.c.use_case)
Index("mapping_code", mapping.c.feed, mapping.c.system, mapping.c.code)
Index(
    "identity_decision_pair",
    identity_decision.c.feed_l,
    identity_decision.c.id_l,
    identity_decision.c.feed_r,
    identity_decision.c.id_r,
)
