//! Properties of the decoder of commands: fragments make no difference, and memory is bounded by
//! the limits and by the received data.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use swarm_resp::{CommandDecoder, CommandLimits, ProtocolError, encode_command};

const MAX_INLINE: usize = 64;
const MAX_COMMAND: usize = 512;

fn limits() -> CommandLimits {
    CommandLimits::new()
        .with_max_args(16)
        .with_max_arg(200)
        .with_max_inline(MAX_INLINE)
        .with_max_command(MAX_COMMAND)
}

type Outcome = (Vec<Vec<Bytes>>, Option<ProtocolError>);

fn whole(stream: &[u8]) -> Outcome {
    let mut decoder = CommandDecoder::with_limits(limits());
    let mut stream = Bytes::copy_from_slice(stream);
    let mut commands = Vec::new();
    loop {
        match decoder.decode_bytes(&mut stream) {
            Ok(Some(args)) => commands.push(args),
            Ok(None) => return (commands, None),
            Err(error) => return (commands, Some(error)),
        }
    }
}

/// Decodes a stream that arrives in fragments of these sizes, in turn.
fn in_fragments(sizes: &[usize], mut stream: &[u8]) -> Outcome {
    let mut decoder = CommandDecoder::with_limits(limits());
    let (mut buffer, mut commands) = (BytesMut::new(), Vec::new());
    for size in sizes.iter().cycle() {
        let (fragment, rest) = stream.split_at((*size).min(stream.len()));
        buffer.extend_from_slice(fragment);
        stream = rest;
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(args)) => commands.push(args),
                Ok(None) => break,
                Err(error) => return (commands, Some(error)),
            }
        }
        // What a server keeps for a peer that never completes its command.
        assert!(
            buffer.len() <= MAX_COMMAND + MAX_INLINE + 1,
            "{} bytes",
            buffer.len()
        );
        if stream.is_empty() {
            break;
        }
    }
    (commands, None)
}

/// A part of a stream: a command in either form, or something that is none.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let encoded = vec(vec(any::<u8>(), 0..40), 1..6).prop_map(|args| {
        let mut buffer = BytesMut::new();
        encode_command(&mut buffer, "", &args);
        buffer.to_vec()
    });
    let line = r#"[a-z "'\\]{0,30}\r?\n"#.prop_map(String::into_bytes);
    let header = r"[*$][0-9]{0,70}\r?\n?".prop_map(String::into_bytes);
    prop_oneof![
        6 => encoded,
        2 => line,
        1 => header,
        1 => vec(any::<u8>(), 0..80),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(part(), 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn fragments_give_the_same_commands_and_the_same_error(
        stream in stream(),
        sizes in vec(1..50usize, 1..8),
    ) {
        prop_assert_eq!(in_fragments(&sizes, &stream), whole(&stream));
    }

    #[test]
    fn commands_arrive_as_they_were_sent(
        commands in vec(vec(vec(any::<u8>(), 0..40), 1..6), 0..8),
        sizes in vec(1..50usize, 1..8),
    ) {
        let mut encoded = BytesMut::new();
        for args in &commands {
            encode_command(&mut encoded, "", args);
        }
        let (found, error) = in_fragments(&sizes, &encoded);
        prop_assert_eq!(error, None);
        prop_assert_eq!(found, commands);
    }

    /// An argument takes at least 6 bytes, and 80 in the decoder and in the list of arguments.
    #[test]
    fn memory_grows_with_the_received_data_only(stream in stream()) {
        let mut buffer = BytesMut::from(&*stream);
        let info = measure(|| {
            let mut decoder = CommandDecoder::new();
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        });
        let most = 1024 + 16 * stream.len() as u64;
        prop_assert!(info.bytes_max <= most, "{} bytes for {}", info.bytes_max, stream.len());
    }
}

#[test]
fn announced_numbers_and_lengths_reserve_no_memory() {
    for header in [
        "*1048576\r\n",
        "*1048576\r\n$0\r\n\r\n",
        "*1\r\n$536870912\r\n",
        "*1048576\r\n$536870912\r\nx",
    ] {
        let mut buffer = BytesMut::from(header);
        let info = measure(|| {
            assert_eq!(
                CommandDecoder::new().decode(&mut buffer),
                Ok(None),
                "{header:?}"
            );
        });
        assert!(
            info.bytes_max < 2048,
            "{header:?} took {} bytes",
            info.bytes_max
        );
    }
}

/// The smallest arguments cost the most memory for each byte.
#[test]
fn many_empty_arguments_cost_a_fixed_factor() {
    const ARGS: usize = 100_000;
    let stream = format!("*{ARGS}\r\n{}", "$0\r\n\r\n".repeat(ARGS));
    let mut buffer = BytesMut::from(stream.as_str());
    let info = measure(|| {
        let args = CommandDecoder::new().decode(&mut buffer).unwrap().unwrap();
        assert_eq!(args.len(), ARGS);
    });
    assert!(
        info.bytes_max <= 16 * stream.len() as u64,
        "{} bytes",
        info.bytes_max
    );
}
