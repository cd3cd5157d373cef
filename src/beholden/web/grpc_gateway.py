"""Envoy's gRPC ext_authz (envoy.service.auth.v3.Authorization/Check): the same question and answers as over HTTP.

Needs the extra `grpc`. Here the reason goes into the answer's dynamic metadata, which Envoy can log and no app sees.
The gateway's key comes in the call's metadata (`x-beholden-key`), never from the app's headers, which are data here.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from google.protobuf import struct_pb2
from google.rpc import code_pb2, status_pb2

from beholden.journeys.gateway import Asked, Passage, Refusal, Verdict
from beholden.journeys.ports import Engines
from beholden.web.gateway import BODIES, STATUS, app_headers, decide, status_of, write_headers

MAX_MESSAGE_BYTES = 128 * 1024
"""Of a question: a head, and no body, since `with_request_body` has nothing to do here."""
THREADS = 8


class Authorization(external_auth_pb2_grpc.AuthorizationServicer):  # type: ignore[misc]
    """One service on these engines."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def Check(self, request: Any, context: Any) -> Any:
        """May this request go on. A fault of ours is a denial, never an error that Envoy could be told to pass."""
        http = request.attributes.request.http
        headers = http.headers
        asked = Asked(http.method, http.path, headers.get("authorization"))
        keys = [value for name, value in context.invocation_metadata() if name == "x-beholden-key"]
        answer = decide(self._engines, {}, keys[0] if len(keys) == 1 else "", asked)
        if isinstance(answer, Passage):
            return _passed(answer)
        return _refused(answer, shown="authorization" in headers)


def server(engines: Engines, address: str) -> tuple[grpc.Server, int]:
    """A server that listens, not yet started, and its port. Raises RuntimeError when the address cannot be had."""
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES), ("grpc.so_reuseport", 0)]
    made = grpc.server(ThreadPoolExecutor(THREADS), options=options)
    external_auth_pb2_grpc.add_AuthorizationServicer_to_server(Authorization(engines), made)
    return made, made.add_insecure_port(address)


def _passed(passage: Passage) -> Any:
    headers = [_header(name, value) for name, value in write_headers(passage)]
    return external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.OK), ok_response=external_auth_pb2.OkHttpResponse(headers=headers)
    )


def _refused(refusal: Refusal, *, shown: bool) -> Any:
    status = status_of(refusal, STATUS)
    reason = struct_pb2.Struct()
    reason.update({"verdict": refusal.verdict.value, "reason": str(refusal.reason)})
    told = [("content-type", "application/json"), *app_headers(refusal, shown=shown)]
    denied = external_auth_pb2.DeniedHttpResponse(
        headers=[_header(name, value) for name, value in told], body=BODIES[status].decode()
    )
    denied.status.code = status
    code = code_pb2.UNAUTHENTICATED if refusal.verdict is Verdict.NO_TOKEN else code_pb2.PERMISSION_DENIED
    return external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code), denied_response=denied, dynamic_metadata=reason
    )


def _header(name: str, value: str) -> Any:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, value=value),
        append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        keep_empty_value=True,
    )
