//! Ticket, socket, silence, reconnect.

use super::*;
use crate::io::State;

#[test]
fn a_socket_is_opened_with_a_ticket_and_joins_the_center() {
    let mut script = Script::new(&["https://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (id, _) = script.request("/socket-tickets");
    script.answer(id, 200, &json!({ "ticket": "T", "expiresAt": 0 }));
    let (socket, url) = script.opened().unwrap();
    assert_eq!(url, "wss://h/socket.io/?EIO=4&transport=websocket");
    script.put(Input::Socket(socket, SocketEvent::Opened));
    script.text(socket, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
    assert_eq!(script.sent(socket), [r#"40/center/a,{"ticket":"T","seat":"seat-1"}"#]);
    script.text(socket, "2");
    assert_eq!(script.sent(socket), ["3"]);
}

#[test]
fn sockets_go_where_the_sign_in_says() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    let (id, _) = script.request("/login");
    let mut reply = script.pair("A1", "R1");
    reply["socketUrls"] = json!(["http://s1:1/", "http://s2:2"]);
    script.answer(id, 200, &reply);
    for url in ["ws://s1:1/", "ws://s2:2/", "ws://s1:1/"] {
        let (id, _) = script.request("http://h/api/v1/socket-tickets");
        script.answer(id, 200, &json!({ "ticket": "T", "expiresAt": 0 }));
        let (socket, opened) = script.opened().unwrap();
        assert!(opened.starts_with(url), "{opened} is not at {url}");
        script.put(Input::Socket(socket, SocketEvent::Closed("refused".to_owned())));
        script.pass(30_000);
    }
}

#[test]
fn a_silent_socket_is_given_up_after_ping_interval_and_timeout() {
    let (mut script, socket) = Script::joined();
    for _ in 0..5 {
        script.pass(4_000);
        script.text(socket, "2");
    }
    assert!(!script.saw(|action| matches!(action, Action::CloseSocket(_))));
    script.pass(6_999);
    assert!(!script.saw(|action| matches!(action, Action::CloseSocket(_))));
    script.pass(1);
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
    script.pass(1_500);
    script.request("/socket-tickets");
}

#[test]
fn a_long_sleep_is_a_silence() {
    let (mut script, socket) = Script::joined();
    script.now.mono = script.now.mono.plus_ms(8 * 3_600_000);
    script.put(Input::Tick);
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
}

#[test]
fn pauses_between_attempts_grow_to_thirty_seconds_and_differ() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let mut pauses = Vec::new();
    for _ in 0..40 {
        let (id, _) = script.request("/socket-tickets");
        script.fail(id);
        let begin = script.now.mono;
        while !script.saw(|a| matches!(a, Action::Http(_, r) if r.url.ends_with("/socket-tickets"))) {
            assert!(script.now.mono.since(begin) <= 30_000, "the pause is beyond its cap");
            let deadline = script.client.deadline().unwrap();
            script.pass(deadline.since(script.now.mono).max(1));
        }
        pauses.push(script.now.mono.since(begin));
    }
    assert!(pauses[0] >= 500 && pauses[0] <= 1_500, "{pauses:?}");
    assert!(pauses.iter().any(|ms| *ms > 15_000), "{pauses:?}");
}

#[test]
fn retry_after_is_obeyed() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (id, _) = script.request("/socket-tickets");
    let busy = HttpResponse { retry_after_s: Some(20), ..response(429, problem("too-many-requests")) };
    script.put(Input::Http(id, Ok(busy)));
    script.pass(19_999);
    assert!(script.maybe_request("/socket-tickets").is_none());
    script.pass(1_501);
    script.request("/socket-tickets");
}

#[test]
fn the_last_words_of_an_old_socket_are_ignored() {
    let (mut script, old) = Script::joined();
    script.put(Input::Socket(old, SocketEvent::Closed("cut".to_owned())));
    script.pass(1_500);
    let new = script.open_socket();
    assert_ne!(old, new);
    script.log.clear();
    let before = script.client.stats();
    script.text(old, r#"42/center/a,["deliveries",{"nonsense":true}]"#);
    script.text(old, "1");
    script.put(Input::Socket(old, SocketEvent::Unreadable));
    script.put(Input::Socket(old, SocketEvent::Closed("late".to_owned())));
    assert_eq!(script.client.stats(), before);
    assert!(script.log.is_empty(), "{:#?}", script.log);
    script.text(new, "2");
    assert_eq!(script.sent(new), ["3"], "the new one lives");
}

#[test]
fn a_drain_moves_on_within_its_window() {
    let (mut script, socket) = Script::joined();
    script.text(socket, r#"42/center/a,["drain",{"withinMs":3000}]"#);
    script.text(socket, r#"42/center/a,["drain",{"withinMs":3000}]"#);
    script.pass(3_000);
    assert!(!script.saw(|action| matches!(action, Action::CloseSocket(_))), "it serves until another does");
    let next = script.open_socket();
    assert_ne!(socket, next);
    assert_eq!(script.count(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)), 1);
    assert_eq!(script.count(|action| matches!(action, Action::CloseSocket(_))), 1);
    let states = script.log.iter().filter(|action| matches!(action, Action::State(_, State::Polling { .. })));
    assert_eq!(states.count(), 0, "nobody was told of a loss");
}

#[test]
fn a_refused_ticket_brings_a_new_one_and_then_a_new_token() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    for attempt in 0..2 {
        let socket = script.ticketed();
        script.put(Input::Socket(socket, SocketEvent::Opened));
        script.text(socket, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
        assert!(script.maybe_request("/login/refresh").is_none(), "at attempt {attempt}");
        script.text(socket, r#"44/center/a,{"code":"unauthorized"}"#);
        assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
        if attempt == 0 {
            script.pass(5_000);
        }
    }
    script.accept_sign_in("/login/refresh", "A2", "R2");
    script.pass(10_000);
    let (_, request) = script.request("/socket-tickets");
    assert_eq!(header(&request, "authorization"), Some("Bearer A2"));
}

#[test]
fn handshakes_and_joins_that_are_not_answered_end_the_attempt() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let mute = script.ticketed();
    script.put(Input::Socket(mute, SocketEvent::Opened));
    script.pass(10_000);
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == mute)));
    script.pass(5_000);
    let deaf = script.ticketed();
    script.put(Input::Socket(deaf, SocketEvent::Opened));
    script.text(deaf, r#"0{"sid":"e","pingInterval":4000,"pingTimeout":3000}"#);
    script.pass(4_000);
    script.text(deaf, "2");
    script.pass(1_000);
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == deaf)));
}

#[test]
fn garbage_is_counted_and_ends_nothing() {
    let (mut script, socket) = Script::joined();
    for text in ["", "x", "4", "42", "42/center/a,[]", r#"42/center/a,["head",{}]"#, "451-[]", "49"] {
        script.text(socket, text);
    }
    script.put(Input::Socket(socket, SocketEvent::Unreadable));
    script.text(socket, r#"42/center/a,["weather",{"rain":true}]"#);
    assert_eq!(script.client.stats().unknown_events, 1);
    assert!(script.saw(
        |a| matches!(a, Action::Notice(_, name, data) if name == "weather" && data == r#"{"rain":true}"#)
    ));
    script.text(socket, "2");
    assert!(script.sent(socket).contains(&"3".to_owned()));
}

#[test]
fn a_minute_of_life_makes_the_next_pause_short_again() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    for _ in 0..12 {
        let (id, _) = script.request("/socket-tickets");
        script.fail(id);
        script.pass(30_000);
    }
    let socket = script.open_socket();
    script.pass_live(socket, 61_000);
    script.put(Input::Socket(socket, SocketEvent::Closed("cut".to_owned())));
    script.pass(1_500);
    script.request("/socket-tickets");
}
