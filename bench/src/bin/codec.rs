//! Benchmark of the codec and its peers: nanoseconds per frame, and the ratio to the lower bound.
//!
//! The lower bound is a loop that only finds the end of a frame. `rustis` indexes a reply like this
//! codec, but does not share its bytes; `redis-protocol` and `redis-rs` build a tree of values.
//!
//! `codec` runs everything; `codec CORPUS CONTESTANT ROUNDS` runs one combination, for a profiler.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use redis_protocol::{resp2, resp3};
use swarm_bench::corpus::{self, CHUNK, Corpus};
use swarm_bench::lower_bound;
use swarm_bench::timing::{Contest, timed};
use swarm_resp::{Decoder, FrameRef, encode_command};
use tokio_util::codec::Decoder as _;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let run = |contest: Contest<'_>, name: &str| match args.as_slice() {
        [] => drop(contest.run()),
        [corpus, ..] if corpus != name => {}
        [_, contestant, rounds] => contest.profile(contestant, rounds.parse().expect("a number")),
        _ => drop(contest.run()),
    };
    for corpus in &corpus::all() {
        run(decode(corpus), corpus.name);
    }
    run(dribble(&corpus::dribbled()), "dribbled");
    run(encode(), "encode");
}

fn decode(corpus: &Corpus) -> Contest<'_> {
    let frames = corpus.ends.len();
    let mut contest = Contest::new(format!("decode: {} ({frames} frames a round)", corpus.name));
    contest.enter("lower bound: frame ends only", move || {
        timed(frames, || {
            let mut at = 0;
            while let Some(end) = lower_bound::frame_end(black_box(&corpus.wire), at) {
                at = end;
            }
            at
        })
    });
    let mut decoder = Decoder::new();
    contest.enter("swarm-resp, stream", move || {
        let mut buffer = BytesMut::from(corpus.wire.as_slice());
        timed(frames, || {
            while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                black_box(&frame);
            }
        })
    });
    let mut decoder = Decoder::new();
    contest.enter("swarm-resp, stream, and read all", move || {
        let mut buffer = BytesMut::from(corpus.wire.as_slice());
        timed(frames, || {
            while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                read_all(frame.view());
            }
        })
    });
    let mut decoder = Decoder::new();
    contest.enter("swarm-resp, message by message", move || {
        let messages: Vec<_> = corpus.frames().map(Bytes::copy_from_slice).collect();
        // A second owner keeps the buffers from being freed within the measured time.
        let _owners = messages.clone();
        timed(frames, || {
            for message in messages {
                black_box(&decoder.decode_message(message).unwrap());
            }
        })
    });
    let mut decoder = Decoder::new();
    contest.enter("swarm-resp, borrowed", move || {
        timed(frames, || {
            let mut rest = black_box(corpus.wire.as_slice());
            while let Some((frame, len)) = decoder.decode_ref(rest).unwrap() {
                black_box(&frame);
                rest = &rest[len..];
            }
        })
    });
    contest.enter("bytes: split and drop alone", move || {
        let mut buffer = BytesMut::from(corpus.wire.as_slice());
        timed(frames, || {
            let mut start = 0;
            for end in &corpus.ends {
                black_box(&buffer.split_to(end - start).freeze());
                start = *end;
            }
        })
    });
    let mut rustis = rustis::resp::bench_support::BenchDecoder::new();
    contest.enter("rustis, decoder, with a copy in", move || {
        timed(frames, || {
            for frame in corpus.frames() {
                black_box(rustis.feed(black_box(frame)).unwrap());
            }
        })
    });
    let mut tape = rustis::resp::bench_support::BenchTape::new();
    contest.enter("rustis, index alone", move || {
        timed(frames, || {
            for frame in corpus.frames() {
                rustis::resp::bench_support::bench_parse_only(black_box(frame), &mut tape);
            }
        })
    });
    if corpus.is_resp2 {
        contest.enter("redis-protocol, RESP2 Bytes", move || {
            let mut buffer = BytesMut::from(corpus.wire.as_slice());
            timed(frames, || {
                while let Some(frame) = resp2::decode::decode_bytes_mut(&mut buffer).unwrap() {
                    black_box(&frame);
                }
            })
        });
    }
    if corpus.is_resp3 {
        contest.enter("redis-protocol, RESP3 Bytes", move || {
            let mut buffer = BytesMut::from(corpus.wire.as_slice());
            timed(frames, || {
                while let Some(frame) =
                    resp3::decode::complete::decode_bytes_mut(&mut buffer).unwrap()
                {
                    black_box(&frame);
                }
            })
        });
    }
    contest.enter("redis-rs, value", move || {
        timed(frames, || {
            for frame in corpus.frames() {
                black_box(&redis::parse_redis_value(black_box(frame)).ok());
            }
        })
    });
    contest
}

