//! Payloads that are damaged.

use super::super::config::Config;
use super::{checked, read, write};

/// A stream with three nodes' worth of cases: deleted entries, other fields, a group, a consumer.
const STREAM: &[u8] = b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\
    \x01\xc3;@@\x07@\x00\x00\x00\x18\x00\x02\x01@\x00\x07\x81f\x02\x00\x01\x02\x01\x00 \x01\x05\
    \x81v\x02\x04\x01\x03 \x08\x06\x01\x01\x82v2\x03\x04`\x09@\x1c\x02\x81g\x02@\x10\x08\x81h\x02\
    \xc3\xe8\x02\x08\x01\xff\x02\x02\x01\x01\x01\x01\x02\x03\x01\x01g\x01\x01\x01\x01\x00\x00\x00\
    \x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\xc7\xf46+\xa2\x01\x00\x00\x01\x01\x01c\
    \xc7\xf46+\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\
    \x01\x0a\x00;\xd1\xf65\x91\xc8\xc8\x02";

#[test]
fn damaged_streams_are_refused_or_whole() {
    let config = Config::default();
    let payload = checked(STREAM).unwrap();
    let whole = read::value(payload, &config).unwrap();
    let written = write::payload(&whole).unwrap();
    let mut accepted = 0;
    for source in [payload, &written] {
        for at in 0..source.len() {
            assert!(read::value(&source[..at], &config).is_none(), "{at}");
            for byte in [0, 1, 2, 0x7f, 0x80, 0x81, 0xc0, 0xf4, 0xff] {
                let mut damaged = source.to_vec();
                damaged[at] = byte;
                // What is accepted can be written, and read again.
                if let Some(value) = read::value(&damaged, &config) {
                    let written = write::payload(&value).unwrap();
                    let again = read::value(&written, &config).unwrap();
                    assert_eq!(write::payload(&again).unwrap(), written, "{at}: {byte}");
                    accepted += 1;
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}
