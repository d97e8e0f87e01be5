"""A worker that speaks the protocol of `fqm_worker.mjs`; the patient's id says what it does."""

from __future__ import annotations

import json
import os
import sys
import time

for line in sys.stdin:
    request = json.loads(line)
    if "measure" in request:
        fault = request["measure"].get("fault")
        ready = {"ready": "0.0.1", "needs": [{"type": "Patient", "mustSupport": ["birthDate"]}]}
        print(json.dumps({"error": fault} if fault else ready), flush=True)
        continue
    told, fault = {}, ""
    for bundle in request["bundles"]:
        patient = bundle["entry"][0]["resource"]["id"]
        if patient == "slow":
            time.sleep(60)
        if patient == "dies":
            os._exit(1)
        if patient == "fails":
            fault = "Smith, born 1962-05-01, has no such element"
        if patient == "prints":
            print("a warning of a library", flush=True)
        groups = {"g": {"initial-population": True, "numerator": patient == "prints"}}
        told[patient] = {"g": {}} if patient == "empty" else groups
    answer = {"error": fault} if fault else {"patients": told}
    print(json.dumps({"id": request["id"], **answer}), flush=True)
