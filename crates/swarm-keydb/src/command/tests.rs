//! Commands: names, rejections, marks and decoding.

use swarm_resp::Frame;

use super::Builder;
use crate::error::Error;
use crate::server::Marks;

#[test]
fn a_command_shows_its_name_and_no_argument() {
    let command = Builder::new("XGROUP CREATE").key("secret").build::<()>();
    let shown = format!("{command:?}");
    assert_eq!(
        shown,
        "Command { name: \"XGROUP CREATE\", args: 1, rejected: false, .. }"
    );
    let args: Vec<_> = command.request().args().map(<[u8]>::to_vec).collect();
    assert_eq!(args, [&b"XGROUP"[..], b"CREATE", b"secret"]);
    assert!(command.rejection().is_none());
}

#[test]
fn a_rejected_command_says_why() {
    let command = Builder::new("DEL").keys([""; 0]).build::<()>();
    assert!(command.rejection().is_some_and(Error::is_argument));
}

#[test]
fn a_reply_decodes_to_the_type_of_its_command_or_an_error_that_names_it() {
    let command = Builder::new("GET").key("k").build::<i64>();
    assert_eq!(command.decode(Frame::integer(3)).ok(), Some(3));
    let error = command.decode(Frame::error("ERR x")).unwrap_err();
    assert!(error.is_server());
    assert_eq!(error.command(), Some("GET"));
    let error = command.decode(Frame::simple("x")).unwrap_err();
    assert!(error.is_unexpected_reply());
}

#[test]
fn no_key_is_rejected_before_the_server_is_known_and_some_are_marked() {
    let line_break = Marks::LINE_BREAK.and(Marks::FENCE);
    for (key, marks) in [
        (" ", Marks::NONE),
        ("\t", Marks::NONE),
        ("\0", Marks::NONE),
        ("", Marks::EMPTY_NAME),
        ("\r", line_break),
        ("\n", line_break),
        ("a\r\nb", line_break),
    ] {
        let command = Builder::new("GET").key(key).build::<()>();
        assert!(!command.is_rejected(), "{key:?}");
        assert_eq!(command.builder.marks, marks, "{key:?}");
    }
}
