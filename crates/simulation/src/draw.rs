//! Turns a seed into a plan: who sits where, what is done, and which faults are mixed in, by weight.

use crate::fault::Fault;
use crate::plan::{Break, Garble, Happening, Plan, Post, Spoilt, Step, Way, Work};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// One seed in this many has no fault, to see that nothing is repaired then.
const CALM_EVERY: u64 = 12;
/// Faults in a plan, at the least and at the most.
const FAULTS: (u32, u32) = (2, 7);
/// In one plan of this many something befalls several nodes on one store.
const SEVERAL_EVERY: u32 = 3;
/// Steps of work around each fault.
const WORK: (u32, u32) = (3, 12);

/// The plan of a seed.
#[must_use]
pub fn draw(seed: u64) -> Plan {
    let mut draw = Draw {
        rng: ChaCha8Rng::seed_from_u64(seed ^ 0x6777_616e_6a65),
        besides: ChaCha8Rng::seed_from_u64(seed ^ 0x6265_7369_6465),
        second_thoughts: ChaCha8Rng::seed_from_u64(seed ^ 0x7365_636f_6e64),
        several: ChaCha8Rng::seed_from_u64(seed ^ 0x7365_7665_7261),
        desks: Vec::new(),
        steps: Vec::new(),
    };
    draw.desks = (0..draw.between(1, 3)).map(|_| draw.desk()).collect();
    let centers = usize::from(draw.chance(40)) + 1;
    let nodes = usize::from(draw.chance(50)) + 1;
    let orders = u32::try_from(draw.between(3, 24)).unwrap_or(3);
    draw.work(2_500);
    if seed.is_multiple_of(CALM_EVERY) {
        for _ in 0..6 {
            draw.work(1_500);
        }
    } else {
        let count = draw.between(u64::from(FAULTS.0), u64::from(FAULTS.1));
        for _ in 0..count {
            draw.fault(seed);
            draw.work(700);
        }
    }
    let several = !seed.is_multiple_of(CALM_EVERY) && draw.several.random_ratio(1, SEVERAL_EVERY);
    let nodes = if several { 2 } else { nodes };
    if several {
        draw.several_nodes(seed);
    }
    Plan { seed, desks: draw.desks, centers, nodes, orders, steps: draw.steps }
}

struct Draw {
    rng: ChaCha8Rng,
    /// Draws what follows a fault now and then. It is a stream of its own, so that it changes nothing else in any plan.
    besides: ChaCha8Rng,
    /// Draws what people take back, and do to several deliveries at once. It is a stream of its own for the same reason.
    second_thoughts: ChaCha8Rng,
    /// Draws what befalls several nodes on one store. It is a stream of its own for the same reason.
    several: ChaCha8Rng,
    desks: Vec<Post>,
    steps: Vec<Step>,
}

impl Draw {
    fn between(&mut self, from: u64, to: u64) -> u64 {
        self.rng.random_range(from..=to)
    }

    fn some(&mut self, upto: usize) -> usize {
        self.rng.random_range(0..=upto)
    }

