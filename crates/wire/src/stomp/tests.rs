//! Vectors of the STOMP 1.2 specification, what is refused and why, and round trips however the bytes are cut.

use super::*;
use proptest::prelude::*;

/// Everything in some bytes, cut after each of these lengths.
fn read_cut(from: Side, bytes: &[u8], cuts: &[usize]) -> Result<Vec<Incoming>, StompError> {
    let mut decoder = Decoder::new(from);
    let mut read = Vec::new();
    let mut rest = bytes;
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (mut piece, after) = rest.split_at(cut.min(rest.len()));
        while let Some(incoming) = decoder.read(&mut piece)? {
            read.push(incoming);
        }
        assert_eq!(piece, b"", "all of the input is used up");
        rest = after;
    }
    Ok(read)
}

fn read(from: Side, text: &str) -> Result<Vec<Incoming>, StompError> {
    let whole = read_cut(from, text.as_bytes(), &[]);
    let bytewise = read_cut(from, text.as_bytes(), &vec![1; text.len()]);
    assert_eq!(whole, bytewise, "the same however it is cut");
    whole
}

fn frame(command: Command, headers: &[(&str, &str)], body: &str) -> Frame {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Frame { command, headers, body: body.as_bytes().to_vec() }
}

/// The frames of the specification's text, in its order: bytes, what they are, and the bytes written for it.
#[test]
fn the_specifications_own_frames() {
    let check = |text: &str, expected: Frame, written: &str| {
        let from = expected.command.sender();
        assert_eq!(read(from, text), Ok(vec![Incoming::Frame(expected.clone())]), "{text:?}");
        assert_eq!(expected.to_text().unwrap(), written);
    };
    let same = |text: &str, expected: Frame| check(text, expected, text);
    same(
        "CONNECT\naccept-version:1.2\nhost:stomp.github.org\n\n\0",
        frame(Command::Connect, &[("accept-version", "1.2"), ("host", "stomp.github.org")], ""),
    );
    same("CONNECTED\nversion:1.2\n\n\0", frame(Command::Connected, &[("version", "1.2")], ""));
    check(
        "SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\n\0",
        frame(
            Command::Send,
            &[("destination", "/queue/a"), ("content-type", "text/plain")],
            "hello queue a\n",
        ),
        "SEND\ndestination:/queue/a\ncontent-type:text/plain\ncontent-length:14\n\nhello queue a\n\0",
    );
    same(
        "SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:client\n\n\0",
        frame(Command::Subscribe, &[("id", "0"), ("destination", "/queue/foo"), ("ack", "client")], ""),
    );
    same("UNSUBSCRIBE\nid:0\n\n\0", frame(Command::Unsubscribe, &[("id", "0")], ""));
    same(
        "ACK\nid:12345\ntransaction:tx1\n\n\0",
        frame(Command::Ack, &[("id", "12345"), ("transaction", "tx1")], ""),
    );
    same("NACK\nid:12345\n\n\0", frame(Command::Nack, &[("id", "12345")], ""));
    for (text, command) in [("BEGIN", Command::Begin), ("COMMIT", Command::Commit), ("ABORT", Command::Abort)]
    {
        same(&format!("{text}\ntransaction:tx1\n\n\0"), frame(command, &[("transaction", "tx1")], ""));
    }
    same("DISCONNECT\nreceipt:77\n\n\0", frame(Command::Disconnect, &[("receipt", "77")], ""));
    check(
        "MESSAGE\nsubscription:0\nmessage-id:007\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\0",
        frame(
            Command::Message,
            &[
                ("subscription", "0"),
                ("message-id", "007"),
                ("destination", "/queue/a"),
                ("content-type", "text/plain"),
            ],
            "hello queue a",
        ),
        "MESSAGE\nsubscription:0\nmessage-id:007\ndestination:/queue/a\ncontent-type:text/plain\ncontent-length:13\n\nhello queue a\0",
    );
    same(
        "RECEIPT\nreceipt-id:message-12345\n\n\0",
        frame(Command::Receipt, &[("receipt-id", "message-12345")], ""),
    );
    check(
        "ERROR\nreceipt-id:message-12345\ncontent-type:text/plain\ncontent-length:9\nmessage:malformed frame received\n\nThe \0 NUL\0",
        frame(
            Command::Error,
            &[
                ("receipt-id", "message-12345"),
                ("content-type", "text/plain"),
                ("message", "malformed frame received"),
            ],
            "The \0 NUL",
        ),
        "ERROR\nreceipt-id:message-12345\ncontent-type:text/plain\nmessage:malformed frame received\ncontent-length:9\n\nThe \0 NUL\0",
    );
}

