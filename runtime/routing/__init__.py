"""File tree to routes: scan, config literal, import, compile, reachability, quarantine."""

from runtime.routing.discovery import discover
from runtime.routing.input_kind import InputKind
from runtime.routing.matching.tree_app import TreeApp
from runtime.routing.operation import Input, Operation
from runtime.routing.reading.faults import Fault
from runtime.routing.table import RouteTable

__all__ = ["Fault", "Input", "InputKind", "Operation", "RouteTable", "TreeApp", "discover"]
