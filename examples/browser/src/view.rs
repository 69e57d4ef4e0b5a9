//! The page: shows what happens, and reports what its visitor does. Texts are set as text, never as
//! HTML.

mod posts;

use js_sys::{Array, Date};
use swarm_keydb::{State, StreamId};
use tokio::sync::mpsc::Sender;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Event, HtmlElement, HtmlInputElement, Window};

pub(crate) use self::posts::{Posts, Remark};
use crate::action::Action;

pub(crate) fn window() -> Window {
    web_sys::window().expect("the chat runs in a page")
}

fn document() -> Document {
    window().document().expect("a page has a document")
}

fn element<T: JsCast>(id: &str) -> T {
    let element = document().get_element_by_id(id);
    element.expect("the page has it").unchecked_into()
}

/// Creates an element with a class and a text.
fn create(name: &str, class: &str, text: &str) -> HtmlElement {
    let element = document().create_element(name).expect("a valid name");
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.set_text_content(Some(text));
    element.unchecked_into()
}

/// Calls a function for each event of an element, as long as the page exists.
fn on(target: &web_sys::EventTarget, event: &str, mut handler: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| handler(event));
    let function = closure.into_js_value();
    let _ = target.add_event_listener_with_callback(event, function.unchecked_ref());
}

/// What is on the page besides the messages.
#[derive(Clone)]
pub(crate) struct View {
    actions: Sender<Action>,
}

impl View {
    /// Reports what the visitor does.
    pub(crate) fn new(actions: Sender<Action>, name: &str) -> Self {
        let view = Self { actions };
        element::<HtmlInputElement>("name").set_value(name);
        view.on_submit("composer", "text", true, Action::Say);
        view.on_submit("new-room", "room-name", true, Action::Enter);
        view.on_submit("profile", "name", false, Action::Rename);
        let renamed = view.clone();
        let field: HtmlInputElement = element("name");
        on(&field.clone(), "change", move |_| {
            renamed.report(Action::Rename(field.value()));
        });
        let restarted = view.clone();
        let button: HtmlElement = element("restart");
        on(&button, "click", move |_| restarted.report(Action::Restart));
        let left = view.clone();
        on(&window(), "pagehide", move |_| left.report(Action::Leave));
        view
    }

    /// An event that finds the queue full is one of a flood, and is dropped.
    fn report(&self, action: Action) {
        let _ = self.actions.try_send(action);
    }

    fn on_submit(&self, form: &str, field: &str, clears: bool, action: fn(String) -> Action) {
        let view = self.clone();
        let field: HtmlInputElement = element(field);
        on(&element::<HtmlElement>(form), "submit", move |event| {
            event.prevent_default();
            let text = field.value().trim().to_owned();
            if clears {
                field.set_value("");
            }
            if !text.is_empty() {
                view.report(action(text));
            }
        });
    }

    /// Shows the button that restarts the gateway.
    pub(crate) fn allow_restarts(&self) {
        element::<HtmlElement>("restart").set_hidden(false);
    }

    pub(crate) fn show_state(&self, state: State) {
        let (state, text) = match state {
            State::Connecting => ("connecting", "connecting…"),
            State::Connected => ("connected", "connected"),
            State::Closed => ("closed", "closed"),
            _ => ("reconnecting", "reconnecting…"),
        };
        let status: HtmlElement = element("status");
        status.set_text_content(Some(text));
        let _ = status.set_attribute("data-state", state);
    }

    pub(crate) fn show_failure(&self, text: &str) {
        let status: HtmlElement = element("status");
        status.set_text_content(Some(text));
        let _ = status.set_attribute("data-state", "closed");
    }

    /// Shows the rooms, each with its number of unread messages.
    pub(crate) fn show_rooms(&self, rooms: &[(String, u32)], current: &str) {
        let list: HtmlElement = element("rooms");
        list.set_text_content(None);
        for (room, unread) in rooms {
            let button = create("button", "", room);
            let _ = button.set_attribute("type", "button");
            if room == current {
                let _ = button.set_attribute("aria-current", "true");
            } else if *unread > 0 {
                let _ = button.append_child(&create("span", "unread", &unread.to_string()));
            }
            let (view, name) = (self.clone(), room.clone());
            on(&button, "click", move |_| {
                view.report(Action::Enter(name.clone()));
            });
            let item = create("li", "", "");
            let _ = item.append_child(&button);
            let _ = list.append_child(&item);
        }
        element::<HtmlElement>("title").set_text_content(Some(&format!("# {current}")));
    }

    pub(crate) fn show_people(&self, names: &[String]) {
        let list: HtmlElement = element("people");
        list.set_text_content(None);
        let sorted = names.iter().map(JsValue::from).collect::<Array>().sort();
        for name in sorted.iter().filter_map(|name| name.as_string()) {
            let _ = list.append_child(&create("li", "", &name));
        }
        let count = match names.len() {
            0 => String::new(),
            n => format!("{n} here"),
        };
        element::<HtmlElement>("count").set_text_content(Some(&count));
    }
}

/// Returns the local time of a message, such as 14:05.
fn time(id: StreamId) -> String {
    let date = Date::new(&JsValue::from_f64(id.ms as f64));
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}
