//! What comes on the socket: the handshake, joins and their refusals, acks, events.

use super::connection::Wants;
use super::{Fault, Link, LinkAction, Phase};
use crate::client::news::{News, read_news, read_refusal};
use crate::io::Mono;
use gwanje_model::CenterId;
use gwanje_wire::ErrorCode;
use gwanje_wire::sio::Received;
use gwanje_wire::socket::{ConnectAuth, Drain, SubscribeAck, center_namespace};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

impl Link {
    pub(super) fn text(&mut self, text: &str, now: Mono, rng: &mut ChaCha8Rng) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        let socket = connection.socket;
        self.out.push_back(LinkAction::Packet(u64::try_from(text.len()).unwrap_or(u64::MAX)));
        let received = match connection.talk.receive(text) {
            Ok(received) => received,
            Err(_) => {
                self.out.push_back(LinkAction::Malformed);
                return;
            }
        };
        match received {
            Received::Opened(_) => {
                connection.opened();
                self.join_wanted(now);
            }
            Received::Reply(reply) => self.out.push_back(LinkAction::Send(socket, reply)),
            Received::Joined(namespace) => {
                let center = center_of(namespace);
                self.joined(center, now);
            }
            Received::Refused(namespace, data) => {
                let (center, code) = (center_of(namespace), read_refusal(data));
                self.namespace_refused(center, code, now, rng);
            }
            Received::Left(_) => self.fail("the hub closed a namespace", Fault::Other, None, now, rng),
            Received::Acked(namespace, wants, data) => {
                let center = center_of(namespace);
                match (serde_json::from_str::<SubscribeAck>(data.get()), wants) {
                    (Ok(ack), Wants::Rooms) => self.acked(center, ack, now, rng),
                    (Ok(ack), Wants::Head) => {
                        self.out.push_back(LinkAction::Subscribed(center, Box::new(ack)));
                    }
                    (Err(_), Wants::Head) => self.out.push_back(LinkAction::News(center, News::Malformed)),
                    (Err(_), Wants::Rooms) => {
                        self.out.push_back(LinkAction::News(center, News::Malformed));
                        self.fail("the answer to subscribe can't be read", Fault::Other, None, now, rng);
                    }
                }
            }
            Received::Event { namespace, name, data, .. } => match read_news(&name, data) {
                News::Drain(Drain { within_ms }, further) => {
                    // A drain has no say in where to go.
                    self.foreign += further;
                    // Each namespace may say so; the first one counts.
                    if connection.drain_at.is_none() {
                        connection.drain_at = Some(now.plus_ms(rng.random_range(0..=within_ms)));
                    }
                }
                news @ (News::Frame(_)
                | News::Head(_)
                | News::Alarm(_)
                | News::Riders(..)
                | News::NotFollowed
                | News::Notice(..)
                | News::Malformed
                | News::UnreadableAlarm
                | News::Unreadable) => self.out.push_back(LinkAction::News(center_of(namespace), news)),
            },
            Received::Closed => {
                let fault = if connection.serves() { Fault::Other } else { Fault::Endpoint };
                self.fail("the hub closed the connection", fault, None, now, rng);
            }
            Received::Nothing => {}
        }
    }

    fn joined(&mut self, center: CenterId, now: Mono) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        if !connection.serves() {
            let base = connection.base.clone();
            if self.endpoints.current() != base {
                self.endpoints.go_to(&base, now);
            }
            self.endpoints.worked(&base);
        }
        connection.joined(now);
        self.settle_joins();
        self.down = None;
        self.tickets_refused = 0;
        self.out.push_back(LinkAction::Joined(center));
    }

    fn acked(&mut self, center: CenterId, ack: SubscribeAck, now: Mono, rng: &mut ChaCha8Rng) {
        match ack.code.filter(|_| !ack.ok) {
            Some(code @ (ErrorCode::NotFound | ErrorCode::Forbidden | ErrorCode::Unauthorized)) => {
                self.namespace_refused(center, code, now, rng);
            }
            // Refused for now: the session subscribes again by itself.
            Some(_) => self.out.push_back(LinkAction::Subscribed(center, Box::new(ack))),
            None => {
                if ack.ok {
                    self.subscribed_on_new(&center);
                }
                self.out.push_back(LinkAction::Subscribed(center, Box::new(ack)));
            }
        }
    }

    fn namespace_refused(&mut self, center: CenterId, code: ErrorCode, now: Mono, rng: &mut ChaCha8Rng) {
        match code {
            ErrorCode::NotFound | ErrorCode::Forbidden => {
                self.unwant(&center);
                self.out.push_back(LinkAction::Refused(center, code));
            }
            ErrorCode::Unauthorized => {
                self.tickets_refused += 1;
                if self.tickets_refused >= 2 {
                    self.tickets_refused = 0;
                    self.out.push_back(LinkAction::RenewToken);
                }
                self.fail("the ticket was refused", Fault::Other, None, now, rng);
            }
            ErrorCode::Invalid
            | ErrorCode::InvalidTransition
            | ErrorCode::Conflict
            | ErrorCode::Void
            | ErrorCode::Resync
            | ErrorCode::TooManyRequests
            | ErrorCode::Unavailable
            | ErrorCode::Other => {
                self.fail(&format!("the hub refused the join: {code}"), Fault::Other, None, now, rng);
            }
        }
    }

    /// A refused center must not leave the others' joins under its deadline.
    pub(super) fn settle_joins(&mut self) {
        if let Phase::Connected(connection) = &mut self.phase
            && self.wanted.iter().all(|center| connection.talk.is_joined(&center_namespace(center)))
        {
            connection.all_answered();
        }
        self.settle_move();
    }

    pub(super) fn join_wanted(&mut self, now: Mono) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        if connection.talk.handshake().is_none() {
            return;
        }
        let auth = ConnectAuth { ticket: connection.ticket.clone(), seat: Some(self.seat.clone()) };
        for center in &self.wanted {
            let namespace = center_namespace(center);
            if connection.talk.knows(&namespace) {
                continue;
            }
            match connection.talk.join(&namespace, &auth) {
                Ok(text) => {
                    connection.asked(now);
                    self.out.push_back(LinkAction::Send(connection.socket, text));
                }
                // This contract knows no center whose id can't be written in a namespace.
                Err(_) => self.out.push_back(LinkAction::Refused(center.clone(), ErrorCode::Invalid)),
            }
        }
    }
}

pub(super) fn center_of(namespace: &str) -> CenterId {
    namespace.strip_prefix("/center/").unwrap_or(namespace).into()
}
