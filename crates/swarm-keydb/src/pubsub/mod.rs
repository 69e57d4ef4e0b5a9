//! Pub/Sub: subscriptions that outlive their connection.
//!
//! A sans-IO machine (`machine`, over `table` and `frame`) tracks which subscription wants which name and what the server was told. A
//! [`Connection`](crate::connection::Connection) drives it (`protocol`). Each subscription takes its events out of a bounded
//! `buffer`.

mod buffer;
mod event;
mod frame;
mod handler;
mod machine;
mod name;
mod options;
mod protocol;
mod registry;
mod subscribing;
mod subscription;
mod table;

pub use event::{Event, Message};
pub use handler::Handler;
pub(crate) use name::{Kind, Name};
pub use options::{Overflow, SubscribeOptions};
pub(crate) use registry::Subscriptions;
pub use subscribing::Subscribing;
pub use subscription::Subscription;
