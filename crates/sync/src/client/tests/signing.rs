//! Sign-in, renewal and sign-out.

use super::*;
use crate::io::State;
use gwanje_wire::ErrorCode;

fn bearer(request: &HttpRequest) -> Option<&str> {
    header(request, "authorization")
}

#[test]
fn a_sign_in_asks_for_the_centers_and_a_ticket() {
    let mut script = Script::new(&["http://h/"], &[]);
    script.sign_in();
    let (id, login) = script.request("/login");
    assert_eq!(login.url, "http://h/api/v1/login");
    assert_eq!(login.body.as_deref(), Some(r#"{"account":"kim","password":"pw"}"#));
    assert_eq!(bearer(&login), None);
    let reply = script.pair("A1", "R1");
    script.answer(id, 200, &reply);
    assert!(script.saw(|action| matches!(action, Action::SignedIn(reply) if reply.refresh_token == "R1")));
    assert!(script.saw(|action| matches!(action, Action::Restore(center) if center.as_str() == "a")));
    let (_, centers) = script.request("/api/v1/centers");
    assert_eq!(bearer(&centers), Some("Bearer A1"));
    let (_, ticket) = script.request("/socket-tickets");
    assert_eq!(bearer(&ticket), Some("Bearer A1"));
    assert_eq!(script.client.access(), Some(("A1", "http://h")));
}

#[test]
fn a_refused_sign_in_says_why() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    let (id, _) = script.request("/login");
    script.answer(id, 401, &problem("unauthorized"));
    assert!(script.saw(|a| matches!(a, Action::SignInFailed(p) if p.code == ErrorCode::Unauthorized)));
    assert_eq!(script.client.access(), None);
    script.pass(60_000);
    assert!(!script.saw(|action| matches!(action, Action::Http(..))), "nothing is asked without credentials");
}

#[test]
fn every_server_is_tried_before_a_sign_in_fails() {
    let mut script = Script::new(&["http://h", "http://i"], &[]);
    script.sign_in();
    let (id, _) = script.request("http://h/api/v1/login");
    script.fail(id);
    let (id, _) = script.request("http://i/api/v1/login");
    script.fail(id);
    assert!(script.saw(|a| matches!(a, Action::SignInFailed(p) if p.code == ErrorCode::Unavailable)));
    assert!(script.maybe_request("/login").is_none());
}

#[test]
fn the_token_is_renewed_ahead_and_requests_wait_for_it() {
    let (mut script, socket) = Script::joined();
    script.pass_live(socket, 839_999);
    script.log.clear();
    script.pass_live(socket, 1);
    let (renewal, request) = script.request("/login/refresh");
    assert_eq!(request.body.as_deref(), Some(r#"{"refreshToken":"R1"}"#));
    script.put(Input::Socket(socket, SocketEvent::Closed("cut".to_owned())));
    script.pass(10_000);
    assert!(script.maybe_request("/login/refresh").is_none(), "one renewal in flight");
    assert!(!script.saw(|action| matches!(action, Action::Http(..))), "requests wait");
    let reply = script.pair("A2", "R2");
    script.answer(renewal, 200, &reply);
    assert!(
        script.saw(|a| matches!(a, Action::SignedIn(reply) if reply.refresh_token == "R2")),
        "to be kept"
    );
    assert_eq!(script.client.access(), Some(("A2", "http://h")));
    script.request("/socket-tickets");
}

#[test]
fn a_401_renews_once_and_asks_again() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (centers, _) = script.request("/api/v1/centers");
    let (ticket, _) = script.request("/socket-tickets");
    script.answer(centers, 401, &problem("unauthorized"));
    script.answer(ticket, 401, &problem("unauthorized"));
    let (renewal, _) = script.request("/login/refresh");
    assert!(script.maybe_request("/login/refresh").is_none(), "one renewal for both");
    let reply = script.pair("A2", "R2");
    script.answer(renewal, 200, &reply);
    let (centers, request) = script.request("/api/v1/centers");
    assert_eq!(bearer(&request), Some("Bearer A2"));
    let (_, request) = script.request("/socket-tickets");
    assert_eq!(bearer(&request), Some("Bearer A2"));
    script.answer(centers, 401, &problem("unauthorized"));
    assert!(script.maybe_request("/login/refresh").is_none(), "a fresh token that is refused is not renewed");
}

#[test]
fn a_401_on_an_old_token_takes_the_new_one() {
    let mut script = Script::new(&["http://h"], &[]);
    script.sign_in();
    script.accept_sign_in("/login", "A1", "R1");
    let (centers, _) = script.request("/api/v1/centers");
    let (ticket, _) = script.request("/socket-tickets");
    script.answer(centers, 401, &problem("unauthorized"));
    script.accept_sign_in("/login/refresh", "A2", "R2");
    script.answer(ticket, 401, &problem("unauthorized"));
    assert!(script.maybe_request("/login/refresh").is_none());
    let (_, request) = script.request("/socket-tickets");
    assert_eq!(bearer(&request), Some("Bearer A2"));
}

#[test]
fn a_lost_renewal_is_sent_again_with_the_same_token() {
    let mut script = Script::new(&["http://h"], &[]);
    script.put(Input::Resume { refresh_token: "R1".to_owned(), centers: vec!["a".into()] });
    assert!(script.saw(|action| matches!(action, Action::Restore(center) if center.as_str() == "a")));
    for _ in 0..5 {
        let (id, request) = script.request("/login/refresh");
        assert_eq!(request.body.as_deref(), Some(r#"{"refreshToken":"R1"}"#));
        script.put(Input::Http(id, Err(HttpFailure::TimedOut)));
        script.pass(5_000);
    }
    assert!(!script.saw(|action| matches!(action, Action::SignedOut(_) | Action::Wipe(_))));
    script.accept_sign_in("/login/refresh", "A1", "R2");
    script.request("/socket-tickets");
}

#[test]
fn a_refused_renewal_signs_out_and_keeps_the_cache() {
    let (mut script, socket) = Script::joined();
    script.pass(840_000);
    let (renewal, _) = script.request("/login/refresh");
    script.answer(renewal, 401, &problem("unauthorized"));
    assert!(script.saw(|a| matches!(a, Action::SignedOut(Some(p)) if p.code == ErrorCode::Unauthorized)));
    assert!(!script.saw(|action| matches!(action, Action::Wipe(_))));
    let closed = script.count(|action| matches!(action, Action::CloseSocket(_)));
    assert!(closed >= 1, "{socket:?} stays open");
    script.log.clear();
    script.pass(600_000);
    assert!(!script.saw(|action| matches!(action, Action::Http(..) | Action::OpenSocket(..))));
}

/// Whoever may not come in any more has nothing left at the desk; a sign-in that ended alone keeps the cache.
#[test]
fn an_account_that_is_disabled_or_gone_leaves_nothing() {
    let (mut script, socket) = Script::joined();
    script.put(Input::Socket(socket, SocketEvent::Closed("revoked".to_owned())));
    script.pass(1_500);
    let (ticket, _) = script.request("/socket-tickets");
    script.answer(ticket, 401, &problem("unauthorized"));
    let (renewal, _) = script.request("/login/refresh");
    let mut gone = problem("unauthorized");
    gone["accountGone"] = json!(true);
    script.answer(renewal, 401, &gone);
    let at = |wanted: fn(&Action) -> bool| script.log.iter().position(wanted).unwrap();
    assert!(at(|a| matches!(a, Action::Wipe(_))) < at(|a| matches!(a, Action::SignedOut(Some(_)))));
    assert!(script.client.session(&"a".into()).is_none());
    script.log.clear();
    script.pass(600_000);
    assert!(!script.saw(|action| matches!(action, Action::Http(..) | Action::OpenSocket(..))));
}

/// Other centers are told with the next pair of tokens: what was taken away goes then.
#[test]
fn a_center_that_a_renewal_does_not_name_is_asked_about_and_goes() {
    let (mut script, _) = Script::joined();
    let (list, _) = script.request("/api/v1/centers");
    script.answer(list, 200, &json!([center("a"), center("b")]));
    script.pass(840_000);
    while let Some((list, _)) = script.maybe_request("/api/v1/centers") {
        script.answer(list, 200, &json!([center("a"), center("b")]));
    }
    // It names `a` alone.
    script.accept_sign_in("/login/refresh", "A2", "R2");
    let (list, _) = script.request("/api/v1/centers");
    script.answer(list, 200, &json!([center("a")]));
    assert!(script.saw(|action| matches!(action, Action::Wipe(center) if center.as_str() == "b")));
    assert!(!script.saw(|action| matches!(action, Action::Wipe(center) if center.as_str() == "a")));
}

#[test]
fn a_stray_page_signs_nobody_out() {
    let (mut script, _) = Script::joined();
    script.pass(840_000);
    let (renewal, _) = script.request("/login/refresh");
    let page = response(403, "<html>please sign in to the wireless network</html>");
    script.put(Input::Http(renewal, Ok(page)));
    assert!(!script.saw(|action| matches!(action, Action::SignedOut(_))));
    script.pass(5_000);
    script.request("/login/refresh");
}

#[test]
fn a_person_who_signs_out_leaves_nothing() {
    let (mut script, socket) = Script::joined();
    script.put(Input::SignOut);
    script.request("/logout");
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
    let at = |wanted: fn(&Action) -> bool| script.log.iter().position(wanted).unwrap();
    assert!(at(|a| matches!(a, Action::Wipe(_))) < at(|a| matches!(a, Action::SignedOut(None))));
    assert!(script.client.session(&"a".into()).is_none());
    script.log.clear();
    script.pass(600_000);
    assert!(!script.saw(|action| matches!(action, Action::Http(..) | Action::OpenSocket(..))));
}

#[test]
fn a_cold_start_without_a_server_goes_offline_and_comes_back() {
    let mut script = Script::new(&["http://h"], &[]);
    script.put(Input::Resume { refresh_token: "R1".to_owned(), centers: vec!["a".into()] });
    for _ in 0..3 {
        let (id, _) = script.request("/login/refresh");
        script.fail(id);
        script.pass(5_000);
    }
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::Offline { .. }), "{state:?}");
    script.accept_sign_in("/login/refresh", "A1", "R2");
    script.open_socket();
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::CatchingUp { .. }), "{state:?}");
}

#[test]
fn a_second_sign_in_replaces_the_first() {
    let (mut script, socket) = Script::joined();
    script.sign_in();
    assert!(script.saw(|action| matches!(action, Action::CloseSocket(closed) if *closed == socket)));
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::Refused { .. }), "{state:?}");
    script.accept_sign_in("/login", "A2", "R2");
    let next = script.open_socket();
    assert_ne!(next, socket);
    let state = script.client.session(&"a".into()).unwrap().state();
    assert!(matches!(state, State::CatchingUp { .. }), "{state:?}");
}
