//! The chat: one task that reacts to messages, to its visitor, and to the state of the connection.
//!
//! Commands run in tasks of their own, so a lost connection never stops the page.

use std::future::Future;

use gloo_timers::future::TimeoutFuture;
use swarm_keydb::{Client, Event, Outcome, Result, State, StateWatch, StreamId};
use tokio::sync::mpsc::{Receiver, Sender};
use wasm_bindgen_futures::spawn_local;

use crate::action::{Action, Reading};
use crate::post::{MAX_TEXT, Post};
use crate::view::{Posts, Remark, View};
use crate::{room, site};

/// Interval in milliseconds of renewing presence and reading the history.
const TICK: u32 = 4_000;

/// Time in milliseconds that the gateway stays down when the visitor restarts it.
const DOWN: u32 = 3_000;

pub(crate) struct Chat {
    client: Client,
    pub(crate) view: View,
    posts: Posts,
    actions: Sender<Action>,
    /// The visitor, whose names may change.
    visitor: String,
    name: String,
    room: String,
    /// The last message that was read from the history. Others that are shown may have passed
    /// messages that were missed.
    read_to: StreamId,
    /// All rooms, each with its number of unread messages.
    rooms: Vec<(String, u32)>,
    /// Tokens and texts of messages that are not sent yet.
    unsent: Vec<(String, String)>,
    tokens: u32,
    /// The remark about the outage that lasts.
    outage: Option<Remark>,
    /// Messages of others that were read from the history since it began.
    missed: u32,
}

impl Chat {
    pub(crate) fn new(
        client: Client,
        view: View,
        posts: Posts,
        actions: Sender<Action>,
        name: String,
    ) -> Self {
        Self {
            client,
            view,
            posts,
            actions,
            visitor: site::unique(),
            name,
            room: String::new(),
            read_to: StreamId::MIN,
            rooms: Vec::new(),
            unsent: Vec::new(),
            tokens: 0,
            outage: None,
            missed: 0,
        }
    }

    /// Runs the chat until the subscription ends.
    pub(crate) async fn run(&mut self, mut inbox: Receiver<Action>) -> Result<()> {
        let mut states: StateWatch = self.client.watch_state();
        self.view.show_state(states.get());
        // Only publications after this are received, so the history is read afterwards.
        let mut messages = loop {
            match room::subscribe(&self.client).await {
                Ok(messages) => break messages,
                Err(error) if error.is_retryable() => self.view.show_state(State::Reconnecting),
                Err(error) => return Err(error),
            }
        };
        self.view.show_state(states.get());
        self.enter("lobby".to_owned());
        let mut tick = TimeoutFuture::new(TICK);
        loop {
            tokio::select! {
                event = messages.next() => match event {
                    Some(event) => self.receive(event?),
                    None => return Ok(()),
                },
                Some(action) = inbox.recv() => self.react(action),
                Some(state) = states.changed() => self.show_state(state),
                () = &mut tick => {
                    tick = TimeoutFuture::new(TICK);
                    self.renew();
                    self.read(Reading::Regular);
                }
            }
        }
    }

    /// Runs a command, whose result is an action.
    fn spawn(&self, action: impl Future<Output = Option<Action>> + 'static) {
        let actions = self.actions.clone();
        spawn_local(async move {
            if let Some(action) = action.await {
                // Fails only if the chat has ended.
                let _ = actions.send(action).await;
            }
        });
    }