/// Reads every value, which a tree decoder has done during decoding.
fn read_all(value: FrameRef<'_>) {
    match value.items() {
        Some(items) => items.for_each(read_all),
        None => drop(black_box((value.as_bytes(), value.as_integer()))),
    }
}

/// Measures decoding only; every contestant copies the chunks into its buffer.
fn fed(wire: &[u8], mut decode: impl FnMut(&mut BytesMut) -> bool) -> (Duration, usize) {
    let mut buffer = BytesMut::with_capacity(wire.len());
    let mut took = Duration::ZERO;
    for chunk in wire.chunks(CHUNK) {
        buffer.extend_from_slice(chunk);
        let start = Instant::now();
        let done = decode(&mut buffer);
        took += start.elapsed();
        if done {
            return (took, 1);
        }
    }
    panic!("the reply is not complete");
}

fn dribble(wire: &[u8]) -> Contest<'_> {
    let mut contest = Contest::new(format!("dribbled: 20,000 x 16 B in chunks of {CHUNK} B"));
    let mut whole = Decoder::new();
    contest.enter("swarm-resp, whole", move || {
        let mut buffer = BytesMut::from(wire);
        timed(1, || whole.decode(&mut buffer).unwrap().unwrap())
    });
    let mut decoder = Decoder::new();
    contest.enter("swarm-resp, dribbled", move || {
        fed(wire, |buffer| {
            black_box(decoder.decode(buffer).unwrap()).is_some()
        })
    });
    contest.enter("rustis, dribbled, with the copies", move || {
        timed(1, || {
            rustis::resp::bench_support::bench_decode_stream_prereserve(wire, CHUNK).unwrap()
        })
    });
    let mut codec = redis::ValueCodec::default();
    contest.enter("redis-rs, dribbled", move || {
        fed(wire, |buffer| {
            black_box(codec.decode(buffer).unwrap()).is_some()
        })
    });
    contest.enter("redis-protocol, dribbled", move || {
        fed(wire, |buffer| {
            black_box(resp2::decode::decode_bytes_mut(buffer).unwrap()).is_some()
        })
    });
    contest
}

fn encode() -> Contest<'static> {
    const ROUND: usize = 1000;
    const KEY: &[u8] = b"key";
    const VALUE: &[u8] = b"0123456789abcdef";
    let mut contest = Contest::new("encode: SET key <16 B> into a warm buffer");
    let mut buffer = Vec::with_capacity(256);
    contest.enter("lower bound: by hand", move || {
        timed(ROUND, || {
            for _ in 0..ROUND {
                buffer.clear();
                lower_bound::encode_set(&mut buffer, black_box(KEY), black_box(VALUE));
                black_box(&buffer);
            }
        })
    });
    let mut buffer = BytesMut::with_capacity(256);
    contest.enter("swarm-resp", move || {
        timed(ROUND, || {
            for _ in 0..ROUND {
                buffer.clear();
                encode_command(&mut buffer, "SET", &(black_box(KEY), black_box(VALUE)));
                black_box(&buffer);
            }
        })
    });
    let mut buffer = BytesMut::with_capacity(256);
    contest.enter("rustis", move || {
        timed(ROUND, || {
            for _ in 0..ROUND {
                let command = rustis::resp::cmd("SET")
                    .arg(black_box("key"))
                    .arg(black_box("0123456789abcdef"));
                rustis::resp::bench_support::bench_encode_command(&command.into(), &mut buffer);
            }
        })
    });
    let mut buffer = Vec::with_capacity(256);
    contest.enter("redis-rs", move || {
        timed(ROUND, || {
            for _ in 0..ROUND {
                buffer.clear();
                redis::cmd("SET")
                    .arg(black_box(KEY))
                    .arg(black_box(VALUE))
                    .write_packed_command(&mut buffer);
                black_box(&buffer);
            }
        })
    });
    let mut buffer = BytesMut::with_capacity(256);
    contest.enter("redis-protocol", move || {
        use resp2::types::BorrowedFrame;
        timed(ROUND, || {
            for _ in 0..ROUND {
                buffer.clear();
                let args =
                    [&b"SET"[..], black_box(KEY), black_box(VALUE)].map(BorrowedFrame::BulkString);
                let frame = BorrowedFrame::Array(&args);
                resp2::encode::extend_encode_borrowed(&mut buffer, &frame, false).unwrap();
                black_box(&buffer);
            }
        })
    });
    contest
}
