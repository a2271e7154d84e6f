"""Typed growth scenarios: YAML in, frozen objects out."""

from scenarios.defaults import default_parameters
from scenarios.errors import Problem, ScenarioError
from scenarios.load import library, load, scenario_hash, schema
from scenarios.schema import Parameter, Scenario, parameter_number

__all__ = [
    "Parameter",
    "Problem",
    "Scenario",
    "ScenarioError",
    "default_parameters",
    "library",
    "load",
    "parameter_number",
    "scenario_hash",
    "schema",
]
