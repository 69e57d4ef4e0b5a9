"""Speaks JSON with the gateway at the address given, through the package `websockets` and nothing else."""

import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

URL = sys.argv[1]


def ask(socket, message):
    socket.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(socket.recv(timeout=10))


def check(got, expected):
    assert got == expected, f"{got!r} instead of {expected!r}"


with connect(URL) as socket, connect(URL) as listener:
    check(ask(socket, ["GET", "k"])["error"], "NOAUTH Authentication required.")
    check(ask(socket, ["AUTH", "wrong"])["error"].split()[0], "WRONGPASS")
    for each in (socket, listener):
        check(ask(each, {"cmd": "AUTH", "args": ["secret"]}), "OK")
    check(ask(socket, {"cmd": "SET", "args": ["k", "gr\u00fc\u00df dich"]}), "OK")
    check(ask(socket, ["GET", "k"]), "gr\u00fc\u00df dich")
    check(ask(socket, ["GET", "none"]), None)
    check(ask(socket, ["INCRBY", "n", "2"]), 2)
    check(ask(socket, ["XADD", "s", "1-1", "f", "v"]), "1-1")
    check(ask(socket, ["XRANGE", "s", "-", "+"]), [["1-1", ["f", "v"]]])
    check(ask(socket, ["MULTI"]), "OK")
    check(ask(socket, ["INCR", "n"]), "QUEUED")
    check(ask(socket, ["EXEC"]), [3])
    check("error" in ask(socket, ["INCR", 1]), True)
    check("error" in ask(socket, "{"), True)
    check(ask(listener, ["SUBSCRIBE", "news"]), ["subscribe", "news", 1])
    check(ask(socket, ["PUBLISH", "news", "hi"]), 1)
    push = {"type": "push", "data": ["message", "news", "hi"]}
    check(json.loads(listener.recv(timeout=10)), push)
    # A frame per reply, in order, however many commands are under way.
    for number in range(1000):
        socket.send(json.dumps(["ECHO", str(number)]))
    for number in range(1000):
        check(json.loads(socket.recv(timeout=10)), str(number))
    check(ask(socket, ["QUIT"]), "OK")
    try:
        socket.recv(timeout=10)
        raise AssertionError("QUIT did not close")
    except ConnectionClosed as closed:
        check(closed.rcvd.code, 1000)

print("done")
