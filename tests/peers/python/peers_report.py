"""Pytest plugin that reports each test as a line for `cargo xtask peers`."""

import tracemalloc

# The suite's conftest.py traces every allocation, which doubles the run time.
tracemalloc.start = lambda *_: None

failure = None
skipped = False


def emit(event, name="", message=""):
    fields = ["@@peers", event, name.split("::", 1)[-1]]
    if message:
        fields.append(message.replace("\t", " ").replace("\n", "\\n"))
    # The last test may have left the line unfinished.
    print("\n" + "\t".join(fields), flush=True)


def pytest_runtest_logstart(nodeid, location):
    global failure, skipped
    failure, skipped = None, False
    emit("begin", nodeid)


def pytest_runtest_logreport(report):
    global failure, skipped
    if report.failed and failure is None:
        crash = getattr(report.longrepr, "reprcrash", None)
        failure = crash.message if crash else str(report.longrepr)
    skipped = skipped or report.skipped


def pytest_runtest_logfinish(nodeid, location):
    if failure is not None:
        emit("failed", nodeid, failure[:1000] or "(no message)")
    else:
        emit("skipped" if skipped else "passed", nodeid)


def pytest_sessionfinish(session, exitstatus):
    # 0 and 1: all tests have run.
    if exitstatus in (0, 1):
        emit("end")