#[test]
fn what_the_specification_says_beside_its_examples() {
    let one = |from, text: &str| match read(from, text).unwrap().as_slice() {
        [Incoming::Frame(frame)] => frame.clone(),
        other => panic!("{text:?} is one frame, not {other:?}"),
    };
    // Lines may end with CR LF.
    let crlf = one(Side::Server, "RECEIPT\r\nreceipt-id:1\r\n\r\n\0");
    assert_eq!(crlf, frame(Command::Receipt, &[("receipt-id", "1")], ""));
    // The first of repeated headers counts.
    let repeated = one(
        Side::Server,
        "MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/a\nfoo:World\nfoo:Hello\ncontent-length:2\ncontent-length:9\n\nab\0",
    );
    assert_eq!((repeated.header("foo"), repeated.text()), (Some("World"), Ok("ab")));
    // Escapes, in names and values; a colon in a value is taken as it is when a server does not escape it.
    let escaped = one(Side::Client, "SEND\ndestination:a\na\\cb:\\r\\n\\c\\\\\ntime:18:03\n\n\0");
    assert_eq!((escaped.header("a:b"), escaped.header("time")), (Some("\r\n:\\"), Some("18:03")));
    // Not in CONNECT and CONNECTED.
    let plain = one(Side::Client, "CONNECT\naccept-version:1.2\nhost:h\npasscode:a\\nb:c\n\n\0");
    assert_eq!(plain.header("passcode"), Some("a\\nb:c"));
    assert!(plain.to_text().unwrap().contains("passcode:a\\nb:c\n"));
    // Spaces belong to the value.
    let spaced = one(Side::Server, "RECEIPT\nreceipt-id: 7 \n\n\0");
    assert_eq!(spaced.header("receipt-id"), Some(" 7 "));
    // Ends of line between frames are heart-beats.
    let texts = read(Side::Server, "\n\r\nRECEIPT\nreceipt-id:1\n\n\0\nRECEIPT\nreceipt-id:2\n\n\0").unwrap();
    let beats: Vec<bool> = texts.iter().map(|one| *one == Incoming::HeartBeat).collect();
    assert_eq!(beats, [true, true, false, true, false]);
    assert_eq!(read(Side::Client, HEART_BEAT).unwrap(), [Incoming::HeartBeat]);
}

