"""Serves a Google Cloud Storage with one bucket, `peers`, until killed; prints its address."""

import threading

from gcp_storage_emulator.server import create_server

server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="peers")
server.start()
# It has no public way to tell which free port it took.
host, port = server._api._httpd.server_address
print(f"http://{host}:{port}", flush=True)
threading.Event().wait()
