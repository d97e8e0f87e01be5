"""A customer's project. In: `uptake.toml` and content folders; out: feeds, settings, folders.

[assess]
as_of = "2026-11-01"          # what "now" means; default: now

[project]
zone = "Europe/Madrid"        # where its clinicians are: whose day "today" is; default: UTC

[feeds.lab]
path = "lab"                  # beside uptake.toml
title = "Northside Laboratory"  # what clinicians call it; default: its name
role = "external"             # or "ehr"
complete_for = ["Observation"]  # for these, no fact means there is none
sample = false                # true: broken references cannot be judged
zone = "America/Chicago"      # where the sender's clocks are: its offsets are held against it

[conformance]
packages = ["us-core.tgz"]    # FHIR packages whose profiles are judged beside those that ship

[state]
url = "sqlite:///state.db"    # beside uptake.toml; or postgresql+pg8000://user@host/name

[terminology]
server = "https://tx.example.org/r4"  # asked for codes that no release at hand holds

[web]
base_url = "http://127.0.0.1:8000"   # where clinicians' browsers reach the application
hosts = ["uptake.example.org"]       # names it answers to, beside this machine's own
ehr = ["https://ehr.example.org"]    # who may frame the panel

[[ehr]]                              # who may call and launch: see uptake/delivery/ehr.py
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from uptake import r4
from uptake.definitions.surfaces import is_zone
from uptake.errors import DefinitionError, SourceError
from uptake.model import Feed

if TYPE_CHECKING:
    from uptake.state.database import State

FILE = "uptake.toml"
TITLE_LONGEST = 60
"""Characters."""
_TABLES = ("assess", "conformance", "feeds", "project", "state", "terminology", "web")
_LISTS = ("ehr",)
_KEYS: dict[str, dict[str, type]] = {
    "conformance": {"packages": list},
    "project": {"zone": str},
    "terminology": {"server": str},
    "state": {"url": str},
    "web": {"base_url": str, "hosts": list, "ehr": list},
}
_FEED_KEYS = {
    "path": str,
    "title": str,
    "role": str,
    "complete_for": list,
    "sample": bool,
    "zone": str,
}


@dataclass(frozen=True, slots=True)
class Project:
    """A project, or the empty one of a user who has none."""

    folder: Path | None = None
    feeds: tuple[Feed, ...] = ()
    as_of: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What [conformance], [project], [state], [terminology] and [web] say."""
    ehr: tuple[Mapping[str, Any], ...] = ()
    """What each [[ehr]] says; delivery reads it."""

    @property
    def zone(self) -> ZoneInfo | None:
        """Return where the project's clinicians are, None where nobody said."""
        name = self.settings.get("project", {}).get("zone")
        return ZoneInfo(name) if name else None

    @property
    def titles(self) -> dict[str, str]:
        """Return what clinicians call the feeds that have a title, by their names."""
        return {feed.name: feed.title for feed in self.feeds if feed.title}

    @property
    def state_url(self) -> str:
        """Return the URL of the state; a SQLite file's is relative to the project's folder.

        Raises SourceError without a project.
        """
        if self.folder is None:
            raise SourceError("this needs a project; `uptake init DIR` writes one")
        url: str = self.settings.get("state", {}).get("url", "sqlite:///state.db")
        path = url.removeprefix("sqlite:///")
        if path == url or Path(path).is_absolute():
            return url
        return f"sqlite:///{self.folder.resolve() / path}"

    def content(self, kind: str) -> list[Path]:
        """Return the folders of definitions of a kind: ours first, then the project's."""
        ours = Path(str(resources.files("uptake"))) / "content" / kind
        return [ours, self.folder / kind] if self.folder else [ours]

    def own_content(self, kind: str) -> list[Path]:
        """Return the folders whose definitions are the customer's, not ours."""
        return self.content(kind)[1:]


def find_project(folder: Path | None) -> Project:
    """Return the project in `folder`, or in the current folder if it has an `uptake.toml`.

    Raises DefinitionError naming every fault of the file.
    """
    if folder is None:
        here = Path.cwd()
        return read_project(here) if (here / FILE).is_file() else Project()
    if not (folder / FILE).is_file():
        raise DefinitionError([f"{folder / FILE}: no such file; `uptake init {folder}` writes one"])
    return read_project(folder)


