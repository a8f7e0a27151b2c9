"""Scripted model servers on loopback, for everybody's tests.

```python
script = [[Call("run_python", {"code": "1 + 1"})], Text("It is 2.")]
async with ScriptedServer.open(script) as server:      # or: with ScriptedServer.running(script) as server
    ...  # CHATKERNEL_MODEL_URL=server.openai_url, or ANTHROPIC_BASE_URL=server.url
assert server.requests[0].body["messages"]
```
"""

from .replies import Call, Cut, Finish, Garbage, Hold, Part, Reply, Status, Text, Thinking
from .server import Request, ScriptedServer

__all__ = [
    "Call",
    "Cut",
    "Finish",
    "Garbage",
    "Hold",
    "Part",
    "Reply",
    "Request",
    "ScriptedServer",
    "Status",
    "Text",
    "Thinking",
]
