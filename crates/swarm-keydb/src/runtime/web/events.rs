//! Events after which the network is likely to work again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Reflect;
use send_wrapper::SendWrapper;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Event, EventTarget, VisibilityState};

/// Waits until the machine goes online or the page comes to the front.
pub(super) struct Awake(SendWrapper<Listeners>);

struct Listeners {
    /// What to listen to, and the name of the event.
    targets: Vec<(EventTarget, &'static str)>,
    listener: Closure<dyn FnMut(Event)>,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    is_awake: bool,
    waker: Option<Waker>,
}

impl Awake {
    pub(super) fn new() -> Self {
        let global = js_sys::global();
        // Workers have no document.
        let document = Reflect::get(&global, &"document".into()).unwrap_or(JsValue::UNDEFINED);
        let document = document.dyn_into::<Document>().ok();
        let state = Rc::new(RefCell::new(State::default()));
        let page = document.clone();
        let shared = Rc::clone(&state);
        let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            let is_hidden = |page: &Document| page.visibility_state() == VisibilityState::Hidden;
            if event.type_() == "visibilitychange" && page.as_ref().is_some_and(is_hidden) {
                return;
            }
            let waker = {
                let mut state = shared.borrow_mut();
                state.is_awake = true;
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let mut targets = Vec::new();
        // Outside of browsers, the global object may have no events.
        if Reflect::has(&global, &"addEventListener".into()) == Ok(true) {
            targets.push((global.unchecked_into::<EventTarget>(), "online"));
        }
        if let Some(document) = document {
            targets.push((document.into(), "visibilitychange"));
        }
        for (target, event) in &targets {
            // Fails for no function that exists.
            let _ =
                target.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
        }
        Self(SendWrapper::new(Listeners {
            targets,
            listener,
            state,
        }))
    }

    pub(super) async fn wait(&mut self) {
        poll_fn(|cx| {
            let mut state = self.0.state.borrow_mut();
            if state.is_awake {
                return Poll::Ready(());
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        let listener = self.listener.as_ref().unchecked_ref();
        for (target, event) in &self.targets {
            let _ = target.remove_event_listener_with_callback(event, listener);
        }
    }
}
