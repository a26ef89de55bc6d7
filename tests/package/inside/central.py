"""A central service that enrols whoever asks, and takes no record yet; it notes whose token came."""

import hashlib
import json
import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

known = set[str]()


class Central(BaseHTTPRequestHandler):
    """Answers 200 to an enrolment, 503 to records of the gateway that was enrolled, 401 to all else."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path == "/v1/enrol":
            known.add(json.loads(body)["token_sha256"])
            self._answer(200, {"site_id": "site-7", "gateway_id": "gw-7"})
        elif hashlib.sha256(token.encode()).hexdigest() in known:
            Path("/root/heard").touch()
            self._answer(503, {"detail": "later"})
        else:
            self._answer(401, {"detail": "who is it?"})

    def do_GET(self) -> None:
        """Answer whoever looks whether it is there."""
        self._answer(200, {"status": "healthy"})

    def _answer(self, code: int, told: dict[str, str]) -> None:
        body = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = HTTPServer(("127.0.0.1", 9443), Central)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/central.pem", "/root/central.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
