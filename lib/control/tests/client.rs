//! The client against listeners that behave and that do not, on real sockets.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use jit_control::client::{AskError, Client, PATIENCE};
use jit_control::{Answer, MAX_LINE, Request};

/// Short, because a test waits for it; no test asserts how long anything took.
const IMPATIENT: Duration = Duration::from_millis(200);

fn ask(patience: Duration, serve: impl FnOnce(UnixStream) + Send + 'static) -> Result<Answer, AskError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let answer = Client::new(path, patience).ask(&Request::ClockAccept {});
    server.join().unwrap();
    answer
}

fn read_request(stream: &UnixStream) -> Request {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn one_line_each_way() {
    let answer = ask(PATIENCE, |mut stream| {
        assert_eq!(read_request(&stream), Request::ClockAccept {});
        // In pieces, and with more behind it, which is nobody's answer.
        for piece in ["{\"answer\":", "\"done\",\"te", "xt\":\"so\"}\n{\"answer\""] {
            stream.write_all(piece.as_bytes()).unwrap();
            stream.flush().unwrap();
        }
    });
    assert_eq!(answer.unwrap(), Answer::Done { text: "so".to_owned() });
}

#[test]
fn a_refusal_before_the_request_was_read_is_still_heard() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"{\"answer\":\"refused\",\"code\":\"busy\",\"text\":\"later\"}\n").unwrap();
    });
    // Longer than a socket's buffer, so that the client is still writing when the other side is gone.
    let long = Request::Why { user: "x".repeat(4 << 20), service: None, at: None };
    let answer = Client::new(path, PATIENCE).ask(&long);
    server.join().unwrap();
    assert!(matches!(answer, Ok(Answer::Refused { .. })), "{answer:?}");
}

#[test]
fn silence_is_given_up() {
    let answer = ask(IMPATIENT, |stream| {
        // Until the client hung up.
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut &stream, &mut rest);
    });
    assert!(matches!(answer, Err(AskError::Silent { .. })), "{answer:?}");
}

#[test]
fn drops_by_drops_do_not_move_the_deadline() {
    let answer = ask(IMPATIENT, |mut stream| {
        while stream.write_all(b" ").is_ok() {
            thread::yield_now();
        }
    });
    assert!(matches!(answer, Err(AskError::Silent { .. } | AskError::TooLong(_))), "{answer:?}");
}

#[test]
fn a_full_backlog_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let address = socket2::SockAddr::unix(&path).unwrap();
    let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let waiting = UnixStream::connect(&path).unwrap();
    let answer = Client::new(&path, IMPATIENT).ask(&Request::Status {});
    assert!(matches!(answer, Err(AskError::Silent { .. })), "{answer:?}");
    drop(waiting);
}

#[test]
fn an_endless_answer_is_not_read() {
    let answer = ask(PATIENCE, |mut stream| {
        let mut sent = 0;
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {
            sent += 1 << 16;
            assert!(sent < 2 * MAX_LINE, "the client goes on reading");
        }
    });
    assert!(matches!(answer, Err(AskError::TooLong(_))), "{answer:?}");
}

#[test]
fn what_is_no_answer() {
    for text in ["", "{", "{\"answer\":\"done\"}", "null\n", "\n", "{\"answer\":\"done\"}\n", "\u{ff}\n"] {
        let answer = ask(PATIENCE, move |mut stream| {
            read_request(&stream);
            stream.write_all(text.as_bytes()).unwrap();
        });
        assert!(
            matches!(answer, Err(AskError::Broken { .. } | AskError::Nonsense { .. })),
            "{text}: {answer:?}"
        );
    }
}

#[test]
fn nobody_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let absent = |path: &std::path::Path| {
        let answer = Client::new(path, PATIENCE).ask(&Request::Status {});
        assert!(matches!(answer, Err(AskError::Absent { .. })), "{answer:?}");
    };
    absent(&path);
    drop(UnixListener::bind(&path).unwrap());
    absent(&path);
    absent(&dir.path().join("long".repeat(64)));
}

#[test]
fn the_format_is_what_it_was() {
    let said = |request: &Request| serde_json::to_string(request).unwrap();
    assert_eq!(said(&Request::Status {}), r#"{"ask":"status"}"#);
    let why = Request::Why { user: "alice".to_owned(), service: None, at: Some(0) };
    assert_eq!(said(&why), r#"{"ask":"why","user":"alice","service":null,"at":0}"#);
    assert_eq!(said(&Request::Grants { all: false }), r#"{"ask":"grants","all":false}"#);
    assert_eq!(said(&Request::ClockAccept {}), r#"{"ask":"clock-accept"}"#);
    assert_eq!(said(&Request::RenderEnforcing {}), r#"{"ask":"render-enforcing"}"#);
    let understood = |text: &str| serde_json::from_str::<Request>(text).ok();
    assert_eq!(
        understood(r#"{"ask":"why","user":"alice"}"#),
        Some(Request::Why { user: "alice".to_owned(), service: None, at: None })
    );
    // A daemon that is asked for something it does not know must say so instead of answering something else.
    assert_eq!(understood(r#"{"ask":"why","user":"alice","host":"web2"}"#), None);
    assert_eq!(understood(r#"{"ask":"status","x":1}"#), None);
    assert_eq!(understood(r#"{"ask":"mode"}"#), None);
}
