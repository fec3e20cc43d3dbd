"""What strangers and slow clients do to a hub, all in one run, while its memory and descriptors are watched.

usage: attacks.py HUB_BINARY

Starts a demo hub of 300 descriptors, and ends with a line of JSON: what was tried, the largest resident size (MiB) and the
most descriptors. Anything that takes the hub from others fails the run."""

import http.client
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time

DESCRIPTORS = 300
RESIDENT_MAX_MIB = 400
PATIENCE_S = 8


class Hub:
    def __init__(self, binary):
        limit = (DESCRIPTORS, DESCRIPTORS)
        self.process = subprocess.Popen(
            [binary, "demo", "--listen", "127.0.0.1:0", "--centers", "1", "--orders", "20000", "--start", "13:00"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
        )
        line = next(line for line in self.process.stdout if "listening on http://" in line)
        host, port = line.split("http://")[1].split()[0].split(":")
        self.address = (host, int(port))
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.resident = self.descriptors = 0
        self.tokens = {name: self.sign_in(name) for name in ("dispatcher", "supervisor", "admin")}

    def sign_in(self, name):
        said = self.ask("POST", "/api/v1/login", body={"account": name, "password": name})
        return json.loads(said[2])["accessToken"]

    def ask(self, method, path, who=None, body=None, headers=None):
        """Asks within the patience of people; what is used meanwhile is noted."""
        headers = dict(headers or {})
        if who:
            headers["Authorization"] = "Bearer " + self.tokens[who]
        asking = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        asking.request(method, path, None if body is None else json.dumps(body), headers)
        answer = asking.getresponse()
        said = (answer.status, answer.headers, answer.read())
        asking.close()
        self.watch()
        return said

    def opened(self, text=b"", buffer=None):
        line = socket.socket()
        if buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        line.connect(self.address)
        line.sendall(text)
        return line

    def get(self, path, who):
        return f"GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.tokens[who]}\r\n\r\n".encode()

    def watch(self):
        proc = f"/proc/{self.process.pid}"
        with open(f"{proc}/status") as status:
            kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.resident = max(self.resident, kib // 1024)
        self.descriptors = max(self.descriptors, len(os.listdir(f"{proc}/fd")))

    def answers(self, what):
        """Whoever means well is served as ever."""
        for path in ("/readyz", "/api/v1/centers", "/api/v1/centers/gangnam/deliveries"):
            status, _, _ = self.ask("GET", path, "supervisor")
            assert status == 200, f"{what}: {path} answers {status}"


def idle_connections(hub):
    return [hub.opened() for _ in range(320)]


def heads_that_never_end(hub):
    return [hub.opened(b"GET / HTTP/1.1\r\nhost: a\r\n") for _ in range(200)]


def bodies_that_never_end(hub):
    token = hub.tokens["dispatcher"]
    head = f"POST /api/v1/centers/gangnam/deliveries HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
    return [hub.opened(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n") for _ in range(60)]


def heads_too_large(hub):
    flooding = hub.opened(b"GET / HTTP/1.1\r\nhost: a\r\n")
    try:
        for number in range(400):
            flooding.sendall(b"x-%d: %s\r\n" % (number, b"a" * 1_000))
        assert b" 200 " not in flooding.recv(100)
    except OSError:
        pass  # closed before all was said
    return [flooding]


def slow_readers(hub):
    board = hub.get("/api/v1/centers/gangnam/deliveries", "dispatcher")
    readers = [hub.opened(board, buffer=4_096) for _ in range(12)]
    readers[0].settimeout(PATIENCE_S)
    assert readers[0].recv(12) == b"HTTP/1.1 200"
    return readers


def searches_left(hub):
    for number in range(12):
        hub.opened(hub.get(f"/api/v1/centers/gangnam/search?q=nowhere{number}", "dispatcher")).close()
    status, _, _ = hub.ask("GET", "/api/v1/centers/gangnam/search?q=nowhere", "supervisor")
    assert status == 200, f"a search answers {status}"
    return []


def tickets(hub):
    asking = http.client.HTTPConnection(*hub.address, timeout=PATIENCE_S)
    for _ in range(1_500):
        asking.request("POST", "/api/v1/socket-tickets", "{}", {"Authorization": "Bearer " + hub.tokens["dispatcher"]})
        asking.getresponse().read()
    return [asking]


def looks_at_readiness(hub):
    asking = http.client.HTTPConnection(*hub.address, timeout=PATIENCE_S)
    for _ in range(3_000):
        asking.request("GET", "/readyz")
        asking.getresponse().read()
    return [asking]


def sockets_that_join_nothing(hub):
    opening = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n"
    return [hub.opened(opening) for _ in range(300)]


def large_orders(hub):
    order = {"shop": {"name": "s"}, "dropoff": {"address": "d"}, "request": "x" * 120_000}
    for _ in range(300):
        status, _, _ = hub.ask("POST", "/api/v1/centers/gangnam/deliveries", "supervisor", order)
        assert status == 400, f"an order of 120 kB answers {status}"
    return []


ATTACKS = [
    idle_connections,
    heads_that_never_end,
    bodies_that_never_end,
    heads_too_large,
    slow_readers,
    searches_left,
    tickets,
    looks_at_readiness,
    sockets_that_join_nothing,
    large_orders,
]


def main():
    hub = Hub(sys.argv[1])
    try:
        for attack in ATTACKS:
            held = attack(hub)
            hub.answers(attack.__name__)
            for line in held:
                line.close()
        assert hub.resident < RESIDENT_MAX_MIB, f"{hub.resident} MiB are resident"
        left = hub.opened(hub.get("/api/v1/centers/gangnam/search?q=nowhere", "admin"))
        stopping = time.monotonic()
        hub.process.terminate()
        hub.process.wait(PATIENCE_S)
        left.close()
        report = {
            "attacks": [attack.__name__ for attack in ATTACKS],
            "residentMib": hub.resident,
            "descriptors": hub.descriptors,
            "stoppedInS": round(time.monotonic() - stopping, 2),
        }
        print(json.dumps(report))
    finally:
        hub.process.kill()


main()
