//! The browser's WebSocket object, and what its events have brought.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::end;
use crate::{TransportError, TransportErrorKind};

/// Maximum size of the messages that wait to be taken. A page cannot stop reading, so more of them
/// end the connection. A single message may be larger.
const MAX_WAITING: usize = 64 << 20;

/// A WebSocket with event handlers. Closes when it is dropped.
pub(super) struct Socket {
    socket: WebSocket,
    arrived: Rc<RefCell<Arrived>>,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// What has arrived and was not taken.
#[derive(Default)]
struct Arrived {
    is_open: bool,
    messages: VecDeque<Bytes>,
    /// Bytes of `messages`.
    waiting: usize,
    /// Bytes of all messages so far.
    received: u64,
    end: Option<End>,
    waker: Option<Waker>,
}

/// Why nothing more arrives.
enum End {
    /// The close event.
    Closed {
        code: u16,
        reason: String,
        clean: bool,
    },
    /// A message is larger than the limit.
    TooLong { size: usize, limit: usize },
    /// The messages were not taken in time.
    Overflow,
    /// A message is neither text nor binary.
    NotData,
}

impl Arrived {
    fn message(&mut self, data: JsValue, limit: usize) {
        if self.end.is_some() {
            return;
        }
        let message = match data.dyn_into::<ArrayBuffer>() {
            Ok(data) => {
                let size = data.byte_length() as usize;
                if size > limit {
                    self.end = Some(End::TooLong { size, limit });
                    return;
                }
                Bytes::from(Uint8Array::new(&data).to_vec())
            }
            Err(data) => match data.as_string() {
                Some(text) if text.len() > limit => {
                    let size = text.len();
                    self.end = Some(End::TooLong { size, limit });
                    return;
                }
                Some(text) => Bytes::from(text),
                None => {
                    self.end = Some(End::NotData);
                    return;
                }
            },
        };
        if !self.messages.is_empty() && self.waiting + message.len() > MAX_WAITING {
            self.end = Some(End::Overflow);
            return;
        }
        self.waiting += message.len();
        self.received += message.len() as u64;
        self.messages.push_back(message);
    }
}

/// Creates an event handler that changes what has arrived, and then wakes the task.
fn handler<E: wasm_bindgen::convert::FromWasmAbi + 'static>(
    arrived: &Rc<RefCell<Arrived>>,
    mut change: impl FnMut(&mut Arrived, E) + 'static,
) -> Closure<dyn FnMut(E)> {
    let arrived = Rc::clone(arrived);
    Closure::new(move |event| {
        let waker = {
            let mut arrived = arrived.borrow_mut();
            change(&mut arrived, event);
            arrived.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    })
}

impl Socket {
    /// Starts to open a WebSocket.
    ///
    /// # Errors
    ///
    /// Returns the name of the exception if the browser does not even try.
    pub(super) fn new(url: &str, limit: usize) -> Result<Self, String> {
        let socket = WebSocket::new(url).map_err(|error| {
            let name = js_sys::Reflect::get(&error, &"name".into());
            name.ok()
                .and_then(|name| name.as_string())
                .unwrap_or_else(|| "unknown error".to_owned())
        })?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let arrived = Rc::default();
        let on_open = handler(&arrived, |arrived, _: Event| arrived.is_open = true);
        let on_message = handler(&arrived, move |arrived, event: MessageEvent| {
            arrived.message(event.data(), limit);
        });
        let on_close = handler(&arrived, |arrived, event: CloseEvent| {
            arrived.end.get_or_insert(End::Closed {
                code: event.code(),
                reason: event.reason(),
                clean: event.was_clean(),
            });
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            arrived,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }

    /// Resolves once the WebSocket is open, to true, or cannot be opened.
    pub(super) async fn opened(&self) -> bool {
        poll_fn(|cx| {
            let mut arrived = self.arrived.borrow_mut();
            if arrived.is_open || arrived.end.is_some() {
                return Poll::Ready(arrived.is_open);
            }
            arrived.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Takes the next message, or returns why there will be none.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Bytes, TransportError>> {
        let mut arrived = self.arrived.borrow_mut();
        if let Some(message) = arrived.messages.pop_front() {
            arrived.waiting -= message.len();
            return Poll::Ready(Ok(message));
        }
        if let Some(end) = &arrived.end {
            return Poll::Ready(Err(end.error()));
        }
        arrived.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when nothing more will arrive and everything was taken. Registers the task otherwise.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<TransportError> {
        let mut arrived = self.arrived.borrow_mut();
        match &arrived.end {
            Some(end) if arrived.messages.is_empty() => Poll::Ready(end.error()),
            _ => {
                arrived.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether nothing more will arrive.
    pub(super) fn has_ended(&self) -> bool {
        self.arrived.borrow().end.is_some()
    }

    /// Whether the connection ended before everything was sent.
    pub(super) fn has_lost(&self) -> bool {
        let arrived = self.arrived.borrow();
        let clean = matches!(arrived.end, Some(End::Closed { clean: true, .. }));
        // The browser counts what it did not send even after the end.
        !clean && self.buffered() > 0
    }

    /// Discards what has arrived.
    pub(super) fn discard(&self) {
        let mut arrived = self.arrived.borrow_mut();
        arrived.messages.clear();
        arrived.waiting = 0;
    }

    /// Returns the number of bytes received.
    pub(super) fn received(&self) -> u64 {
        self.arrived.borrow().received
    }

    /// Returns how many bytes wait for the network.
    pub(super) fn buffered(&self) -> usize {
        self.socket.buffered_amount() as usize
    }

    /// Passes a message to the browser, which copies it.
    pub(super) fn send(&self, message: &[u8]) -> Result<(), TransportError> {
        self.socket.send_with_u8_array(message).map_err(|_| {
            let message = "the browser did not take a message";
            TransportError::new(TransportErrorKind::Io, message)
        })
    }

    /// Starts the closing handshake, behind everything that was sent.
    pub(super) fn close(&self, code: u16) {
        // An error means that the code is not one that a page may use, which these are.
        let _ = self.socket.close_with_code(code);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Does nothing if it is closed already.
        let _ = self.socket.close();
    }
}

impl End {
    fn error(&self) -> TransportError {
        match self {
            Self::Closed { code: 1005, .. } => end::from_close(None),
            Self::Closed { code: 1006, .. } => end::without_close_frame(),
            Self::Closed { code, reason, .. } => end::from_close(Some((*code, reason))),
            Self::TooLong { size, limit } => end::message_too_long(*size, *limit),
            Self::Overflow => {
                let message = "messages arrived faster than the page took them, and a page cannot \
                               stop reading; take them faster, or subscribe to less";
                TransportError::new(TransportErrorKind::Limit, message).with_transient(true)
            }
            Self::NotData => TransportError::new(
                TransportErrorKind::Protocol,
                "the browser delivered a message that is neither text nor binary",
            ),
        }
    }
}
