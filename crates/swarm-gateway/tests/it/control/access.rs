//! Who reaches the door, and how it refuses malformed requests.

use swarm_gateway::{Gateway, StartError};

use super::door::{Door, gateway, refused};

#[tokio::test]
async fn other_machines_reach_the_door_only_if_that_was_asked_for() {
    let error = Gateway::builder().control("0.0.0.0:0").start().await;
    let error = error.unwrap_err();
    assert!(matches!(error, StartError::NotLoopback { .. }), "{error}");
    let open = Gateway::builder().control("0.0.0.0:0").remote_control();
    let open = open.start().await.unwrap();
    let door = Door::of(&open);
    let (status, _) = door
        .send_with("GET /status", "host: gateway:8090\r\n", "")
        .await;
    assert_eq!(status, 200);
    let (status, answer) = door
        .send_with("GET /status", "origin: http://gateway:8090\r\n", "")
        .await;
    assert_eq!(refused(status, &answer).1, "forbidden");
}

#[tokio::test]
async fn web_pages_are_refused() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    for head in [
        "origin: https://app.example\r\n",
        "Origin: null\r\n",
        "Origin:\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
        "host: rebound.example\r\n",
        "host: rebound.example:8090\r\n",
        "host: 127.0.0.1.rebound.example\r\n",
    ] {
        for request in [
            "GET /snapshot",
            "POST /stop",
            "OPTIONS /faults",
            "GET /none",
        ] {
            let (status, answer) = door.send_with(request, head, "").await;
            let (status, code, _) = refused(status, &answer);
            assert_eq!(
                (status, code.as_str()),
                (403, "forbidden"),
                "{head}{request}"
            );
        }
    }
    for head in [
        "host: localhost\r\n",
        "host: LOCALHOST:1\r\n",
        "host: [::1]:8090\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        let (status, _) = door.send_with("GET /status", head, "").await;
        assert_eq!(status, 200, "{head}");
    }
}

#[tokio::test]
async fn malformed_requests_get_typed_errors() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let deep = format!(
        r#"{{"type":"answer","command":"GET","reply":{}"#,
        r#"{"type":"array","value":["#.repeat(10_000)
    );
    for (request, body, status, code, names) in [
        ("GET /none", "", 404, "not_found", "/none"),
        ("GET /faults/1/none", "", 404, "not_found", ""),
        ("GET /faults/", "", 404, "not_found", ""),
        (
            "PUT /faults",
            "{}",
            405,
            "method_not_allowed",
            "POST, GET, DELETE",
        ),
        ("GET /faults/7", "", 404, "no_such_fault", "7"),
        ("DELETE /faults/7", "", 404, "no_such_fault", "7"),
        ("GET /faults/x", "", 400, "invalid_request", "\"x\""),
        ("GET /faults/-1", "", 400, "invalid_request", "\"-1\""),
        ("DELETE /connections/7", "", 404, "no_such_connection", "7"),
        ("GET /executions/%FF", "", 400, "invalid_request", "UTF-8"),
        (
            "GET /status?verbose=1",
            "",
            400,
            "unknown_field",
            "`verbose`",
        ),
        (
            "POST /stop",
            r#"{"force":true}"#,
            400,
            "unknown_field",
            "`force`",
        ),
        (
            "POST /clock/advance",
            "",
            400,
            "invalid_request",
            "`milliseconds`",
        ),
        ("POST /clock/advance", "{", 400, "malformed_json", ""),
        ("POST /clock/advance", "\u{0}", 400, "malformed_json", ""),
        ("POST /clock/advance", "[]", 400, "invalid_request", ""),
        (
            "POST /clock/advance",
            r#"{"milliseconds":-1}"#,
            400,
            "invalid_request",
            "-1",
        ),
        (
            "POST /clock/advance",
            r#"{"milliseconds":18446744073709551615}"#,
            400,
            "invalid_request",
            "9999",
        ),
        (
            "POST /clock/advance",
            r#"{"seconds":1}"#,
            400,
            "unknown_field",
            "`seconds`",
        ),
        (
            "POST /faults",
            r#"{"type":"none"}"#,
            400,
            "invalid_request",
            "`none`",
        ),
        (
            "POST /faults",
            r#"{"command":"GET"}"#,
            400,
            "invalid_request",
            "`type`",
        ),
        (
            "POST /faults",
            r#"{"type":"hold"}"#,
            400,
            "invalid_request",
            "`command`",
        ),
        (
            "POST /faults",
            r#"{"type":"hold","command":"GET","bytes":1}"#,
            400,
            "unknown_field",
            "`bytes`",
        ),
        (
            "POST /faults",
            r#"{"type":"freeze","command":"GET"}"#,
            400,
            "unknown_field",
            "`command`",
        ),
        (
            "POST /faults",
            r#"{"type":"hold","command":""}"#,
            400,
            "invalid_request",
            "",
        ),
        (
            "POST /faults",
            r#"{"type":"hold","command":"GET k"}"#,
            400,
            "invalid_request",
            "",
        ),
        (
            "POST /faults",
            r#"{"type":"answer","command":"GET","reply":{"type":"simple","value":"a\nb"}}"#,
            400,
            "invalid_request",
            "line breaks",
        ),
        (
            "POST /faults",
            r#"{"type":"answer","command":"GET","reply":{"type":"null"},"times":0}"#,
            400,
            "invalid_request",
            "`times`",
        ),
        (
            "POST /faults",
            deep.as_str(),
            400,
            "malformed_json",
            "recursion",
        ),
        (
            "POST /executions/GET/wait",
            r#"{"count":1,"timeout_ms":60001}"#,
            400,
            "invalid_request",
            "`timeout_ms`",
        ),
        (
            "POST /connections/push",
            r#"{"words":[]}"#,
            400,
            "invalid_request",
            "`words`",
        ),
        (
            "POST /connections/cut",
            r#"{"which":"some"}"#,
            400,
            "invalid_request",
            "`some`",
        ),
    ] {
        let (got, answered, message) = door.error(request, body).await;
        assert_eq!(
            (got, answered.as_str()),
            (status, code),
            "{request}: {message}"
        );
        assert!(message.contains(names), "{request}: {message}");
    }
    assert!(
        door.ok("GET /faults", "").await["faults"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn bodies_are_bounded() {
    let gateway = gateway().await;
    let door = Door::of(&gateway);
    let large = format!(r#"{{"milliseconds":1{}}}"#, " ".repeat(1 << 20));
    let (status, code, _) = door.error("POST /clock/advance", &large).await;
    assert_eq!((status, code.as_str()), (413, "body_too_large"));
    // Chunked, so that the length is not known in advance.
    let mut request = b"POST /flush HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..17 {
        request.extend_from_slice(b"10000\r\n");
        request.extend(std::iter::repeat_n(b' ', 0x10000));
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let (status, answer) = door.raw(&request).await;
    assert_eq!(refused(status, &answer).1, "body_too_large");
    // A snapshot may be as large as the data.
    let value = "v".repeat(2 << 20);
    let snapshot =
        format!(r#"{{"version":"1","keys":[{{"key":"k","value":{{"string":"{value}"}}}}]}}"#);
    door.ok("PUT /snapshot", &snapshot).await;
}
