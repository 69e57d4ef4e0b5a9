//! `ClientCodec` and `ServerCodec` with tokio's framed streams.

use std::error::Error;
use std::io;

use futures_util::{SinkExt, StreamExt};
use swarm_resp::{
    ClientCodec, DecodeError, DecodeErrorKind, Frame, Limits, Request, RespVersion, ServerCodec,
};
use tokio::io::{AsyncWriteExt, duplex};
use tokio_util::codec::Framed;

#[tokio::test]
async fn frames_and_requests_are_sent_and_received() {
    // Smaller than a frame, so that both sides receive fragments.
    let (client, server) = duplex(7);
    let mut client = Framed::new(client, ClientCodec::new());
    let mut server = Framed::new(server, ServerCodec::new());
    let serve = async {
        let command = server.next().await.unwrap().unwrap();
        assert_eq!(command, ["GET", "key"]);
        server.codec_mut().set_protocol(RespVersion::Resp3);
        let reply = Frame::build(|reply| {
            reply.map(|map| {
                map.bulk(b"a longer field than the pipe is wide");
                map.boolean(true);
            });
        });
        server.send(reply.clone()).await.unwrap();
        reply
    };
    let ask = async {
        client.feed(Request::new("GET", "key")).await.unwrap();
        client.flush().await.unwrap();
        client.next().await.unwrap().unwrap()
    };
    let (sent, received) = tokio::join!(serve, ask);
    assert_eq!(sent, received);
}

#[tokio::test]
async fn invalid_input_is_an_error_with_an_offset() {
    let (mut encoded, stream) = duplex(64);
    let limits = Limits::new().with_max_bulk(3);
    let mut stream = Framed::new(stream, ClientCodec::with_limits(limits));
    encoded.write_all(b"+OK\r\n$4\r\n").await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<DecodeError>());
    let found = inner.map(|inner| (inner.kind, inner.offset));
    let expected = Some((DecodeErrorKind::BulkTooLong, 6));
    assert_eq!(found, expected, "{:?}", error.source());
}

#[tokio::test]
async fn a_stream_that_ends_in_the_middle_of_a_frame_is_an_error() {
    let (mut encoded, stream) = duplex(64);
    let mut stream = Framed::new(stream, ClientCodec::new());
    encoded.write_all(b"$5\r\nhel").await.unwrap();
    drop(encoded);
    assert!(stream.next().await.unwrap().is_err());
}
