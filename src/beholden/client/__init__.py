"""What a platform's own Python code asks the gate with: `Gate` in its process, `RemoteGate` and `AsyncRemoteGate` over
HTTP. All of them answer alike."""

from beholden.client.embedded import Gate, RecordSet, Shape
from beholden.client.remote import AsyncRemoteGate, RemoteGate

__all__ = ["AsyncRemoteGate", "Gate", "RecordSet", "RemoteGate", "Shape"]
