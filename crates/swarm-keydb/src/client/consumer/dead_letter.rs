//! Dead letters: entries that a consumer gave up on, in a stream of their own.

use std::fmt;

use bytes::Bytes;
use swarm_resp::{FromFrame, ToArg};

use super::membership::Membership;
use crate::commands::{StreamFields, StreamId};
use crate::error::Result;

const STREAM: &str = "dead_letter.stream";
const ID: &str = "dead_letter.id";
const GROUP: &str = "dead_letter.group";
const DELIVERIES: &str = "dead_letter.deliveries";
const ERROR: &str = "dead_letter.error";

/// Entry of a [dead-letter stream](crate::ConsumerBuilder::dead_letter): the entry that a consumer
/// gave up on, and where it came from.
///
/// A consumer writes the fields of the original entry, in their order, and then these:
///
/// | field | value |
/// |---|---|
/// | `dead_letter.stream` | key of the stream of the original entry |
/// | `dead_letter.id` | ID of the original entry |
/// | `dead_letter.group` | consumer group that gave up on it |
/// | `dead_letter.deliveries` | number of deliveries of the original entry, as far as known |
/// | `dead_letter.error` | reason, if the application gave one |
///
/// # Examples
///
/// Add the entries of a dead-letter stream to their streams again:
///
/// ```
/// use swarm_keydb::{Client, DeadLetter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// # client.xadd("orders", [("item", "tea")]).await?;
/// # let builder = client.consumer("billing", "worker-1", "orders").dead_letter("orders:dead");
/// # let order = builder.build()?.next().await.unwrap()?;
/// # order.dead_letter("no such item").await?;
/// # drop(order);
/// let mut dead = client.consumer("redrive", "admin", "orders:dead").build()?;
/// while let Some(delivery) = dead.next().await {
///     let delivery = delivery?;
///     let letter = DeadLetter::from_fields(&delivery.fields).expect("a dead letter");
///     assert_eq!(letter.error.as_deref(), Some("no such item"));
///     client.xadd(letter.stream, letter.fields).await?;
///     delivery.ack().await?;
///     # dead.stop();
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Key of the stream of the original entry.
    pub stream: Bytes,
    /// ID of the original entry.
    pub id: StreamId,
    /// Consumer group that gave up on the entry.
    pub group: Bytes,
    /// Number of deliveries of the original entry, as far as known.
    pub deliveries: u64,
    /// Reason that the application gave with [`Delivery::nack_with`](crate::Delivery::nack_with) or
    /// [`Delivery::dead_letter`](crate::Delivery::dead_letter). `None` if it gave none, for example
    /// because its process crashed.
    pub error: Option<String>,
    /// Fields of the original entry.
    pub fields: Vec<(Bytes, Bytes)>,
}

impl DeadLetter {
    /// Reads the fields of an entry. Returns `None` if no consumer wrote them.
    pub fn from_fields(fields: &StreamFields) -> Option<Self> {
        let pairs: Vec<_> = fields.iter().cloned().collect();
        // The fields of the original entry may include those of an earlier dead letter.
        let origin = pairs.iter().rposition(|(name, _)| name == STREAM)?;
        let (fields, origin) = pairs.split_at(origin);
        let value = |wanted: &str| {
            let found = origin.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        Some(Self {
            stream: value(STREAM)?,
            id: parsed(value(ID)?)?,
            group: value(GROUP)?,
            deliveries: parsed(value(DELIVERIES)?)?,
            error: value(ERROR).map(|text| String::from_utf8_lossy(&text).into_owned()),
            fields: fields.to_vec(),
        })
    }
}

fn parsed<T: FromFrame>(text: Bytes) -> Option<T> {
    T::from_frame(crate::Frame::bulk(text).view()).ok()
}

impl fmt::Debug for DeadLetter {
    /// Shows numbers instead of keys, names and values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("deliveries", &self.deliveries)
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

/// Writes an entry to the dead-letter stream, and then acknowledges it. If this fails in between,
/// the entry stays pending and is written again, so it may be there twice but is never lost.
pub(super) async fn bury(
    membership: &Membership,
    to: &Bytes,
    (stream, id): (usize, StreamId),
    fields: &StreamFields,
    deliveries: u64,
    error: Option<&str>,
) -> Result<()> {
    let key = membership.streams.get(stream).cloned().unwrap_or_default();
    let mut letter: Vec<(Bytes, Bytes)> = fields.iter().cloned().collect();
    let mut add = |name: &'static str, value: &[u8]| {
        let name = Bytes::from_static(name.as_bytes());
        letter.push((name, Bytes::copy_from_slice(value)));
    };
    add(STREAM, &key);
    add(ID, id.to_string().as_bytes());
    add(GROUP, &membership.group);
    add(DELIVERIES, &deliveries.to_arg());
    if let Some(error) = error {
        add(ERROR, error.as_bytes());
    }
    membership.client.xadd(to, letter).await?;
    membership.ack(stream, id).await?;
    tracing::warn!(
        deliveries,
        "a consumer moved an entry to its dead-letter stream"
    );
    Ok(())
}