def read_project(folder: Path) -> Project:
    """Return the project in a folder that has an `uptake.toml`."""
    path = folder / FILE
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise DefinitionError([f"{path}: {error}"]) from error
    faults = [
        f"there is no table [{name}]; known: {', '.join(_TABLES)}"
        for name in settings
        if name not in (*_TABLES, *_LISTS)
    ]
    faults += [
        f"{name} is no table; write [{name}]"
        for name in _TABLES
        if not isinstance(settings.get(name, {}), dict)
    ]
    faults += [
        f"{name} is no list of tables; write [[{name}]]"
        for name in _LISTS
        if not isinstance(found := settings.get(name, []), list)
        or not all(isinstance(table, dict) for table in found)
    ]
    if faults:
        raise DefinitionError([f"{path}: {fault}" for fault in faults])
    feeds = tuple(
        _feed(folder, name, table, faults) for name, table in settings.get("feeds", {}).items()
    )
    for name, keys in _KEYS.items():
        _judge(name, settings.get(name, {}), keys, faults)
    _judge_zone("project.zone", settings.get("project", {}), faults)
    _judge_alike(feeds, faults)
    as_of = settings.get("assess", {}).get("as_of", "")
    if faults:
        raise DefinitionError([f"{path}: {fault}" for fault in faults])
    tables = {name: settings.get(name, {}) for name in _KEYS}
    return Project(folder, feeds, str(as_of), tables, tuple(settings.get("ehr", ())))


def _judge(
    name: str, table: Mapping[str, Any], keys: Mapping[str, type], faults: list[str]
) -> None:
    """Note the keys of a table that nobody reads, and values of another type."""
    for key, value in table.items():
        wanted = keys.get(key)
        if wanted is None:
            faults.append(f"{name} has no setting {key!r}; known: {', '.join(keys)}")
        elif not isinstance(value, wanted):
            faults.append(f"{name}.{key} is no {wanted.__name__}")


def _feed(folder: Path, name: str, table: Any, faults: list[str]) -> Feed:
    if not isinstance(table, dict):
        faults.append(f"feeds.{name} is no table; write [feeds.{name}]")
        return Feed(name, folder)
    _judge(f"feeds.{name}", table, _FEED_KEYS, faults)
    role = table.get("role", "")
    if role not in ("", "ehr", "external"):
        faults.append(f"feeds.{name}.role is {role!r}; write ehr or external")
    named = table.get("complete_for", [])
    complete = [str(t) for t in named] if isinstance(named, list) else []
    faults += [
        f"feeds.{name}.complete_for names {t!r}, which is no R4 resource type"
        for t in complete
        if t not in r4.resource_types()
    ]
    _judge_zone(f"feeds.{name}.zone", table, faults)
    path = folder / str(table.get("path", name))
    if not path.exists():
        faults.append(f"feeds.{name}.path: {path} is not there")
    return Feed(
        name,
        path,
        str(role),
        tuple(complete),
        bool(table.get("sample", False)),
        str(table.get("zone", "")),
        _title(f"feeds.{name}.title", table, faults),
    )


def _judge_zone(what: str, table: Mapping[str, Any], faults: list[str]) -> None:
    """Note a `zone` that the time zone database does not know."""
    zone = table.get("zone", "")
    if isinstance(zone, str) and zone and not is_zone(zone):
        faults.append(f"{what} is {zone!r}; write one as in America/Chicago")


def _title(what: str, table: Mapping[str, Any], faults: list[str]) -> str:
    """Return what clinicians call a feed, empty where nobody said; note what cannot be shown."""
    title = table.get("title")
    if not isinstance(title, str):
        return ""
    if not title.strip():
        faults.append(f"{what} is empty; write what clinicians call it, or leave it out")
    elif not title.isprintable():
        faults.append(f"{what} has a line break, or another character that cannot be shown")
    elif len(title) > TITLE_LONGEST:
        faults.append(f"{what} has {len(title)} characters; write {TITLE_LONGEST} at most")
    return title.strip()


def _judge_alike(feeds: Iterable[Feed], faults: list[str]) -> None:
    """Note feeds that a clinician could not tell from each other: a title is somebody's once."""
    called: dict[str, list[Feed]] = defaultdict(list)
    for feed in feeds:
        called[(feed.title or feed.name).casefold()].append(feed)
    faults += [
        f"{' and '.join(f'feeds.{feed.name}' for feed in alike)} have one title; "
        "nobody could tell them from each other"
        for alike in called.values()
        if len(alike) > 1 and any(feed.title for feed in alike)
    ]


