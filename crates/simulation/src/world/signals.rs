//! How nodes learn of each other's commits: by signals, which may be lost, late, doubled or swapped, and every two seconds
//! by a look.

use super::nodes::Node;
use super::{Event, World};
use crate::fault::Fault;
use crate::hub::{HeardSignal, Signal};
use gwanje_model::{CenterId, Rev};

impl World {
    /// What was committed is told to the nodes.
    pub(super) fn signal_nodes(&mut self) {
        for signal in self.hub.take_signals() {
            for node in 0..self.nodes.len() {
                if node == signal.from {
                    self.wake_node(node, signal.center());
                } else {
                    self.signal_node(node, &signal);
                }
            }
        }
    }

    /// A signal is on its way to a node.
    fn signal_node(&mut self, node: usize, signal: &Signal) {
        let now = self.now;
        let is_cut = |node: Option<&Node>| node.is_some_and(|node| node.cut_signals_until > now);
        let cut = is_cut(self.nodes.get(signal.from)) || is_cut(self.nodes.get(node));
        let Some(here) = self.nodes.get_mut(node) else { return };
        let missed = if cut {
            Some(Fault::SignalsCut)
        } else if here.deaf_until > now {
            Some(Fault::NoFanOut)
        } else if here.loses > 0 {
            here.loses -= 1;
            Some(Fault::SignalsLost)
        } else {
            None
        };
        if missed.is_some() {
            here.emitters.entry(signal.center().clone()).or_default().missed = missed;
            return;
        }
        let late = (here.lags.0 > now).then_some(here.lags.1);
        let doubled = here.doubles > 0;
        here.doubles = here.doubles.saturating_sub(1);
        let again = || Box::new(signal.clone());
        if let Some(ms) = late {
            return self.after(ms, Event::Signalled { node, signal: again(), by: Fault::NodeLags });
        }
        if std::mem::take(&mut here.swaps_signals) {
            here.first = Some(again());
            // Its successor may never come.
            return self.after(1_000, Event::Signalled { node, signal: again(), by: Fault::SignalsLost });
        }
        let first = here.first.take_if(|first| first.center() == signal.center());
        if doubled {
            self.after(3, Event::Signalled { node, signal: again(), by: Fault::SignalsDoubled });
        }
        self.hear(node, signal);
        if let Some(first) = first {
            self.signalled(node, &first, Fault::SignalsSwapped);
        }
    }

    /// A signal that was late, doubled or held back reaches a node.
    pub(super) fn signalled(&mut self, node: usize, signal: &Signal, by: Fault) {
        // What was held back for a successor that did not come.
        if by == Fault::SignalsLost && self.nodes.get_mut(node).and_then(|node| node.first.take()).is_none() {
            return;
        }
        let is_followed = self.is_followed(node, signal.center());
        let heard = self.hear(node, signal);
        let counts = match heard {
            HeardSignal::Stale => matches!(by, Fault::SignalsDoubled | Fault::SignalsSwapped),
            HeardSignal::Joined | HeardSignal::Woke => by == Fault::NodeLags,
        };
        if counts && is_followed {
            self.inject(by);
        }
    }

    fn hear(&mut self, node: usize, signal: &Signal) -> HeardSignal {
        let heard = self.hub.hear(node, signal);
        if heard == HeardSignal::Woke {
            self.learns(node, signal.center());
        }
        if heard != HeardSignal::Stale {
            self.wake_node(node, signal.center());
        }
        heard
    }

    /// A node learns that it has missed something.
    fn learns(&mut self, node: usize, center: &CenterId) {
        let emitter = self.nodes.get_mut(node).and_then(|node| node.emitters.get_mut(center));
        let missed = emitter.and_then(|emitter| emitter.missed.take());
        if let Some(fault) = missed.filter(|_| self.is_followed(node, center)) {
            self.inject(fault);
        }
    }

    /// Whether somebody follows a center at a node and would hear of it.
    pub(super) fn is_followed(&self, node: usize, center: &CenterId) -> bool {
        self.followers(node, center).iter().any(|id| self.is_held(*id))
    }

    /// Every two seconds each node looks where each center stands.
    pub(super) fn nodes_look(&mut self) {
        for node in 0..self.nodes.len() {
            for center in self.centers.clone() {
                if self.reads_standing(node, &center) {
                    self.wake_node(node, &center);
                }
            }
        }
    }

    /// A node reads where a center stands. True: it did not know.
    pub(super) fn reads_standing(&mut self, node: usize, center: &CenterId) -> bool {
        let is_down = self.nodes.get(node).is_none_or(|node| node.down_until > self.now);
        if is_down || self.is_store_away(node) {
            return false;
        }
        self.hub.use_node(node);
        let is_news = self.hub.look(center);
        if is_news && self.known(node, center).0 > self.emitted(node, center) {
            self.learns(node, center);
        }
        is_news
    }

    /// The revision and the alarm up to which a node knows a center.
    pub(super) fn known(&mut self, node: usize, center: &CenterId) -> (Rev, u64) {
        self.hub.use_node(node);
        let known = self.hub.known(center);
        known.map_or((Rev::ZERO, 0), |standing| (standing.rev, standing.alarm_seq))
    }
}