    fn count(&mut self, from: u64, to: u64) -> u32 {
        u32::try_from(self.between(from, to)).unwrap_or(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    fn desk(&mut self) -> Post {
        match self.between(0, 9) {
            0..5 => Post::Dispatcher,
            5..9 => Post::Supervisor,
            _ => Post::CallCenter,
        }
    }

    fn push(&mut self, after_ms: u64, what: Happening) {
        self.steps.push(Step { after_ms, what });
    }

    /// Adds a spell of work, with pauses up to `pause_ms`.
    fn work(&mut self, pause_ms: u64) {
        for _ in 0..self.between(u64::from(WORK.0), u64::from(WORK.1)) {
            let after_ms = self.between(5, pause_ms);
            let (pick, center, seat) = (self.between(0, 9_999), self.some(1), self.some(2));
            let mut what = match self.between(0, 99) {
                0..72 => Happening::Work { center, work: self.kind(), pick },
                72..86 => Happening::Click { seat, center, work: self.kind(), pick },
                86..93 => Happening::Acknowledge { seat, pick },
                _ => Happening::Look { seat, first: pick % 20, pick, hold: pick.is_multiple_of(7) },
            };
            let clicks = match &mut what {
                Happening::Click { seat, center, work, .. } => {
                    if *work == Work::Note && self.second_thoughts.random_ratio(1, 3) {
                        *work = Work::Batch;
                    }
                    Some((*seat, *center))
                }
                Happening::Work { .. }
                | Happening::Acknowledge { .. }
                | Happening::Look { .. }
                | Happening::Break(_) => None,
            };
            self.push(after_ms, what);
            if let Some((seat, center)) = clicks {
                self.taken_back(seat, center);
            }
        }
    }

    /// Now and then a person takes back what they have just done, mostly in time.
    fn taken_back(&mut self, seat: usize, center: usize) {
        let rng = &mut self.second_thoughts;
        let (is_taken_back, pick) = (rng.random_ratio(1, 3), rng.random_range(0..9_999));
        let after_ms = if rng.random_ratio(1, 9) { 15_000 } else { rng.random_range(20..400) };
        if is_taken_back {
            self.push(after_ms, Happening::Click { seat, center, work: Work::Undo, pick });
        }
    }

    fn kind(&mut self) -> Work {
        match self.between(0, 99) {
            0..18 => Work::Create,
            18..58 => Work::Advance,
            58..70 => Work::Cancel,
            70..90 => Work::Note,
            _ => Work::Archive,
        }
    }

    /// What somebody does to a delivery on the board.
    fn act(&mut self) -> Work {
        match self.kind() {
            Work::Create => Work::Advance,
            Work::Archive => Work::Note,
            act @ (Work::Advance | Work::Cancel | Work::Note | Work::Undo | Work::Batch) => act,
        }
    }

    /// This center, if somebody at this seat, or anybody, follows it; else the center that everybody follows.
    fn followed(&self, seat: Option<usize>, center: usize) -> usize {
        let sees_all = |desk: &Post| matches!(desk, Post::Supervisor | Post::CallCenter);
        let follows = match seat {
            Some(seat) => self.desks.get(seat % self.desks.len().max(1)).is_some_and(sees_all),
            None => self.desks.iter().any(sees_all),
        };
        if follows { center } else { 0 }
    }

    /// Adds one fault, with time for it to work.
    fn fault(&mut self, seed: u64) {
        // One fault in five is of the kind whose turn it is by the seed, so that every kind comes up.
        let alone = Fault::COUNT - Fault::OF_NODES.len();
        let turn = usize::try_from(seed).unwrap_or(0) % alone;
        let which = if self.chance(20) { turn } else { self.some(alone - 1) };
        let Some(fault) = Fault::ALL.get(which).copied() else { return };
        let broken = self.broken(fault);
        let after_ms = self.between(100, 3_000);
        #[expect(clippy::wildcard_enum_match_arm, reason = "a second is enough for all other faults")]
        let lasts = match &broken {
            Break::Asleep { for_ms } | Break::Nap { for_ms, .. } => *for_ms,
            Break::DropLast { .. } => 9_000,
            Break::HeadBack { .. } => 25_000,
            Break::UnderFloor { for_ms, .. } | Break::DeletedWhileAway { for_ms, .. } => *for_ms,
            Break::RowLost { .. } => 5_000,
            // Until the cache is audited.
            Break::ByteFlipped { .. } => 130_000,
            _ => 1_000,
        };
        let lasts = if self.chance(70) { lasts } else { lasts / 3 };
        self.busy_beside();
        if let Break::SignInRevoked { seat } = broken {
            self.taken_with_the_sign_in(after_ms, seat);
        } else if let Break::AnswerLost { seat, center, .. } = broken {
            self.push(after_ms, Happening::Break(broken));
            self.taken_after(seat, center);
        } else if let Break::Disk { seat, how: Spoilt::Busy, .. } = broken {
            self.push(after_ms, Happening::Break(broken));
            self.taken_while_busy(seat);
        } else {
            self.push(after_ms, Happening::Break(broken));
        }
        let (pick, center) = (self.between(0, 999), self.some(1));
        self.push(lasts, Happening::Work { center, work: Work::Note, pick });
    }

    /// Adds faults of several nodes, with work that shows them; the first is of the kind whose turn it is by the seed.
    fn several_nodes(&mut self, seed: u64) {
        for nth in 0..self.several.random_range(1..=4) {
            let all = Fault::OF_NODES.len();
            let turn = usize::try_from(seed).unwrap_or(0) % all;
            let which = if nth == 0 { turn } else { self.several.random_range(0..all) };
            let Some(fault) = Fault::OF_NODES.get(which).copied() else { return };
            let broken = self.of_nodes(fault);
            let after_ms = self.several.random_range(100..3_000);
            self.push(after_ms, Happening::Break(broken));
            for _ in 0..self.several.random_range(3..9) {
                let (after_ms, pick) =
                    (self.several.random_range(5..700), self.several.random_range(0..9_999_u64));
                let work = [Work::Note, Work::Advance, Work::Create, Work::Cancel];
                let work = work.get(usize::try_from(pick % 4).unwrap_or(0)).copied().unwrap_or(Work::Note);
                let what = if pick.is_multiple_of(3) {
                    Happening::Click { seat: self.several.random_range(0..3), center: 0, work, pick }
                } else {
                    Happening::Work { center: 0, work, pick }
                };
                self.push(after_ms, what);
            }
        }
    }

    fn of_nodes(&mut self, fault: Fault) -> Break {
        let rng = &mut self.several;
        let (seat, node, count) = (rng.random_range(0..3), rng.random_range(0..2), rng.random_range(1..5));
        let (pick, for_ms) = (rng.random_range(0..9_999), rng.random_range(3_000..15_000));
        let work = if rng.random() { Work::Note } else { Work::Advance };
        let center = 0;
        #[expect(clippy::wildcard_enum_match_arm, reason = "it is asked for faults of several nodes alone")]
        match fault {
            Fault::CommitUnknown => Break::CommitUnknown { seat, center, work, pick, made: rng.random() },
            Fault::Interleaved => Break::Interleaved { seat, center, work, pick, for_ms: for_ms / 20 },
            Fault::SignalsLost => Break::SignalsLost { node, center, count },
            Fault::SignalsDoubled => Break::SignalsDoubled { node, center, count },
            Fault::SignalsSwapped => Break::SignalsSwapped { node, center },
            Fault::NodeLags => {
                Break::NodeLags { node, center, late_ms: rng.random_range(200..3_500), for_ms }
            }
            Fault::SignalsCut => Break::SignalsCut { node, center, for_ms },
            _ => Break::StoreCut { node, center, for_ms },
        }
    }

    /// Now and then the seat that got no answer can't ask before its center is taken away: it signs out or is killed.
    fn taken_after(&mut self, seat: usize, center: usize) {
        let rng = &mut self.besides;
        let (follows, ends, killed) = (rng.random_ratio(1, 2), rng.random_range(60..600), rng.random());
        let (down_ms, taken) = (rng.random_range(500..3_000), rng.random_range(1..400));
        if !follows {
            return;
        }
        let end =
            if killed { Break::AppKilled { seat, center, down_ms } } else { Break::SignInRevoked { seat } };
        self.push(ends, Happening::Break(end));
        self.take(taken, seat, center);
    }

    /// Ends a sign-in. Now and then a command is on its way, and its center is taken away before the seat can ask what
    /// became of it.
    fn taken_with_the_sign_in(&mut self, after_ms: u64, seat: usize) {
        let revoked = Happening::Break(Break::SignInRevoked { seat });
        let rng = &mut self.besides;
        let (clicks, center, pick) =
            (rng.random_ratio(1, 2), rng.random_range(0..2), rng.random_range(0..9_999));
        let (soon, taken) = (rng.random_range(1..8), rng.random_range(1..400));
        if !clicks {
            return self.push(after_ms, revoked);
        }
        self.push(after_ms, Happening::Click { seat, center, work: Work::Note, pick });
        self.push(soon, revoked);
        self.take(taken, seat, center);
    }

    /// Now and then a disk takes no writes while something else breaks.
    fn busy_beside(&mut self) {
        let rng = &mut self.besides;
        let (is_busy, seat, taken) = (rng.random_ratio(1, 6), rng.random_range(0..3), rng.random_ratio(1, 4));
        let (after_ms, for_ms) = (rng.random_range(1..200), rng.random_range(500..6_000));
        if is_busy {
            self.push(after_ms, Happening::Break(Break::Disk { seat, how: Spoilt::Busy, for_ms }));
            if taken {
                self.taken_while_busy(seat);
            }
        }
    }

    /// Now and then takes a center away and gives it back with a new sign-in while the disk takes no writes. So its
    /// cache can't be wiped before the app is to read it again.
    fn taken_while_busy(&mut self, seat: usize) {
        let rng = &mut self.besides;
        let (taken, center) = (rng.random_ratio(1, 2), rng.random_range(0..2));
        let (soon, given_back, ends) =
            (rng.random_range(1..200), rng.random_range(50..300), rng.random_range(50..500));
        if taken {
            self.push(soon, Happening::Break(Break::CenterRevoked { seat, center, for_ms: given_back }));
            self.push(ends, Happening::Break(Break::SignInRevoked { seat }));
        }
    }

    fn take(&mut self, after_ms: u64, seat: usize, center: usize) {
        let for_ms = self.besides.random_range(5_000..40_000);
        self.push(after_ms, Happening::Break(Break::CenterRevoked { seat, center, for_ms }));
    }

    fn broken(&mut self, fault: Fault) -> Break {
        let (seat, center, node) = (self.some(2), self.some(1), self.some(1));
        let anywhere = self.followed(None, center);
        let center = self.followed(Some(seat), center);
        let pick = self.between(0, 9_999);
        let (short, long) = (self.between(500, 6_000), self.between(4_000, 20_000));
        match fault {
            Fault::DropEvent => Break::DropEvents { seat, count: self.count(1, 4) },
            Fault::DropLast => Break::DropLast { seat, center },
            Fault::Duplicate => Break::Duplicate { seat, count: self.count(1, 6) },
            Fault::Reorder => Break::Reorder { seat, count: self.count(1, 5), late_ms: long },
            Fault::ChangeDuringSnapshot => {
                Break::ChangeDuringSnapshot { seat, center, count: self.count(2, 8) }
            }
            Fault::SnapshotCut => {
                Break::SnapshotCut { seat, count: self.count(1, 3), broken: self.chance(50) }
            }
            Fault::DeletedWhileAway => {
                Break::DeletedWhileAway { seat, center, cancel: self.chance(60), for_ms: 1_500 + short }
            }
            Fault::NewEpoch => Break::NewEpoch { center: anywhere, kick: self.chance(50) },
            Fault::HeadBack => Break::HeadBack { center: anywhere, changes: self.count(2, 9) },
            Fault::HistoryLost => Break::HistoryLost { center: anywhere, changes: self.count(2, 9) },
            Fault::UnderFloor => Break::UnderFloor { seat, center, for_ms: 1_500 + short },
            Fault::StaleReplica => {
                Break::StaleReplica { seat, center, floor: self.chance(60), for_ms: short + 3_000 }
            }
            Fault::HalfOpen => {
                let ways = [Way::Up, Way::Down, Way::Both, Way::Forgotten];
                let way = ways.get(self.some(3)).copied().unwrap_or(Way::Both);
                Break::HalfOpen { seat, way, for_ms: long }
            }
            Fault::StopsReading => Break::StopsReading { seat, for_ms: long },
            Fault::FullBuffer => Break::FullBuffer { seat, center, for_ms: 2_000 + short },
            Fault::NoFanOut => Break::NoFanOut { node, for_ms: long * 2 },
            // A center that most follow: so some have been told and some have not.
            Fault::HubKilled => Break::HubKilled { node, center: 0, for_ms: short },
            Fault::TwoVersions => Break::TwoVersions { node, for_ms: long },
            Fault::SocketsFlap => {
                let flap_ms = [0, 700, 2_500].get(self.some(2)).copied().unwrap_or(0);
                Break::SocketsFlap { for_ms: long, flap_ms }
            }
            Fault::ColdStart => Break::ColdStart { seat, for_ms: short },
            Fault::ReconnectStorm => {
                Break::ReconnectStorm { status: if self.chance(50) { 503 } else { 429 }, for_ms: short }
            }
            Fault::AppKilled => Break::AppKilled { seat, center, down_ms: short / 2 },
            Fault::Disk => {
                let how = [Spoilt::Busy, Spoilt::Corrupt, Spoilt::CorruptAtRest];
                Break::Disk {
                    seat,
                    how: how.get(self.some(2)).copied().unwrap_or(Spoilt::Busy),
                    for_ms: short,
                }
            }
            Fault::Clock => match self.between(0, 3) {
                0 => Break::Asleep { for_ms: 8 * 3_600_000 },
                1 => Break::Nap { seat, for_ms: long * 2 },
                2 => Break::ClockJump { seat, by_ms: 3_600_000 },
                _ => Break::ClockJump { seat, by_ms: -3_600_000 },
            },
            Fault::Credentials => match self.between(0, 2) {
                0 => Break::TokenExpired { seat },
                1 => Break::CenterRevoked { seat, center, for_ms: long },
                _ => Break::SignInRevoked { seat },
            },
            Fault::AnswerLost => Break::AnswerLost { seat, center, work: self.kind(), pick },
            Fault::RemoteEdit => {
                Break::RemoteEdit { seat, center, work: self.act(), pick, lead_ms: self.between(0, 60) }
            }
            Fault::Garbled => {
                let how = [Garble::Truncated, Garble::Nonsense, Garble::Oversized, Garble::Unknown];
                let how = how.get(self.some(3)).copied().unwrap_or(Garble::Truncated);
                Break::Garbled { seat, how, count: self.count(1, 3) }
            }
            Fault::Page if self.chance(50) => Break::PageReloaded { seat },
            Fault::Page => Break::PageLags { seat, for_ms: short },
            Fault::TwoSockets => Break::TwoSockets { seat, for_ms: short },
            Fault::Decay if self.chance(60) => Break::RowLost { seat, pick },
            Fault::Decay => Break::ByteFlipped { seat, pick },
            Fault::Flood => Break::Flood { center: anywhere, count: 200 },
            Fault::StoreRestarted => Break::StoreRestarted { for_ms: short },
            Fault::SwappedOrder => Break::SwappedOrder { node, center: anywhere },
            Fault::ChangePages => Break::ChangePages { seat, center, page: self.count(2, 5) },
            Fault::CommitUnknown
            | Fault::Interleaved
            | Fault::SignalsLost
            | Fault::SignalsDoubled
            | Fault::SignalsSwapped
            | Fault::NodeLags
            | Fault::SignalsCut
            | Fault::StoreCut => self.of_nodes(fault),
        }
    }
}
