"""Typed growth scenarios: YAML in, frozen objects out.

Names are imported on first use, so that the command line answers --help without pydantic and NumPy. The
module behind `load` is called `loading`, since importing a submodule `load` would hide the function.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.defaults import default_parameters
    from scenarios.errors import Problem, ScenarioError
    from scenarios.loading import json_schema, library, load, scenario_hash
    from scenarios.schema import Parameter, Scenario, parameter_number

_HOME = {
    "Parameter": "schema",
    "Problem": "errors",
    "Scenario": "schema",
    "ScenarioError": "errors",
    "default_parameters": "defaults",
    "json_schema": "loading",
    "library": "loading",
    "load": "loading",
    "parameter_number": "schema",
    "scenario_hash": "loading",
}

__all__ = [
    "Parameter",
    "Problem",
    "Scenario",
    "ScenarioError",
    "default_parameters",
    "json_schema",
    "library",
    "load",
    "parameter_number",
    "scenario_hash",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
