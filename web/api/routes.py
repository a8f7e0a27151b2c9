"""The API's addresses."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from web.admins_only import admins_only
from web.api import admin, artifacts, chats, files, kernel, later, login, messages, models

CHAT = "/api/chats/{id}"


def api_routes() -> list[BaseRoute]:
    """All routes under ``/api``."""
    return [
        Route("/api/login", login.log_in, methods=["POST"]),
        Route("/api/chats", chats.list_chats, methods=["GET"]),
        Route("/api/chats", chats.make_chat, methods=["POST"]),
        Route(CHAT, chats.read, methods=["GET"]),
        Route(CHAT, chats.rename, methods=["PATCH"]),
        Route(CHAT, chats.delete, methods=["DELETE"]),
        Route(f"{CHAT}/messages", messages.send, methods=["POST"]),
        Route(f"{CHAT}/stop", messages.stop, methods=["POST"]),
        Route(f"{CHAT}/variables", kernel.variables, methods=["GET"]),
        Route(f"{CHAT}/complete", kernel.complete, methods=["POST"]),
        Route(f"{CHAT}/is_complete", kernel.is_complete, methods=["POST"]),
        Route(f"{CHAT}/artifacts/{{sha}}", artifacts.artifact, methods=["GET"]),
        Route(f"{CHAT}/figures/{{name}}", artifacts.figure, methods=["GET"]),
        Route(f"{CHAT}/files", files.upload, methods=["POST"]),
        Route(f"{CHAT}/files", files.list_files, methods=["GET"]),
        Route("/api/model", models.show, methods=["GET"]),
        Route("/api/model", models.connect, methods=["POST"]),
        Route("/api/model", models.disconnect, methods=["DELETE"]),
        *admins_only("/api/admin/kernels", admin.kernels, method="GET"),
        *admins_only("/api/admin/kernels/{id}/{action}", admin.act, method="POST"),
        *_later(),
    ]


def _later() -> list[BaseRoute]:
    return [
        Route(f"{CHAT}/files/{{path:path}}", later.of_chat, methods=["GET", "DELETE"]),
        Route(f"{CHAT}/frames/{{name}}", later.of_chat, methods=["GET"]),
        Route(f"{CHAT}/export", later.of_chat, methods=["GET"]),
        Route(f"{CHAT}/branch", later.of_chat, methods=["POST"]),
        Route(f"{CHAT}/undo", later.of_chat, methods=["POST"]),
        Route(f"{CHAT}/state", later.of_chat, methods=["GET"]),
        Route(f"{CHAT}/recompute", later.of_chat, methods=["POST"]),
        Route("/metrics", later.of_users, methods=["GET"]),
        Route("/settings", later.of_users, methods=["GET"]),
    ]
