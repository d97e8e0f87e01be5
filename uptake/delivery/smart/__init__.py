"""SMART App Launch as a confidential client. In: an EHR's launch; out: who looks at which patient.

Everything that proves something stays on the server: the browser carries an unguessable session id
and nothing else. https://hl7.org/fhir/smart-app-launch/STU2.2/
"""