    fn receive(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                let room = room::of_channel(&message.channel).map(str::to_owned);
                let post = Post::from_payload(&message.payload);
                let (Some(room), Some(post)) = (room, post) else {
                    return;
                };
                if room == self.room {
                    self.show(&post);
                } else {
                    self.count_unread(room);
                }
            }
            Event::Reconnected { .. } => {
                let text = "Reconnected. Messages may have been missed: reading the history…";
                self.remark("warning", text);
                self.read(Reading::Gap);
                self.renew();
            }
            // The page was too slow for its messages; they are in the history.
            Event::Lagged(_) => self.read(Reading::Regular),
            _ => {}
        }
    }

    fn react(&mut self, action: Action) {
        match action {
            Action::Enter(name) => {
                if let Some(name) = room::valid_name(&name).filter(|name| *name != self.room) {
                    self.enter(name);
                }
            }
            Action::Say(text) => {
                self.tokens += 1;
                let token = format!("{}-{}", self.visitor, self.tokens);
                let text: String = text.chars().take(MAX_TEXT).collect();
                self.unsent.push((token.clone(), text));
                self.send(token);
            }
            Action::Retry(token) => self.send(token),
            Action::Rename(name) => self.rename(&name),
            Action::Restart => spawn_local(async {
                site::control("stop").await;
                TimeoutFuture::new(DOWN).await;
                site::control("start").await;
            }),
            Action::Leave => self.leave(),
            Action::Sent(_, Ok(post)) => {
                self.show(&post);
            }
            Action::Sent(token, Err(error)) => match error.outcome() {
                // The history knows whether it was.
                Some(Outcome::MayHaveRun | Outcome::Ran) => self.read(Reading::Doubt),
                _ => self.posts.show_failed(&token, "Not sent."),
            },
            Action::Read(reading, room, result) if room == self.room => {
                self.have_read(reading, result);
            }
            Action::People(room, names) if room == self.room => self.view.show_people(&names),
            Action::Rooms(rooms) => {
                for room in rooms {
                    self.add_room(room);
                }
                self.show_rooms();
            }
            Action::Read(..) | Action::People(..) => {}
        }
    }

    fn enter(&mut self, name: String) {
        self.leave();
        self.add_room(name.clone());
        self.room = name;
        for (room, unread) in &mut self.rooms {
            if *room == self.room {
                *unread = 0;
            }
        }
        self.posts.clear();
        self.read_to = StreamId::MIN;
        self.outage = None;
        self.unsent.clear();
        self.view.show_people(&[]);
        self.show_rooms();
        self.read(Reading::Entered);
        self.renew();
    }

    fn leave(&self) {
        if self.room.is_empty() {
            return;
        }
        let (client, room, visitor) =
            (self.client.clone(), self.room.clone(), self.visitor.clone());
        self.spawn(async move {
            // The key expires anyway.
            let _ = room::leave(&client, &room, &visitor).await;
            None
        });
    }

    fn rename(&mut self, name: &str) {
        let name: String = name
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(24)
            .collect();
        if !name.is_empty() && name != self.name {
            site::save_name(&name);
            self.name = name;
            self.renew();
        }
    }

    /// Renews the visitor's presence, and looks who else and which rooms are there.
    fn renew(&self) {
        let (client, room) = (self.client.clone(), self.room.clone());
        let (visitor, name) = (self.visitor.clone(), self.name.clone());
        self.spawn(async move {
            let names = room::enter(&client, &room, &visitor, &name).await;
            names.ok().map(|names| Action::People(room, names))
        });
        let client = self.client.clone();
        self.spawn(async move { room::all(&client).await.ok().map(Action::Rooms) });
    }

    fn send(&mut self, token: String) {
        let unsent = self.unsent.iter().find(|(known, _)| *known == token);
        let Some((_, text)) = unsent.cloned() else {
            return;
        };
        self.posts.show_pending(&token, &self.name, &text);
        let (client, room, name) = (self.client.clone(), self.room.clone(), self.name.clone());
        self.spawn(async move {
            let sent = room::send(&client, &room, &token, &name, &text).await;
            Some(Action::Sent(token, sent))
        });
    }

    fn show(&mut self, post: &Post) -> bool {
        self.unsent.retain(|(token, _)| *token != post.token);
        let is_own = post.token.starts_with(&self.visitor);
        self.posts.show(post, is_own)
    }

    fn read(&self, reading: Reading) {
        let (client, room, last) = (self.client.clone(), self.room.clone(), self.read_to);
        self.spawn(async move {
            let posts = match reading {
                Reading::Entered => room::latest(&client, &room).await,
                _ => room::after(&client, &room, last).await,
            };
            Some(Action::Read(reading, room, posts))
        });
    }

    fn have_read(&mut self, reading: Reading, result: Result<Vec<Post>>) {
        let posts = match result {
            Ok(posts) => posts,
            Err(_) if reading == Reading::Regular => return,
            Err(error) if error.is_retryable() => return self.read(reading),
            Err(error) => return self.remark("warning", &error.to_string()),
        };
        // This page's own messages were on it already.
        for post in &posts {
            self.read_to = self.read_to.max(post.id);
            let is_own = post.token.starts_with(&self.visitor);
            self.missed += u32::from(self.show(post) && !is_own);
        }
        match reading {
            Reading::Gap => {
                let text = match self.missed {
                    0 => "Reconnected. Nothing was missed.".to_owned(),
                    1 => "Reconnected. One missed message was read from the history.".to_owned(),
                    n => format!("Reconnected. {n} missed messages were read from the history."),
                };
                self.remark("good", &text);
                self.outage = None;
            }
            Reading::Entered if posts.is_empty() => {
                self.posts.remark("", "No messages yet. Say hello!");
            }
            Reading::Doubt => {
                // What is not in the history by now was not sent.
                for (token, _) in &self.unsent {
                    self.posts.show_failed(token, "Not sent.");
                }
            }
            _ => {}
        }
    }

    /// Changes the remark about the outage, or adds one.
    fn remark(&mut self, kind: &str, text: &str) {
        match &self.outage {
            Some(remark) => remark.change(kind, text),
            None => {
                self.missed = 0;
                self.outage = Some(self.posts.remark(kind, text));
            }
        }
    }

    fn show_state(&mut self, state: State) {
        self.view.show_state(state);
        if state == State::Reconnecting {
            self.remark("warning", "The connection is lost. Reconnecting…");
        }
    }

    fn add_room(&mut self, room: String) {
        if !self.rooms.iter().any(|(known, _)| *known == room) {
            self.rooms.push((room, 0));
        }
    }

    fn count_unread(&mut self, room: String) {
        self.add_room(room.clone());
        for (known, unread) in &mut self.rooms {
            if *known == room {
                *unread += 1;
            }
        }
        self.show_rooms();
    }

    fn show_rooms(&self) {
        self.view.show_rooms(&self.rooms, &self.room);
    }
}
