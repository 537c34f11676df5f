"""The graph: values, the nodes that compute them, and text to read it by. It knows no op by
name.
"""

from retroprop.ir.graph import Graph, Node, Value
from retroprop.ir.parse import parse
from retroprop.ir.text import to_text
from retroprop.ir.verify import verify

__all__ = ["Graph", "Node", "Value", "parse", "to_text", "verify"]
