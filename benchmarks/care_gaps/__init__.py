"""How right care gaps are: against `fqm-execution`, and against patients whose gaps are known."""
