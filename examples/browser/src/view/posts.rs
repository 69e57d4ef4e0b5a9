//! The list of messages.

use swarm_keydb::StreamId;
use tokio::sync::mpsc::Sender;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement};

use super::{create, element, on, time};
use crate::action::Action;
use crate::post::Post;

/// The messages of the room that is shown, in order of their IDs, and then those that are not sent.
pub(crate) struct Posts {
    list: HtmlElement,
    shown: Vec<(StreamId, HtmlElement)>,
    /// Messages that have no ID yet, with their tokens.
    pending: Vec<(String, HtmlElement)>,
    actions: Sender<Action>,
}

impl Posts {
    pub(crate) fn new(actions: Sender<Action>) -> Self {
        Self {
            list: element("messages"),
            shown: Vec::new(),
            pending: Vec::new(),
            actions,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.set_text_content(None);
        self.shown.clear();
        self.pending.clear();
    }

    /// Removes a message that is being sent.
    fn forget(&mut self, token: &str) {
        let place = self.pending.iter().position(|(known, _)| known == token);
        if let Some(place) = place {
            self.pending.remove(place).1.remove();
        }
    }

    /// Shows a message in its place. Returns whether it is new.
    pub(crate) fn show(&mut self, post: &Post, is_own: bool) -> bool {
        self.forget(&post.token);
        let place = self.shown.binary_search_by_key(&post.id, |(id, _)| *id);
        let Err(place) = place else {
            return false;
        };
        let item = item(post, is_own, &time(post.id));
        let behind = self.shown.get(place).map(|(_, item)| item);
        let behind = behind.or(self.pending.first().map(|(_, item)| item));
        self.insert(&item, behind);
        self.shown.insert(place, (post.id, item));
        true
    }

    /// Shows a message that is being sent.
    pub(crate) fn show_pending(&mut self, token: &str, author: &str, text: &str) {
        let post = Post {
            id: StreamId::MAX,
            token: token.to_owned(),
            author: author.to_owned(),
            text: text.to_owned(),
        };
        let item = item(&post, true, "sending…");
        let _ = item.class_list().add_1("pending");
        self.forget(token);
        self.insert(&item, None);
        self.pending.push((post.token, item));
    }

    /// Shows that a message was not sent, with a button that sends it again.
    pub(crate) fn show_failed(&mut self, token: &str, why: &str) {
        let mut pending = self.pending.iter();
        let Some((_, item)) = pending.find(|(known, _)| known == token) else {
            return;
        };
        item.set_class_name("post own failed");
        if let Ok(Some(head)) = item.query_selector(".head") {
            head.set_text_content(Some(&format!("{why} ")));
            let retry = create("button", "retry", "Send again");
            let (actions, token) = (self.actions.clone(), token.to_owned());
            on(&retry, "click", move |_| {
                let _ = actions.try_send(Action::Retry(token.clone()));
            });
            let _ = head.append_child(&retry);
        }
    }

    /// Adds a remark, and returns it.
    pub(crate) fn remark(&self, kind: &str, text: &str) -> Remark {
        let item = create("li", "note", text);
        let _ = item.set_attribute("data-kind", kind);
        self.insert(&item, None);
        Remark(item)
    }

    /// Inserts an item, and keeps the end in view if it was.
    fn insert(&self, item: &HtmlElement, behind: Option<&HtmlElement>) {
        let list = &self.list;
        let below = list.scroll_height() - list.scroll_top() - list.client_height();
        let _ = list.insert_before(item, behind.map(|behind| behind.unchecked_ref()));
        self.join(item);
        if let Some(next) = item.next_element_sibling() {
            self.join(next.unchecked_ref());
        }
        if below < 80 {
            list.set_scroll_top(list.scroll_height());
        }
    }

    /// Shows no second head for a message that follows one of the same author.
    fn join(&self, item: &HtmlElement) {
        let author = |item: &Element| item.get_attribute("data-author");
        let previous = item.previous_element_sibling();
        let previous = previous.as_ref().and_then(author);
        let follows = previous.is_some() && previous == author(item);
        let _ = item.class_list().toggle_with_force("follows", follows);
    }
}

/// A remark between the messages.
#[derive(Debug, Clone)]
pub(crate) struct Remark(HtmlElement);

impl Remark {
    pub(crate) fn change(&self, kind: &str, text: &str) {
        self.0.set_text_content(Some(text));
        let _ = self.0.set_attribute("data-kind", kind);
    }
}

fn item(post: &Post, is_own: bool, time: &str) -> HtmlElement {
    let item = create("li", if is_own { "post own" } else { "post" }, "");
    let _ = item.set_attribute("data-author", &post.author);
    let initial: String = post.author.chars().take(1).collect();
    let avatar = create("span", "avatar", &initial);
    let _ = avatar.set_attribute("aria-hidden", "true");
    let hash = post.author.bytes().fold(7_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    let _ = avatar
        .style()
        .set_property("--hue", &(hash % 360).to_string());
    let head = create("div", "head", "");
    let _ = head.append_child(&create("span", "author", &post.author));
    let _ = head.append_child(&create("time", "", time));
    for part in [&avatar, &head, &create("div", "text", &post.text)] {
        let _ = item.append_child(part);
    }
    item
}
