"""A hub on this machine: it answers what huggingface_hub asks for a file, and keeps what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves folders as models, `{id: folder}`, each with the one commit COMMIT on its main branch."""

    def __init__(self) -> None:
        self.models: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.revisions = {"main", COMMIT}
        self.asked: list[str] = []  # "GET owner/name file revision", in order
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        repo, _, rest = request.path.lstrip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        self.asked.append(f"{request.command} {repo} {name} {revision}")
        if repo in self.gated:
            return self._refuse(request, 403, "GatedRepo")
        if repo not in self.models:
            return self._refuse(request, 404, "RepoNotFound")
        file = self.models[repo] / name
        if revision not in self.revisions or not file.is_file():
            return self._refuse(request, 404, "EntryNotFound")
        content = file.read_bytes()
        request.send_response(200)
        request.send_header("ETag", f'"{sha256(content).hexdigest()}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if body:
            request.wfile.write(content)

    def _refuse(self, request: BaseHTTPRequestHandler, status: int, code: str) -> None:
        request.send_response(status)
        request.send_header("X-Error-Code", code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def files_sent(self) -> set[str]:
        return {line.split()[2] for line in self.asked if line.startswith("GET")}

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@contextmanager
def serving() -> Iterator[HubServer]:
    server = HubServer()
    try:
        yield server
    finally:
        server.stop()
