//! Moving to another connection without a hole: the old one goes on until the new one has subscribed every center. So
//! for a moment one seat has two sockets (fault 29).
//!
//! That is sound: frames are ordered by revision, whichever socket brings them, and what both bring is a duplicate.
//! Once a center has joined on the new one, heads of the old one are dropped: dating a proof must not mix two hubs'
//! clocks.
//!
//! | why | the new one has subscribed all | the attempt fails | the old one ends |
//! | --- | --- | --- | --- |
//! | `Drained` | the old one is closed | another attempt after a pause; the old one goes on | the attempt goes on, told to be down |
//! | `Better` | the old one is closed; the endpoint is in use | stays with the old one; the endpoint is held off longer | the same |

use super::connection::Connection;
use super::{Link, LinkAction, Phase};
use crate::client::news::{News, read_news};
use crate::io::{Mono, SocketEvent};
use gwanje_model::CenterId;
use gwanje_wire::sio::Received;
use gwanje_wire::socket::{SubscribeAck, center_namespace};

/// Why another connection is made while this one serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The hub asked to leave.
    Drained,
    /// A preferred endpoint has recovered.
    Better,
}

/// The connection that serves meanwhile.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) connection: Box<Connection>,
    pub(super) why: Why,
}

impl Link {
    /// Begins to move when the hub has asked for it, or a preferred endpoint's moment has come.
    pub(super) fn move_due(&mut self, calm: bool, now: Mono) {
        let Phase::Connected(connection) = &self.phase else { return };
        if !connection.serves() {
            return;
        }
        if connection.drain_at.is_some_and(|at| at <= now) {
            // Elsewhere, if there is an elsewhere: not back here before this one has shown that it serves again.
            let base = connection.base.clone();
            self.endpoints.failed(&base, now);
            self.leave(Why::Drained, None, now);
        } else if self.old.is_none()
            && connection.drain_at.is_none()
            && let Some(url) = self.endpoints.returning(calm, now)
        {
            self.leave(Why::Better, Some(url), now);
        }
    }

    fn leave(&mut self, why: Why, to: Option<String>, now: Mono) {
        self.drop_old();
        match std::mem::replace(&mut self.phase, Phase::Off) {
            Phase::Connected(mut connection) => {
                connection.drain_at = None;
                self.old = Some(Old { connection, why });
                self.begin(to, now);
            }
            other @ (Phase::Off | Phase::Ticket { .. } | Phase::Waiting { .. }) => self.phase = other,
        }
    }

    /// The attempt failed. True: it was a move to a better endpoint, so everything stays as it was.
    pub(super) fn stay(&mut self, now: Mono) -> bool {
        let Some(old) = self.old.take_if(|old| old.why == Why::Better) else { return false };
        let to = match &self.phase {
            Phase::Ticket { to, .. } => to.clone(),
            Phase::Connected(connection) => Some(connection.base.clone()),
            Phase::Off | Phase::Waiting { .. } => None,
        };
        if let Some(to) = to {
            self.endpoints.failed(&to, now);
        }
        self.drop_attempt();
        self.phase = Phase::Connected(old.connection);
        true
    }

    /// The new connection has subscribed a center; when that was the last one, the old connection is closed.
    pub(super) fn subscribed_on_new(&mut self, center: &CenterId) {
        let Phase::Connected(connection) = &mut self.phase else { return };
        connection.subscribed.insert(center.clone());
        self.settle_move();
    }

    /// The move is over when the new connection has subscribed everything that is wanted.
    pub(super) fn settle_move(&mut self) {
        if let Phase::Connected(connection) = &self.phase
            && connection.serves()
            && self.wanted.iter().all(|center| connection.subscribed.contains(center))
        {
            self.drop_old();
        }
    }

    pub(super) fn drop_old(&mut self) {
        if let Some(old) = self.old.take() {
            self.out.push_back(LinkAction::Close(old.connection.socket));
        }
    }

    /// Something happened on the old socket.
    pub(super) fn old_socket(&mut self, event: SocketEvent, now: Mono) {
        let Some(old) = &mut self.old else { return };
        old.connection.heard = now;
        match event {
            SocketEvent::Opened => {}
            SocketEvent::Text(text) => {
                self.bytes += text.len() as u64;
                self.old_text(&text);
            }
            SocketEvent::Unreadable => {
                self.out.push_back(LinkAction::Packet(0));
                self.out.push_back(LinkAction::Malformed);
            }
            SocketEvent::TurnedAway { reason, .. } => self.old_lost(&reason),
            SocketEvent::Closed(why) => self.old_lost(&why),
        }
    }

    pub(super) fn old_due(&mut self, now: Mono) {
        let overdue = self.old.as_mut().and_then(|old| old.connection.overdue(now));
        if let Some((why, _)) = overdue {
            self.old_lost(why);
        }
    }

    fn old_text(&mut self, text: &str) {
        let Some(old) = &mut self.old else { return };
        self.out.push_back(LinkAction::Packet(u64::try_from(text.len()).unwrap_or(u64::MAX)));
        let new = match &self.phase {
            Phase::Connected(connection) => Some(&connection.talk),
            Phase::Off | Phase::Ticket { .. } | Phase::Waiting { .. } => None,
        };
        let has_moved = |center: &CenterId| new.is_some_and(|talk| talk.is_joined(&center_namespace(center)));
        match old.connection.talk.receive(text) {
            Err(_) => self.out.push_back(LinkAction::Malformed),
            Ok(Received::Reply(reply)) => {
                self.out.push_back(LinkAction::Send(old.connection.socket, reply));
            }
            Ok(Received::Event { namespace, name, data, .. }) => {
                let center = super::receive::center_of(namespace);
                match read_news(&name, data) {
                    News::Drain(..) => {}
                    News::Head(_) if has_moved(&center) => {}
                    news @ (News::Frame(_)
                    | News::Head(_)
                    | News::Alarm(_)
                    | News::Riders(..)
                    | News::NotFollowed
                    | News::Notice(..)
                    | News::Malformed
                    | News::UnreadableAlarm
                    | News::Unreadable) => self.out.push_back(LinkAction::News(center, news)),
                }
            }
            Ok(Received::Acked(namespace, _, data)) => {
                let center = super::receive::center_of(namespace);
                if !has_moved(&center)
                    && let Ok(ack) = serde_json::from_str::<SubscribeAck>(data.get())
                {
                    self.out.push_back(LinkAction::Subscribed(center, Box::new(ack)));
                }
            }
            Ok(Received::Joined(namespace)) => {
                let center = super::receive::center_of(namespace);
                if !has_moved(&center) {
                    self.out.push_back(LinkAction::Joined(center));
                }
            }
            Ok(Received::Left(_)) => self.old_lost("the hub closed a namespace"),
            Ok(Received::Closed) => self.old_lost("the hub closed the connection"),
            // The new connection hears of refusals itself.
            Ok(Received::Opened(_) | Received::Refused(..) | Received::Nothing) => {}
        }
    }

    /// The old connection ended before the new one had taken over.
    fn old_lost(&mut self, why: &str) {
        self.drop_old();
        match &self.phase {
            Phase::Connected(connection) if connection.serves() => {}
            Phase::Connected(_) | Phase::Ticket { .. } | Phase::Waiting { .. } | Phase::Off => {
                self.tell_down(why);
            }
        }
    }
}
