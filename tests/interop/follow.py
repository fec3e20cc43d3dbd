"""Follows one center of a hub for a while and proves its board at every head.

An independent client: python-socketio and requests, written from docs/protocol.md alone. It shares no code with Gwanje.
Prints one line of JSON: {heads, proved, frames, rows, gaps, error}.

usage: follow.py SERVER ACCOUNT CENTER SECONDS      (the password is the account's name, as in a demo)
"""

import json
import queue
import sys
import time

import requests
import socketio

MASK = (1 << 64) - 1


def mix(x):
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


class Board:
    """Rows by id, and the cursor up to which they are known."""

    def __init__(self, snapshot):
        self.epoch = snapshot["epoch"]
        self.cursor = snapshot["rev"]
        self.whole_at = snapshot["rev"]
        self.rows = {row["id"]: row for row in snapshot["rows"]}

    def apply(self, frame):
        """True: applied or a duplicate. False: a gap."""
        if frame["epoch"] != self.epoch:
            raise RuntimeError(f"epoch changed to {frame['epoch']}")
        if frame["to"] <= self.cursor:
            return True
        if frame["from"] > self.cursor:
            return False
        for row in frame["rows"]:
            known = self.rows.get(row["id"])
            if known is None or known["rev"] < row["rev"]:
                self.rows[row["id"]] = row
        for gone in frame["gone"]:
            known = self.rows.get(gone["id"])
            if known is not None and known["rev"] < gone["rev"]:
                del self.rows[gone["id"]]
        self.cursor = frame["to"]
        self.whole_at = max(self.whole_at, frame["asOf"])
        return True

    def digest(self):
        total = 0
        for row in self.rows.values():
            total = (total + mix(mix(row["id"]) ^ row["rev"])) & MASK
        return f"{total:016x}"

    def proved_by(self, head):
        return (
            self.cursor >= self.whole_at
            and (self.epoch, self.cursor) == (head["epoch"], head["rev"])
            and len(self.rows) == head["count"]
            and self.digest() == head["digest"]
        )


def main(server, account, center, seconds):
    api = requests.Session()
    root = f"{server}/api/v1"
    login = api.post(f"{root}/login", json={"account": account, "password": account}, timeout=10)
    login.raise_for_status()
    login = login.json()
    api.headers["Authorization"] = "Bearer " + login["accessToken"]
    ticket = api.post(f"{root}/socket-tickets", timeout=10)
    ticket.raise_for_status()

    namespace = f"/center/{center}"
    inbox = queue.Queue()
    client = socketio.Client(reconnection=False)
    client.on("deliveries", lambda frame: inbox.put(("frame", frame)), namespace=namespace)
    client.on("head", lambda head: inbox.put(("head", head)), namespace=namespace)
    client.on("disconnect", lambda: inbox.put(("closed", None)), namespace=namespace)
    where = (login["socketUrls"] or [server])[0]
    client.connect(
        where, namespaces=[namespace], auth={"ticket": ticket.json()["ticket"], "seat": "python-peer"}, wait_timeout=10
    )
    ack = client.call("subscribe", {"rooms": ["deliveries"], "cursor": None}, namespace=namespace, timeout=10)
    if not ack["ok"]:
        raise RuntimeError(f"subscribe refused: {ack}")

    answer = api.get(f"{root}/centers/{center}/deliveries", timeout=60)
    answer.raise_for_status()
    board = Board(answer.json())
    result = {"heads": 0, "proved": 0, "frames": 0, "gaps": 0}
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            kind, data = inbox.get(timeout=left)
        except queue.Empty:
            break
        if kind == "closed":
            raise RuntimeError("the hub closed the socket")
        if kind == "frame":
            result["frames"] += 1
            if not board.apply(data):
                result["gaps"] += 1
                raise RuntimeError(f"gap: frame from {data['from']} over cursor {board.cursor}")
        elif data["rev"] >= board.cursor:  # a head older than the snapshot proves nothing
            result["heads"] += 1
            result["proved"] += board.proved_by(data)
    client.disconnect()
    result["rows"] = len(board.rows)
    return result


if __name__ == "__main__":
    try:
        outcome = main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
    except Exception as error:  # the report is for the test that started it
        outcome = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(outcome))
