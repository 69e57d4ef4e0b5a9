//! A chat in a page: rooms, presence and history on the SwarmKeyDb client, without a framework.
//!
//! Run it: `cargo xtask browser`

mod action;
mod chat;
mod post;
mod room;
mod site;
mod view;

use swarm_keydb::{Client, ClientOptions};
use tokio::sync::mpsc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::chat::Chat;
use crate::view::{Posts, View};

/// Actions that may wait. The page produces a few per second.
const ACTIONS: usize = 256;

/// Runs when the page has loaded.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
    }));
    spawn_local(run());
}

async fn run() {
    let (actions, inbox) = mpsc::channel(ACTIONS);
    let name = site::saved_name();
    let view = View::new(actions.clone(), &name);
    let gateway = match site::gateway().await {
        Ok(gateway) => gateway,
        Err(error) => return view.show_failure(&error),
    };
    if gateway.can_restart {
        view.allow_restarts();
    }
    let options = ClientOptions::new(gateway.ws).client_name("swarm-chat");
    let client = match Client::connect_lazy(options) {
        Ok(client) => client,
        Err(error) => return view.show_failure(&error.to_string()),
    };
    let posts = Posts::new(actions.clone());
    let mut chat = Chat::new(client, view, posts, actions, name);
    if let Err(error) = chat.run(inbox).await {
        chat.view.show_failure(&error.to_string());
    }
}
