"""What a draft order needs of its payer. In: drafts, coverages, documents, answers; out: one card.

The payer's own word comes first, then the project's rules for it (`payers/*.toml`). Where nobody
says anything there is no card. An order that the payer has answered since is given back with that
answer, as the guide CRD asks: a system action, which changes nothing else of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from uptake.authorization.coverage_information import with_coverage_information
from uptake.authorization.decisions import FINAL, Decision, Outcome
from uptake.authorization.dossier import Dossier
from uptake.authorization.needs import CODES, Need, codes_of
from uptake.authorization.rules import FOLDER, Payer, read_payers
from uptake.authorization.tracker import Authorization, track
from uptake.delivery.cases import (
    Act,
    Case,
    Context,
    Item,
    Judged,
    Resource,
    Service,
    Severity,
    Suggestion,
)
from uptake.delivery.cases import (
    Need as Asked,
)
from uptake.resources.elements import members, name_of, reference_of, words_of

REASONS = {
    "already-authorized": "It is authorized already",
    "being-done": "Somebody is seeing to it",
    "wrong-payer": "Another payer pays",
    "data-wrong": "The data are wrong",
}
_INFO = {
    "performer": "who performs it",
    "location": "where it is done",
    "timeframe": "when it is done",
}
_KINDS = {"clinical": "clinical", "admin": "administrative", "both": "clinical and administrative"}
SOURCES = {
    "ClaimResponse": "the payer's answer",
    "Claim": "the request to the payer",
    "Coverage": "the coverage",
    "Patient": "the chart",
    "DocumentReference": "the chart",
    "QuestionnaireResponse": "the chart",
}
"""What a clinician calls a source; what is not here is the order."""
_TOLD = {
    Outcome.DENIED: "the payer denied it",
    Outcome.PENDED: "the payer has not decided yet",
    Outcome.MODIFIED: "the payer approved it otherwise than it was asked",
    Outcome.ERROR: "the payer could not read the request",
}


def judge(case: Case, payers: Sequence[Payer] = ()) -> Judged | None:
    """Return what the drafts need, None where nothing is needed or nobody says anything."""
    dossier = Dossier(
        coverages=case.of("coverages").resources,
        claims=case.of("claims").resources,
        responses=case.of("answers").resources,
        documents=(*case.of("documents").resources, *case.of("questionnaires").resources),
        patients=case.of("patient").resources,
        payers=payers,
    )
    chosen = [d for d in case.drafts if not case.selected or name_of(d) in case.selected]
    tracked = [track(draft, dossier, case.now) for draft in chosen if codes_of(draft)]
    items = [item for one in tracked for item in _items(case, one)]
    signs = case.hook == "order-sign"
    actions = tuple(act for one in tracked if signs for act in _answered(one))
    if not items and not actions:
        return None
    return Judged(_summary(items), tuple(items), _notes(case), actions, REASONS)


def _summary(items: Sequence[Item]) -> str:
    """Return the gist, in words of ours alone."""
    counts = Counter(item.kind for item in items)
    told = [f"needed for {_orders(n)}" for n in [counts.pop("authorization", 0)] if n]
    if other := sum(counts.values()):
        told.append(f"{other} more to look at" if told else f"{_orders(other)} to look at")
    return f"Prior authorization: {', '.join(told)}" if told else "Prior authorization"


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _items(case: Case, one: Authorization) -> list[Item]:
    name = _called(one.order)
    found = []
    if item := _need(case, one, name):
        found.append(item)
    if one.newest and one.newest.outcome in _TOLD:
        contexts = tuple(_decision(one, decision) for decision in one.decisions)
        text = f"{name}: {_TOLD[one.newest.outcome]}"
        found.append(Item("answer", text, contexts, "warning", (name_of(one.order),)))
    for wrong in one.mismatches:
        contexts = tuple(
            Context(source=source, at=case.now.date())
            for source in dict.fromkeys(map(_called_source, wrong.sources))
        )
        text = f"{name}: {wrong.text}"
        about = tuple(dict.fromkeys((name_of(one.order), *wrong.sources)))
        found.append(Item(wrong.kind, text, contexts, "warning", about))
    return found


def _called(order: Resource) -> str:
    """Return how the clinician knows the order."""
    concept = order.get(CODES.get(str(order.get("resourceType")), "code"))
    return words_of(concept) or "an order without a name"


def _called_source(reference: str) -> str:
    """Return what a clinician calls the resource of `Type/id`, never its id."""
    return SOURCES.get(reference.split("/")[0], "the order")


def _need(case: Case, one: Authorization, name: str) -> Item | None:
    """Return what the order needs, None where that is nothing, or nobody says."""
    need, about = one.need, (name_of(one.order),)
    if one.newest and one.newest.outcome in (*FINAL, Outcome.PENDED):  # its answer is told
        return None
    said = (_said(case, need),)
    if need.told and need.told.covered == "not-covered":
        text = f"{name}: the payer says that it is not covered"
        return Item("not-covered", text, said, "warning", about)
    if need.needed:
        text, severity = _documents(case, need)
        found = tuple(
            Context(f.wanted.title, source=_called_source(f.source), author="", at=f.day)
            for f in need.found
        )
        acts = _collect(case, one) if need.missing else ()
        text = f"{name}: authorization needed; {text}"
        return Item("authorization", text, (*said, *found), severity, about, acts)
    if need.told and need.told.info_needed:
        wanted = ", ".join(_INFO.get(code, "something else") for code in need.told.info_needed)
        text = f"{name}: whether an authorization is needed depends on {wanted}"
        return Item("conditional", text, said, "info", about)
    return None


def _said(case: Case, need: Need) -> Context:
    """Return who says so: the payer itself, or the project's rules for it."""
    payer = need.payer.name if need.payer else ""
    if need.told:
        return Context(
            "", source=SOURCES["ClaimResponse"], author=payer, at=need.told.day or case.now.date()
        )
    return Context("", source=f"the rules kept for {payer}", at=case.now.date())


