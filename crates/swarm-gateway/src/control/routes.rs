//! Table of all operations.

use hyper::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::door::Door;
use super::problem::Problem;
use super::route::{Body, Nothing, Route};
use super::{connections, counts, faults, lifecycle, openapi, store, time};

/// The description of the door.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Document(serde_json::Map<String, Value>);

impl Body for Document {}

/// Returns all operations.
pub(super) fn all() -> Vec<Route> {
    let get = |path| (Method::GET, path);
    let post = |path| (Method::POST, path);
    let put = |path| (Method::PUT, path);
    let delete = |path| (Method::DELETE, path);
    vec![
        Route::new(
            get("/openapi.json"),
            "describe",
            "Describes this door",
            describe,
        ),
        Route::new(
            get("/status"),
            "status",
            "Tells where clients connect",
            lifecycle::status,
        ),
        Route::new(
            post("/stop"),
            "stop",
            "Stops the gateway as a crash would: closes its ports and cuts all connections",
            lifecycle::stop,
        ),
        Route::new(
            post("/start"),
            "start",
            "Starts a stopped gateway on the same ports, with the same data",
            lifecycle::start,
        ),
        Route::new(
            post("/restart"),
            "restart",
            "Stops the gateway as a crash would, and starts it again",
            lifecycle::restart,
        ),
        Route::new(
            post("/faults"),
            "createFault",
            "Creates a fault",
            faults::create,
        )
        .creates(),
        Route::new(
            get("/faults"),
            "listFaults",
            "Lists the faults that were created through this door",
            faults::list,
        ),
        Route::new(
            delete("/faults"),
            "deleteFaults",
            "Ends all faults that were created through this door",
            faults::delete_all,
        ),
        Route::new(
            get("/faults/{id}"),
            "getFault",
            "Tells how often a fault has applied",
            faults::get,
        ),
        Route::new(
            delete("/faults/{id}"),
            "deleteFault",
            "Ends a fault: withheld replies and pushes are sent, and planned faults canceled",
            faults::delete,
        ),
        Route::new(
            post("/faults/{id}/wait"),
            "waitForFault",
            "Waits until a fault has applied a number of times",
            faults::wait,
        ),
        Route::new(
            get("/executions"),
            "listExecutions",
            "Tells how often each command has run",
            counts::all,
        ),
        Route::new(
            get("/executions/{command}"),
            "getExecutions",
            "Tells how often a command has run",
            counts::of,
        ),
        Route::new(
            post("/executions/{command}/wait"),
            "waitForExecutions",
            "Waits until a command has run a number of times",
            counts::wait,
        ),
        Route::new(
            get("/connections"),
            "listConnections",
            "Lists the open connections",
            connections::list,
        ),
        Route::new(
            post("/connections/cut"),
            "cutConnections",
            "Cuts connections without a close handshake",
            connections::cut,
        ),
        Route::new(
            post("/connections/push"),
            "push",
            "Pushes a list of strings to every WebSocket and TCP connection",
            connections::push,
        ),
        Route::new(
            delete("/connections/{id}"),
            "cutConnection",
            "Cuts a connection without a close handshake",
            connections::cut_one,
        ),
        Route::new(get("/clock"), "getClock", "Tells the time", time::get),
        Route::new(
            post("/clock/advance"),
            "advanceClock",
            "Advances a manual clock, which expires keys",
            time::advance,
        ),
        Route::new(
            get("/snapshot"),
            "takeSnapshot",
            "Copies all keys with their values and times to live",
            store::snapshot,
        ),
        Route::new(
            put("/snapshot"),
            "restoreSnapshot",
            "Replaces all keys by those of a snapshot, which may be another gateway's",
            store::restore,
        )
        .large(),
        Route::new(post("/flush"), "flush", "Deletes all keys", store::flush),
    ]
}

async fn describe(_: Door, (): (), _: Nothing) -> Result<Document, Problem> {
    Ok(Document(openapi::document(&all())))
}
