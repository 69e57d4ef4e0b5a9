//! Request bodies, limited in size and duration.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;

/// Time that every body may take.
const GRACE: Duration = Duration::from_secs(10);

/// Bytes per second that a longer body must arrive with.
const MIN_RATE: u64 = 1024;

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, Answer> {
    // The client may be waiting for the answer before it sends the body.
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > limit) {
        return Err(too_large());
    }
    let started = Instant::now();
    let mut received = BytesMut::new();
    loop {
        let earned = u64::try_from(received.len()).unwrap_or(u64::MAX) / MIN_RATE;
        let deadline = started + GRACE + Duration::from_secs(earned);
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(received.freeze()),
            Ok(Some(Err(_))) => {
                let text = "ERR incomplete request body";
                return Err(Answer::error(StatusCode::BAD_REQUEST, text));
            }
            Err(_) => {
                let text = "ERR request body arrives too slowly";
                return Err(Answer::error(StatusCode::REQUEST_TIMEOUT, text).and_close());
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > limit - received.len() {
            return Err(too_large());
        }
        received.extend_from_slice(&data);
    }
}

fn too_large() -> Answer {
    let text = "ERR request body too large";
    Answer::error(StatusCode::PAYLOAD_TOO_LARGE, text).and_close()
}
