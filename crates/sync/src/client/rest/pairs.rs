//! Pairs of tokens: how they are asked for, renewed and refused.

use super::{Purpose, Rest, RestEvent};
use crate::client::auth::{Access, Auth};
use crate::client::calls::{self, Call, CallFailure};
use crate::io::{HttpFailure, HttpResponse, Now, RequestId};
use gwanje_wire::rest::LoginReply;
use gwanje_wire::{ErrorCode, Problem};
use rand_chacha::ChaCha8Rng;

impl Rest {
    pub(super) fn login_answered(
        &mut self,
        id: RequestId,
        call: Call,
        result: Result<HttpResponse, HttpFailure>,
        now: Now,
    ) {
        let Auth::SigningIn { request, servers_left } = self.auth else { return };
        if request != id {
            return;
        }
        let problem = match calls::read::<LoginReply>(result).map_err(CallFailure::decided) {
            Ok(reply) => return self.signed_in(reply, now),
            Err(Ok(problem)) => problem,
            Err(Err(_)) if servers_left > 0 => {
                let request = self.send_bare(Purpose::Login, call);
                self.auth = Auth::SigningIn { request, servers_left: servers_left - 1 };
                return;
            }
            Err(Err(CallFailure::Problem { problem, .. })) => problem,
            Err(Err(failure)) => Problem::new(ErrorCode::Unavailable, failure.reason().as_ref()),
        };
        self.auth = Auth::SignedOut;
        self.events.push_back(RestEvent::SignInFailed(problem));
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
                let pause = self.renew_pause.next_ms(rng).max(failure.retry_after_ms().unwrap_or(0));
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
