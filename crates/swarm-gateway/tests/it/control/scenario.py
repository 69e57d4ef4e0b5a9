"""A test of a program that uses SwarmKeyDb, with nothing but Python's standard library."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request


class Door:
    """The control door of a gateway."""

    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def refusal(self, method, path, body=None):
        try:
            self.call(method, path, body)
        except urllib.error.HTTPError as error:
            return json.loads(error.read())["error"]["code"]
        raise AssertionError(f"{method} {path} succeeded")


class Client:
    """A RESP client that reads one line per reply."""

    def __init__(self, url):
        host, port = url.removeprefix("redis://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.replies = self.socket.makefile("rb")

    def send(self, *words):
        parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
        self.socket.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())

    def line(self):
        return self.replies.readline().decode().rstrip("\r\n")

    def call(self, *words):
        self.send(*words)
        line = self.line()
        return self.line() if line.startswith("$") and line != "$-1" else line


def scenario(door):
    status = door.call("GET", "/status")
    assert status["running"] and status["ws_url"] and status["http_url"] is None
    client = Client(status["tcp_url"])

    # The reply to the next SET is lost, but the command runs, and only once.
    fault = door.call("POST", "/faults", {"type": "cut_after", "command": "SET"})
    client.send("SET", "session", "ann", "EX", "60")
    assert client.line() == ""
    door.call("POST", f"/faults/{fault['id']}/wait", {"count": 1})
    assert door.call("GET", "/executions/SET")["executions"] == 1
    client = Client(status["tcp_url"])
    assert client.call("GET", "session") == "ann"

    # The key expires when the clock passes its time to live.
    saved = door.call("GET", "/snapshot")
    door.call("POST", "/clock/advance", {"milliseconds": 60_000})
    assert client.call("GET", "session") == "$-1"

    # The snapshot brings it back, with the time that it had left.
    door.call("POST", "/flush")
    door.call("PUT", "/snapshot", saved)
    assert client.call("PTTL", "session") == ":60000"

    # A fault that is deleted does not apply.
    reply = {"type": "error", "value": "READONLY planned"}
    plan = {"type": "answer", "command": "SET", "reply": reply, "times": 2}
    fault = door.call("POST", "/faults", plan)
    assert client.call("SET", "k", "v") == "-READONLY planned"
    door.call("DELETE", f"/faults/{fault['id']}")
    assert client.call("SET", "k", "v") == "+OK"
    assert door.refusal("GET", f"/faults/{fault['id']}") == "no_such_fault"
    assert door.refusal("POST", "/faults", {"type": "hold", "cmd": "GET"}) == "unknown_field"

    # An outage keeps ports and data.
    door.call("POST", "/stop")
    try:
        Client(status["tcp_url"])
        raise AssertionError("connected to a gateway that is stopped")
    except ConnectionRefusedError:
        pass
    assert door.call("POST", "/start") == status
    assert Client(status["tcp_url"]).call("GET", "k") == "v"


def main():
    listeners = ["--ws", "127.0.0.1:0", "--tcp", "127.0.0.1:0"]
    control = ["--control", "127.0.0.1:0", "--manual-clock"]
    command = [sys.argv[1], *listeners, *control]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            log = iter(program.stdout.readline, "")
            line = next(line for line in log if "control door at " in line)
            scenario(Door(line.split("control door at ")[1].strip()))
        finally:
            program.terminate()
    print("done")


main()