#[test]
fn what_is_refused_and_why() {
    let malformed = |command, what| StompError::Malformed { command, what };
    let missing = |command, header| StompError::Missing { command, header };
    let long = |lines: usize| {
        let lines = (0..lines).map(|n| format!("h{n}:v\n")).collect::<String>();
        format!("ERROR\n{lines}\n\0")
    };
    for (from, text, expected) in [
        (Side::Server, "HELLO\n\n\0".to_owned(), StompError::UnknownCommand(5)),
        (Side::Server, "receipt\n\n\0".to_owned(), StompError::UnknownCommand(7)),
        (Side::Server, "\0RECEIPT\n\n\0".to_owned(), StompError::UnknownCommand(8)),
        (Side::Server, "\rRECEIPT\n\n\0".to_owned(), StompError::StrayReturn),
        (Side::Server, "\r\r\n".to_owned(), StompError::StrayReturn),
        (Side::Server, "SEND\ndestination:a\n\n\0".to_owned(), StompError::WrongSide(Command::Send)),
        (Side::Client, "CONNECTED\nversion:1.2\n\n\0".to_owned(), StompError::WrongSide(Command::Connected)),
        (Side::Server, "CONNECTED\n\n\0".to_owned(), missing(Command::Connected, "version")),
        (Side::Client, "CONNECT\naccept-version:1.2\n\n\0".to_owned(), missing(Command::Connect, "host")),
        (Side::Client, "SUBSCRIBE\ndestination:a\n\n\0".to_owned(), missing(Command::Subscribe, "id")),
        (
            Side::Server,
            "MESSAGE\nsubscription:0\nmessage-id:1\n\n\0".to_owned(),
            missing(Command::Message, "destination"),
        ),
        (
            Side::Server,
            "ERROR\nmessage\n\n\0".to_owned(),
            malformed(Command::Error, "a header without a colon"),
        ),
        (Side::Server, "ERROR\n:x\n\n\0".to_owned(), malformed(Command::Error, "a header without a name")),
        (
            Side::Server,
            "ERROR\nmessage:a\\tb\n\n\0".to_owned(),
            malformed(Command::Error, "an escape that STOMP 1.2 does not define"),
        ),
        (
            Side::Server,
            "ERROR\nmessage:a\\\n\n\0".to_owned(),
            malformed(Command::Error, "an escape that STOMP 1.2 does not define"),
        ),
        (
            Side::Server,
            "ERROR\nmessage:a\rb\n\n\0".to_owned(),
            malformed(Command::Error, "a carriage return inside a header"),
        ),
        (
            Side::Server,
            "ERROR\nmessage:a\0\n\n\0".to_owned(),
            malformed(Command::Error, "a NUL before the empty line that ends the headers"),
        ),
        (
            Side::Server,
            "ERROR\ncontent-length:-1\n\n\0".to_owned(),
            malformed(Command::Error, "a content-length that is no number"),
        ),
        (
            Side::Server,
            "ERROR\ncontent-length:1\n\nab\0".to_owned(),
            malformed(Command::Error, "no NUL where its content-length ends"),
        ),
        (
            Side::Server,
            "RECEIPT\nreceipt-id:1\n\nbody\0".to_owned(),
            malformed(Command::Receipt, "a body where none may be"),
        ),
        (
            Side::Server,
            "RECEIPT\nreceipt-id:1\ncontent-length:4\n\nbody\0".to_owned(),
            malformed(Command::Receipt, "a body where none may be"),
        ),
        (
            Side::Server,
            "ERROR\ncontent-length:99999999999999999999999\n\n".to_owned(),
            StompError::TooLarge { what: "a body's bytes", limit: MAX_BODY_BYTES },
        ),
        (Side::Server, long(65), StompError::TooLarge { what: "the number of headers", limit: MAX_HEADERS }),
        (
            Side::Server,
            "E".repeat(MAX_LINE_BYTES + 2),
            StompError::TooLarge { what: "a line's bytes", limit: MAX_LINE_BYTES },
        ),
    ] {
        assert_eq!(read(from, &text), Err(expected), "{text:.80?}");
    }
    assert_eq!(read(Side::Server, &long(64)).map(|read| read.len()), Ok(1));
    assert_eq!(
        read_cut(Side::Server, b"ERROR\nmessage:\xff\n\n\0", &[]),
        Err(malformed(Command::Error, "a header that is not UTF-8"))
    );
}

#[test]
fn a_body_without_an_announced_length_is_bounded_too() {
    let mut decoder = Decoder::new(Side::Server);
    decoder.read(&mut &b"ERROR\n\n"[..]).unwrap();
    let piece = vec![b'x'; MAX_BODY_BYTES / 2];
    assert_eq!(decoder.read(&mut piece.as_slice()), Ok(None));
    assert_eq!(decoder.read(&mut piece.as_slice()), Ok(None));
    assert!(matches!(decoder.read(&mut &b"x"[..]), Err(StompError::TooLarge { .. })));
}

#[test]
fn after_an_error_nothing_is_read_any_more() {
    let mut decoder = Decoder::new(Side::Server);
    let mut input = &b"NO\n\n\0RECEIPT\nreceipt-id:1\n\n\0"[..];
    assert_eq!(decoder.read(&mut input), Err(StompError::UnknownCommand(2)));
    assert_eq!(decoder.read(&mut input), Err(StompError::GivenUp));
    assert_eq!(decoder.read(&mut &b""[..]), Err(StompError::GivenUp));
}

#[test]
fn what_cannot_be_written() {
    let with = |name: &str, value: &str| frame(Command::Disconnect, &[(name, value)], "");
    let connect = |name: &str, value: &str| Frame::connect("h", HeartBeat::NONE).with(name, value);
    let mut body = frame(Command::Disconnect, &[], "x");
    let many = (0..MAX_HEADERS).fold(Frame::new(Command::Error), |frame, n| frame.with(&n.to_string(), ""));
    for unwritable in [
        with("", "x"),
        with("a\0", "x"),
        with("a", "\0"),
        with("a", &":".repeat(MAX_LINE_BYTES / 2)),
        connect("a:b", "x"),
        connect("a", "x\n"),
        connect("a", "x\r"),
        Frame::new(Command::Connect),
        body.clone(),
        many,
    ] {
        let error = unwritable.to_bytes().unwrap_err();
        assert!(matches!(error, StompError::Unwritable { .. }), "{error}");
    }
    body.command = Command::Error;
    body.body = vec![0xff];
    assert!(body.to_bytes().is_ok());
    assert!(body.to_text().is_err(), "no text message holds what is not UTF-8");
    body.body = vec![0; MAX_BODY_BYTES + 1];
    assert!(body.to_bytes().is_err());
}

