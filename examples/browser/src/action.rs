//! What the chat reacts to, besides messages: the visitor, and results of commands.

use swarm_keydb::Result;

use crate::post::Post;

/// Why the history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The room was entered.
    Entered,
    /// Messages may have been missed.
    Gap,
    /// From time to time, for messages that were added but not published.
    Regular,
    /// A message may have been added or not.
    Doubt,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// The visitor enters a room.
    Enter(String),
    /// The visitor says something.
    Say(String),
    /// The visitor wants another name.
    Rename(String),
    /// A message is sent again.
    Retry(String),
    /// The visitor restarts the gateway.
    Restart,
    /// The visitor leaves the page.
    Leave,
    /// A message was sent, or not.
    Sent(String, Result<Post>),
    /// The history of a room was read.
    Read(Reading, String, Result<Vec<Post>>),
    /// Who is in a room.
    People(String, Vec<String>),
    /// The rooms that exist.
    Rooms(Vec<String>),
}
