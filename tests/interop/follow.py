"""Follows one center of a hub for a while and proves its board at every head.

An independent client: python-socketio and requests, written from docs/protocol.md alone. It shares no code with Gwanje.
Before it follows, it reads the published test vectors (docs/vectors): it must understand each of them as they say.
Prints one line of JSON: {vectors, heads, proved, frames, rows, gaps, error}.

usage: follow.py SERVER ACCOUNT CENTER SECONDS      (the password is the account's name, as in a demo)
"""

import json
import pathlib
import queue
import sys
import time

import requests
import socketio

MASK = (1 << 64) - 1
VECTORS = pathlib.Path(__file__).parents[2] / "docs" / "vectors"
CODES = (
    "unauthorized forbidden not-found invalid invalid-transition conflict void resync too-many-requests unavailable"
).split()
KINDS = ["cancelled", "late", "unconfirmed", "unaccepted"]
STAGES = ["delivered", "displayed", "acknowledged"]


def mix(x):
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


class Board:
    """Rows by id, and the cursor up to which they are known; no epoch: there is no board yet."""

    def __init__(self, epoch, cursor, rows):
        self.epoch = epoch
        self.cursor = cursor
        self.whole_at = cursor
        self.rows = {row["id"]: row for row in rows}

    def apply(self, frame):
        """What is done with a frame: apply, ignore (nothing new), gap, or snapshot (the cursor can't be gone on from)."""
        if self.epoch is None or frame["epoch"] > self.epoch:
            return "snapshot"
        if frame["epoch"] < self.epoch or frame["to"] <= self.cursor:
            return "ignore"
        if frame["from"] > self.cursor:
            return "gap"
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
        return "apply"

    def digest(self):
        total = 0
        for row in self.rows.values():
            total = (total + mix(mix(row["id"]) ^ row["rev"])) & MASK
        return f"{total:016x}"

    def is_whole(self):
        return self.epoch is not None and self.cursor >= self.whole_at

    def compare(self, head):
        """What a head says of the board: equal, unequal, behind, none, or snapshot."""
        if self.epoch is None or head["epoch"] > self.epoch:
            return "snapshot"
        if head["epoch"] < self.epoch or head["rev"] < self.cursor:
            return "none"
        if head["rev"] > self.cursor:
            return "behind"
        if not self.is_whole():
            return "none"
        same = len(self.rows) == head["count"] and self.digest() == head["digest"]
        return "equal" if same else "unequal"


def code_of(said):
    return said["code"] if said["code"] in CODES else "other"


def after_ack(ack, cursor):
    """What follows from the ack of `subscribe`."""
    if not ack["ok"]:
        return "refused"
    if ack["resync"] is not None or cursor is None:
        return "snapshot"
    return "page" if ack["missed"] is None else "apply"


def read_alarms(answer):
    """The entries that can be read: [seq, id, kind, [[seat, stage]...]]."""
    known = [entry for entry in answer["alarms"] if entry["kind"] in KINDS]

    def stage(receipt):
        return receipt["stage"] if receipt["stage"] in STAGES else STAGES[0]

    def told(entry):
        return [[receipt["seat"], stage(receipt)] for receipt in entry["receipts"]]

    return [[entry["seq"], entry["id"], entry["kind"], told(entry)] for entry in known]


def is_receipt(said):
    return said.get("kind") in KINDS and said.get("receipt") in STAGES and {"id", "raisedAt"} <= said.keys()


def board_at(cursor, rows, whole_at):
    cursor = cursor or {"epoch": None, "rev": 0}
    board = Board(cursor["epoch"], cursor["rev"], [{"id": id, "rev": rev} for id, rev in rows])
    board.whole_at = max(board.whole_at, whole_at)
    return board


def frame_vector(case):
    board = board_at(case["cursor"], case["held"], case["wholeAt"])
    verdict = board.apply(case["frame"])
    cursor = None if board.epoch is None else {"epoch": board.epoch, "rev": board.cursor}
    rows = sorted([row["id"], row["rev"]] for row in board.rows.values())
    after = {"cursor": cursor, "whole": board.is_whole(), "rows": rows}
    return [verdict, after], [case["verdict"], case["after"]]


def head_vector(case):
    board = board_at(case["cursor"], case["rows"], case["wholeAt"])
    found = [len(board.rows), board.digest(), board.compare(case["head"])]
    return found, [case["count"], case["digest"], case["verdict"]]


def ack_vector(case):
    ack = case["ack"]
    if case["event"] == "subscribe":
        then = after_ack(ack, case["cursor"])
    else:
        then = "done" if ack["ok"] else "refused"
    code = None if ack["ok"] else code_of(ack)
    return [then, code, ack.get("resync")], [case["then"], case.get("code"), case.get("reason")]


def problem_vector(case):
    body = case["body"]
    row = body.get("current")
    current = None if row is None else [row["id"], row["rev"]]
    found = [code_of(body), body.get("status", 0), body.get("reason"), current]
    return found, [case["code"], case["status"], case.get("reason"), case.get("current")]


def alarm_vector(case):
    if "receipt" in case:
        return is_receipt(case["receipt"]), case["valid"]
    readable = read_alarms(case["answer"])
    unreadable = len(case["answer"]["alarms"]) - len(readable)
    return [readable, unreadable], [case["readable"], case["unreadable"]]


def check_vectors():
    """How many there are; raises at the first that is understood otherwise."""
    count = 0
    for name, understand in [
        ("frames", frame_vector),
        ("heads", head_vector),
        ("acks", ack_vector),
        ("problems", problem_vector),
        ("alarms", alarm_vector),
    ]:
        for case in json.loads((VECTORS / f"{name}.json").read_text())["cases"]:
            found, expected = understand(case)
            if found != expected:
                raise RuntimeError(f"{name}.json, {case['name']}: {found}, expected {expected}")
            count += 1
    return count


def main(server, account, center, seconds):
    vectors = check_vectors()
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
    snapshot = answer.json()
    board = Board(snapshot["epoch"], snapshot["rev"], snapshot["rows"])
    result = {"vectors": vectors, "heads": 0, "proved": 0, "frames": 0, "gaps": 0}
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
            verdict = board.apply(data)
            if verdict in ("gap", "snapshot"):
                result["gaps"] += verdict == "gap"
                raise RuntimeError(f"{verdict}: frame {data['epoch']} from {data['from']} over cursor {board.cursor}")
        elif data["rev"] >= board.cursor:  # a head older than the snapshot proves nothing
            result["heads"] += 1
            result["proved"] += board.compare(data) == "equal"
    client.disconnect()
    result["rows"] = len(board.rows)
    return result


if __name__ == "__main__":
    try:
        outcome = main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
    except Exception as error:  # the report is for the test that started it
        outcome = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(outcome))
