//! Arbitrary bytes in arbitrary chunks, as commands to a server: the same commands and the same
//! error as in one piece, and no more data is kept than the limits allow.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use swarm_resp::{CommandDecoder, CommandLimits, ProtocolError};

/// Number of leading bytes that determine the chunk sizes.
const SIZES: usize = 4;

const MAX_INLINE: usize = 256;
const MAX_COMMAND: usize = 1 << 12;

fn limits() -> CommandLimits {
    CommandLimits::new()
        .with_max_args(64)
        .with_max_arg(1 << 10)
        .with_max_inline(MAX_INLINE)
        .with_max_command(MAX_COMMAND)
}

type Outcome = (Vec<Vec<Bytes>>, Option<ProtocolError>);

fn whole(input: &[u8]) -> Outcome {
    let mut decoder = CommandDecoder::with_limits(limits());
    let mut input = Bytes::copy_from_slice(input);
    let mut commands = Vec::new();
    loop {
        match decoder.decode_bytes(&mut input) {
            Ok(Some(args)) => commands.push(args),
            Ok(None) => return (commands, None),
            Err(error) => return (commands, Some(error)),
        }
    }
}

fn chunked(sizes: &[u8], mut input: &[u8]) -> Outcome {
    let mut decoder = CommandDecoder::with_limits(limits());
    let (mut buffer, mut commands) = (BytesMut::new(), Vec::new());
    for size in sizes.iter().cycle() {
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(args)) => {
                    assert!(!args.is_empty() && args.len() <= limits().max_args.max(MAX_INLINE));
                    commands.push(args);
                }
                Ok(None) => break,
                Err(error) => return (commands, Some(error)),
            }
        }
        assert!(buffer.len() <= MAX_COMMAND + MAX_INLINE + 1);
        if input.is_empty() {
            break;
        }
        let (chunk, rest) = input.split_at(usize::from(*size).clamp(1, input.len()));
        buffer.extend_from_slice(chunk);
        input = rest;
    }
    (commands, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((sizes, input)) = input.split_at_checked(SIZES) else {
        return;
    };
    assert_eq!(whole(input), chunked(sizes, input));
});
