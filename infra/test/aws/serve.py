"""Stand-in for AWS: moto for the APIs, a registry for images, a server for CloudFormation's signals."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

CONFIG = """
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}
http: {addr: ':80'}
"""


class CloudFormation(BaseHTTPRequestHandler):
    """Prints and accepts every call, because moto has no SignalResource."""

    def do_POST(self):
        call = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        print("call", *(f"{key}={call[key]}" for key in sorted(call)), flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<SignalResourceResponse/>")

    def log_message(self, *_):
        pass


with open("/tmp/registry.yml", "w") as config:
    config.write(CONFIG)
subprocess.Popen(["docker-registry", "serve", "/tmp/registry.yml"], stdout=sys.stderr)
subprocess.Popen(["python3", "/srv/apis.py"])
HTTPServer(("", 5001), CloudFormation).serve_forever()