def _documents(case: Case, need: Need) -> tuple[str, Severity]:
    """Return which documents are there, in words; what could not be looked up is not missing."""
    if need.unnamed:
        kind = _KINDS.get(need.unnamed, "more")
        return f"the payer wants {kind} documents and does not name them", "warning"
    if not need.documents:
        return "no documents are named", "info"
    whole, found = len(need.documents), len(need.found)
    if not need.missing:
        return f"all {whole} documents found" if whole > 1 else "its document is found", "info"
    titles = ", ".join(one.title for one in need.missing)
    told = f"{found} of {whole} documents found"
    if not (case.of("documents").told and case.of("questionnaires").told):
        return f"{told}; not all could be looked up: {titles}", "warning"
    return f"{told}; missing: {titles}", "warning"


def _collect(case: Case, one: Authorization) -> tuple[Suggestion, ...]:
    """Return the request to gather what is missing."""
    titles = "; ".join(wanted.title for wanted in one.need.missing)
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"text": "Documents for a prior authorization"},
        "description": f"Missing: {titles}",
        "focus": {"reference": name_of(one.order)},
        "for": {"reference": f"Patient/{case.patient}"},
        "authoredOn": case.now.isoformat(timespec="seconds"),
    }
    act = Act("create", "Create a task: gather the missing documents", task)
    return (Suggestion("Ask for the missing documents", (act,)),)


def _decision(one: Authorization, decision: Decision) -> Context:
    payer = one.need.payer.name if one.need.payer else ""
    at = decision.at or decision.day
    number = f" {decision.number}" if decision.number else ""
    return Context(
        f"{decision.outcome}{number}", source=_called_source(decision.source), author=payer, at=at
    )


def _answered(one: Authorization) -> tuple[Act, ...]:
    """Return the draft with the payer's answer, where it approved what the draft says is needed.

    All but the number and the day is the payer's own earlier word: nothing is made up. Where draft
    and authorization differ (another code, ended, another coverage) that is told, not written.
    """
    newest, asked = one.newest, one.need.told
    if newest is None or newest.outcome is not Outcome.APPROVED or not newest.number:
        return ()
    if asked is None or asked.faults or asked.pa_needed not in ("auth-needed", "performpa"):
        return ()
    insurances = [i for claim in one.claims for i in members(claim.get("insurance"))]
    requested = {reference_of(i.get("coverage")) for i in insurances} - {""}
    if one.mismatches or (requested and asked.coverage not in requested):
        return ()
    told = replace(
        asked,
        day=newest.day or asked.day,
        pa_needed="satisfied",
        satisfied_pa_id=newest.number,
        doc_needed="",
        doc_purpose=(),
        questionnaires=(),
    )
    draft = with_coverage_information(one.order, told)
    return (Act("update", "The payer's authorization is written into the draft order", draft),)


def _notes(case: Case) -> tuple[str, ...]:
    """Return what could not be read."""
    names = {"coverages": "coverages", "answers": "the payer's answers", "claims": "requests"}
    unread = [words for key, words in names.items() if not case.of(key).told]
    return (f"Not read, or not whole: {', '.join(unread)}.",) if unread else ()


_OF = "?patient={{context.patientId}}"
_NEEDS = (
    Asked("patient", "Patient/{{context.patientId}}"),
    Asked("coverages", f"Coverage{_OF}&status=active"),
    Asked("documents", f"DocumentReference{_OF}&status=current&_sort=-date&_count=100"),
    Asked("questionnaires", f"QuestionnaireResponse{_OF}&_sort=-authored&_count=50"),
    Asked("claims", f"Claim{_OF}&use=preauthorization&_sort=-created&_count=50"),
    Asked("answers", f"ClaimResponse{_OF}&use=preauthorization&_sort=-created&_count=50"),
)


def of_project(folder: Path | None) -> tuple[Service, ...]:
    """Return the services with the rules of a project's payers; raises DefinitionError."""
    payers = read_payers([folder / FOLDER]) if folder else ()
    return tuple(
        Service(
            f"prior-authorization-{hook}",
            hook,
            f"Prior authorization, when an order is {when}",
            "Says whether a draft order needs the payer's authorization, which of the documents it "
            "takes are found and which are missing, and where order and authorization differ. "
            "Nothing needed, or nobody says so: no card.",
            "prior-authorization",
            _NEEDS,
            partial(judge, payers=payers),
            "The payer's word is read from the extension coverage-information of the draft (Da "
            "Vinci CRD 2.2). No payer is asked.",
        )
        for hook, when in (("order-sign", "signed"), ("order-select", "chosen"))
    )


SERVICES = of_project(None)