def existing_state(project: Project) -> State | None:
    """Return the project's state, None where nothing was decided yet: reading makes no file."""
    if project.folder is None:
        return None
    file = project.state_url.removeprefix("sqlite:///")
    if file != project.state_url and not Path(file).is_file():
        return None
    from uptake.state.database import open_state  # lazy: most commands need no state

    return open_state(project.state_url)


def as_of(project: Project, real: datetime) -> datetime:
    """Return what a run is made as of: the project's as-of, a date meaning its end, or real now.

    Raises DefinitionError where the as-of is no date and no date-time.
    """
    return _instant(project, real, UTC)


def now(project: Project, real: datetime) -> datetime:
    """Return what "now" means to people: the project's as-of, or the real now, by their clock.

    Its date is the day in the project's zone, that of the as-of where this is a date. Raises
    DefinitionError where the as-of is no date and no date-time.
    """
    zone = project.zone or UTC
    return local(_instant(project, real, zone), zone)


def local(at: datetime, zone: tzinfo) -> datetime:
    """Return an instant by the clock of a zone, with the offset and the name it has there then.

    The offset is fixed: of two times with one ZoneInfo, Python takes the difference of the hands,
    which is an hour off where the clocks were changed in between.
    """
    there = at.astimezone(zone)
    return there.replace(tzinfo=timezone(there.utcoffset() or timedelta(), there.tzname() or ""))


def _instant(project: Project, real: datetime, zone: tzinfo) -> datetime:
    try:
        return instant(project.as_of, real, zone)
    except ValueError as error:
        raise DefinitionError(
            [f"{FILE}: as_of is {project.as_of!r}; write a date, as in 2026-11-23"]
        ) from error


def instant(text: str, real: datetime, zone: tzinfo = UTC) -> datetime:
    """Return the instant of a text: of a date its end in a zone, so that its own facts are past.

    A date-time without an offset is UTC's, an empty text the real now. Raises ValueError for one
    that is no date and no date-time.
    """
    if not text:
        return real
    if len(text) == len("2026-11-23"):
        return datetime.combine(date.fromisoformat(text), time.max, zone)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


TEMPLATE = """\
# An Uptake project. What you define goes into checks/, use_cases/, care_gaps/, measures/,
# surfaces/ and reference/ beside this file: a file with the code or name of one of ours takes its
# place.

[assess]
# as_of = "2026-11-01"        # what "now" means; default: the moment of the run

# [project]
# zone = "Europe/Madrid"      # where its clinicians are: whose day "today" is; default: UTC

# [feeds.ehr]
# path = "ehr"                # a folder or file of FHIR R4 NDJSON or Bundles
# role = "ehr"                # "ehr" is the chart, "external" an outside source
# complete_for = ["AllergyIntolerance", "Condition"]  # here no fact means there is none
# sample = false              # true: a part of the data; broken references are not judged
# zone = "America/Chicago"    # where the sender's clocks are

# [feeds.lab]
# path = "lab"
# role = "external"

# [conformance]
# packages = ["us-core-8.0.0.tgz"]    # FHIR packages whose profiles are judged, too

# [state]
# url = "sqlite:///state.db"  # what people decide and do; or postgresql+pg8000://user@host/name

# [terminology]
# server = "https://tx.example.org/r4"  # asked for codes no release here holds; only codes leave

# [web]
# base_url = "http://127.0.0.1:8000"  # where clinicians' browsers reach the application
# hosts = ["uptake.example.org"]      # names it answers to, beside this machine's own
# ehr = ["https://ehr.example.org"]   # who may frame the panel

# [[ehr]]                     # an EHR that calls the services with signed tokens, and is read
# name = "st-mary"
# issuer = "https://ehr.example.org"
# jwks = "https://ehr.example.org/jwks.json"
# fhir = "https://ehr.example.org/fhir"
"""


def init_project(folder: Path) -> Path:
    """Write an empty project and return its file; raises DefinitionError where one exists."""
    path = folder / FILE
    if path.exists():
        raise DefinitionError([f"{path}: there is a project already"])
    for kind in ("checks", "use_cases", "care_gaps", "measures", "surfaces", "reference"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE, "utf-8")
    return path
