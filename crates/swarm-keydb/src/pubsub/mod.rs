//! Pub/Sub: subscriptions that survive reconnects.
//!
//! A sans-IO state machine (`machine`, on top of `table` and `frame`) tracks which subscriptions
//! want which names, and what the server has acknowledged. A
//! [`Connection`](crate::connection::Connection) drives it (`protocol`). Each subscription reads
//! its events from a bounded `buffer`.

mod buffer;
mod event;
mod frame;
mod handler;
mod machine;
#[cfg(feature = "cluster")]
mod moving;
mod name;
mod options;
mod protocol;
mod registry;
mod subscribing;
mod subscription;
mod table;

pub use event::{Event, Message};
pub use handler::Handler;
#[cfg(feature = "cluster")]
pub(crate) use moving::{Placed, subscribe};
pub(crate) use name::{Kind, Name};
pub use options::{Overflow, SubscribeOptions};
#[cfg(feature = "cluster")]
pub(crate) use registry::Submission;
pub(crate) use registry::Subscriptions;
pub use subscribing::Subscribing;
pub use subscription::Subscription;
#[cfg(feature = "cluster")]
pub(crate) use subscription::{EventSink, Home, Returned};
