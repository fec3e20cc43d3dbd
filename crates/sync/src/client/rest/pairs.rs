//! Pairs of tokens: how they are asked for, renewed and refused.

use super::{Purpose, Rest, RestEvent};
use crate::client::auth::{Access, Auth};
use crate::client::calls::{self, Call, CallFailure};
use crate::io::{HttpFailure, HttpResponse, Now, RequestId};
use gwanje_wire::rest::LoginReply;
use gwanje_wire::{ErrorCode, Problem};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// A sign-in is asked again by itself when the server wants it within this many milliseconds, ...
const TURNED_AWAY_MS: u64 = 5_000;
/// ... this often at most: after half a minute a person wants to know.
const TURNED_AWAY_MAX: u32 = 6;
/// ... and at a random moment of this many milliseconds afterwards, so that seats that were turned away together do not
/// come back together.
const TURNED_AWAY_SPREAD_MS: u64 = 1_000;

impl Rest {
    pub(super) fn login_answered(
        &mut self,
        id: RequestId,
        call: Call,
        result: Result<HttpResponse, HttpFailure>,
        now: Now,
        rng: &mut ChaCha8Rng,
    ) {
        let Auth::SigningIn { request, servers_left, turned_away } = self.auth else { return };
        if request != id {
            return;
        }
        let problem = match calls::read::<LoginReply>(result).map_err(CallFailure::decided) {
            Ok(reply) => return self.signed_in(reply, now),
            Err(Ok(problem)) => problem,
            Err(Err(_)) if servers_left > 0 => {
                let request = self.send_bare(Purpose::Login, call);
                self.auth = Auth::SigningIn { request, servers_left: servers_left - 1, turned_away };
                return;
            }
            Err(Err(failure))
                if turned_away < TURNED_AWAY_MAX
                    && failure.retry_after_ms().is_some_and(|told| told <= TURNED_AWAY_MS) =>
            {
                let told = failure.retry_after_ms().unwrap_or(0);
                let until = now.mono.plus_ms(told).plus_ms(rng.random_range(0..=TURNED_AWAY_SPREAD_MS));
                self.auth = Auth::TurnedAway { until, call, times: turned_away + 1 };
                return;
            }
            Err(Err(CallFailure::Problem { problem, .. })) => problem,
            Err(Err(failure)) => Problem::new(ErrorCode::Unavailable, failure.reason().as_ref()),
        };
        self.auth = Auth::SignedOut;
        self.events.push_back(RestEvent::SignInFailed(problem));
    }

    /// Asks the server again that had no time.
    pub(super) fn sign_in_again(&mut self) {
        let Auth::TurnedAway { call, times, .. } = &self.auth else { return };
        let (call, turned_away) = (call.clone(), *times);
        let request = self.send_bare(Purpose::Login, call);
        let servers_left = self.servers.len().saturating_sub(1);
        self.auth = Auth::SigningIn { request, servers_left, turned_away };
    }

    pub(super) fn renew_answered(
        &mut self,
        id: RequestId,
        result: Result<HttpResponse, HttpFailure>,
        now: Now,
        rng: &mut ChaCha8Rng,
    ) {
        let Auth::Renewing { request, refresh_token } = &self.auth else { return };
        if *request != id {
            return;
        }
        match calls::read::<LoginReply>(result).map_err(CallFailure::decided) {
            Ok(reply) => self.signed_in(reply, now),
            Err(Ok(problem)) => {
                self.drop_all();
                self.auth = Auth::SignedOut;
                self.events.push_back(RestEvent::SignedOut(problem));
            }
            Err(Err(failure)) => {
                let pause = self.renew_pause.next_ms(rng);
                // Seats don't all come at the first moment they may.
                let pause = failure.retry_after_ms().unwrap_or(0).saturating_add(pause);
                let refresh_token = refresh_token.clone();
                self.auth = Auth::Waiting { until: now.mono.plus_ms(pause), refresh_token };
                let waiting = self.waiting.values().filter(|waiting| waiting.sent.is_none());
                let asking = waiting.filter_map(|waiting| waiting.purpose.fetches_for()).cloned().collect();
                self.events.push_back(RestEvent::Unreachable(failure.reason(), asking));
                self.fail_waiting(&failure.reason());
            }
        }
    }

    fn signed_in(&mut self, reply: LoginReply, now: Now) {
        let access = Access::new(&reply, now);
        let token = access.token.clone();
        self.auth = Auth::Held { access, refresh_token: reply.refresh_token.clone() };
        self.renew_pause.reset();
        let first = !std::mem::replace(&mut self.established, true);
        self.events.push_back(RestEvent::SignedIn(Box::new(reply), first));
        let held: Vec<RequestId> =
            self.waiting.iter().filter(|(_, w)| w.sent.is_none()).map(|(id, _)| *id).collect();
        for id in held {
            self.send(id, Some(token.clone()));
        }
    }

    pub(super) fn renew(&mut self, refresh_token: String) {
        let request = self.send_bare(Purpose::Renew, Call::refresh(&refresh_token));
        self.auth = Auth::Renewing { request, refresh_token };
    }
}