/// The specification's table: 0 on either side means never, otherwise the slower of the two.
#[test]
fn heart_beats_are_agreed_on() {
    use std::time::Duration;
    let beat = |sends_every_ms, wants_every_ms| HeartBeat { sends_every_ms, wants_every_ms };
    let ms = |ms| Some(Duration::from_millis(ms));
    for (ours, theirs, send, expect) in [
        (beat(0, 0), beat(0, 0), None, None),
        (beat(4000, 4000), beat(0, 0), None, None),
        (beat(4000, 5000), beat(3000, 6000), ms(6000), ms(5000)),
        (beat(4000, 0), beat(3000, 1000), ms(4000), None),
        (beat(0, 4000), beat(9000, 1000), None, ms(9000)),
    ] {
        assert_eq!((ours.send_every(theirs), ours.expect_every(theirs)), (send, expect));
        assert_eq!((theirs.expect_every(ours), theirs.send_every(ours)), (send, expect), "seen from there");
    }
    for text in ["", ",", "1", "1,", ",1", "-1,1", "+1,1", "1,2,3", "1, 2", "4294967296,0"] {
        assert_eq!(HeartBeat::parse(text), Err(StompError::HeartBeat), "{text:?}");
    }
    assert_eq!(HeartBeat::parse("4000,0"), Ok(beat(4000, 0)));
    assert_eq!(Frame::connect("h", beat(1, 2)).heart_beat(), Ok(beat(1, 2)));
    assert_eq!(Frame::new(Command::Connected).heart_beat(), Ok(HeartBeat::NONE));
}

#[test]
fn no_error_repeats_what_was_sent() {
    for text in ["SECRET-NAME\n\n\0", "ERROR\nsecret\n\n\0", "ERROR\nmessage:secret\\x\n\n\0"] {
        let error = read(Side::Server, text).unwrap_err();
        assert!(!format!("{error} {error:?}").to_lowercase().contains("secret"), "{error}");
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    // Names and values of all that needs an escape, and Korean.
    let text = || "[a-c:\\\\\r\n 가-힣]{0,8}";
    let name = "[a-c:\\\\\r\n가-힣]{1,6}";
    let headers = prop::collection::vec((name, text()), 0..6);
    let body = prop::collection::vec(any::<u8>(), 0..40);
    (prop::sample::select(&Command::ALL[..]), headers, body).prop_map(|(command, mut headers, body)| {
        if !command.is_escaped() {
            headers.retain(|(name, value)| !format!("{name}{value}").contains([':', '\r', '\n']));
        }
        for required in command.required() {
            headers.push(((*required).to_owned(), "x".to_owned()));
        }
        Frame { command, headers, body: if command.has_body() { body } else { Vec::new() } }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(
        frames in prop::collection::vec(any_frame(), 1..4),
        cuts in prop::collection::vec(0usize..20, 0..30),
    ) {
        for from in [Side::Client, Side::Server] {
            let sent: Vec<&Frame> = frames.iter().filter(|frame| frame.command.sender() == from).collect();
            let mut bytes = Vec::new();
            for frame in &sent {
                bytes.extend(frame.to_bytes().unwrap());
                bytes.push(b'\n');
            }
            let read = read_cut(from, &bytes, &cuts).unwrap();
            let expected: Vec<Incoming> =
                sent.into_iter().flat_map(|frame| [Incoming::Frame(frame.clone()), Incoming::HeartBeat]).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn the_cuts_make_no_difference(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "(ERROR|RECEIPT|SEND|\r|\n|\0|[a-z]{1,3}:|\\\\|receipt-id:1\n|content-length:[0-9]{1,2}\n){0,12}"
                .prop_map(String::into_bytes),
        ],
        cuts in prop::collection::vec(0usize..10, 0..20),
    ) {
        for from in [Side::Client, Side::Server] {
            let read = read_cut(from, &bytes, &[]);
            prop_assert_eq!(&read, &read_cut(from, &bytes, &cuts));
            // And whatever could be read can be written, and read again.
            for incoming in read.into_iter().flatten() {
                let Incoming::Frame(frame) = incoming else { continue };
                let again = frame.to_bytes().unwrap();
                prop_assert_eq!(read_cut(from, &again, &[]).unwrap(), vec![Incoming::Frame(frame)]);
            }
        }
    }
}
