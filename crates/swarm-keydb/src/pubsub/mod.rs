//! Pub/Sub: subscriptions that outlive their connection.
//!
//! A plain machine (`machine`, over `roll` and `heard`) knows who wants which name and what the server has been told; a task
//! (`driver`) moves its requests and frames; each subscription takes its events out of a bounded `buffer`.

mod buffer;
mod driver;
mod event;
mod handler;
mod heard;
mod hub;
mod machine;
mod name;
mod options;
mod roll;
mod subscribing;
mod subscription;

pub use event::{Event, Message};
pub use handler::Handler;
pub(crate) use hub::Hub;
pub(crate) use name::{Kind, Name};
pub use options::{Overflow, SubscribeOptions};
pub use subscribing::Subscribing;
pub use subscription::Subscription;
