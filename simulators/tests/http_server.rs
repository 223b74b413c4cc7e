//! The plumbing under the servers on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use simulators::http::{Reply, Request, Server, WireFault};

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

fn echo(request: &Request) -> Reply {
    let body = format!(
        "{} {} {:?} {}",
        request.method,
        request.path,
        request.query,
        String::from_utf8_lossy(&request.body)
    );
    Reply::new(200, "text/plain", body)
}

#[test]
fn a_request_is_read_whole_and_answered() {
    let server = Server::start(echo);
    let url = format!("{}/a%2Fb?x=1%202&y=a+b", server.base_url());
    let mut response = agent().post(&url).send("words").expect("it answers");
    assert_eq!(
        response.body_mut().read_to_string().expect("it is text"),
        r#"POST /a%2Fb [("x", "1 2"), ("y", "a b")] words"#
    );
}

#[test]
fn chunks_are_put_together_and_the_connection_is_kept() {
    let server = Server::start(echo);
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    let request = b"PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n2;note\r\nde\r\n0\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(request).expect("it reads");
        let mut reply = [0; 1024];
        let read = stream.read(&mut reply).expect("it answers");
        assert!(reply[..read].ends_with(b"PUT /x [] abcde"));
    }
    assert_eq!(server.requests(), 2);
    assert_eq!(server.connections_accepted(), 1);
}

#[test]
fn each_fault_fails_in_its_own_way() {
    let server = Server::start(|request| {
        let reply = Reply::json(200, r#"{"key":"value"}"#);
        match request.path.as_str() {
            "/before" => reply.fault(WireFault::ResetBeforeReply),
            "/mid" => reply.fault(WireFault::ResetMidBody),
            "/cut" => reply.fault(WireFault::CutBody),
            "/stall" => reply.fault(WireFault::Stall(Duration::from_mins(1))),
            "/stall-mid" => reply.fault(WireFault::StallMidBody(Duration::from_mins(1))),
            _ => reply,
        }
    });
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(1)))
        .build()
        .into();
    let get = |path: &str| {
        let mut response = agent.get(format!("{}{path}", server.base_url())).call()?;
        response.body_mut().read_to_string()
    };
    assert_eq!(get("/").expect("no fault"), r#"{"key":"value"}"#);
    assert_eq!(get("/cut").expect("a body"), r#"{"key":"#[..7].to_owned());
    for path in ["/before", "/mid"] {
        let error = get(path).expect_err("the connection was closed");
        assert!(!matches!(error, ureq::Error::Timeout(_)), "{path}: {error}");
    }
    for path in ["/stall", "/stall-mid"] {
        let error = get(path).expect_err("nothing comes");
        assert!(matches!(error, ureq::Error::Timeout(_)), "{path}: {error}");
    }
    let stopping = Instant::now();
    drop(server);
    assert!(stopping.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_upload_can_be_broken_off() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let server = Server::start_cutting_uploads(
        0,
        |request| (request.ordinal == 1).then_some(100_000),
        move |request| {
            let got = (request.cut, request.body.len());
            sender.send(got).expect("the test listens");
            Reply::empty(200)
        },
    );
    let upload = || {
        let body = vec![b'x'; 4_000_000];
        agent().put(server.base_url()).send(&body[..])
    };
    assert!(upload().is_err());
    assert_eq!(receiver.recv(), Ok((true, 100_000)));
    assert!(upload().is_ok());
    assert_eq!(receiver.recv(), Ok((false, 4_000_000)));
}

#[test]
fn many_connections_are_served_side_by_side() {
    let server = Server::start(|_| Reply::empty(204).delay(Duration::from_millis(500)));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..128 {
            scope.spawn(|| {
                let response = agent().get(server.base_url()).call();
                assert_eq!(response.expect("it answers").status(), 204);
            });
        }
    });
    // One after another they would take more than a minute.
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(server.peak_concurrency() > 64);
}
