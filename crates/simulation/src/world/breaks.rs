//! Faults begin, go on and end. What is only armed here counts as injected where it comes to pass.

use super::checks::Planted;
use super::steps::nth;
use super::{Event, World};
use crate::fault::Fault;
use crate::hub::Operation;
use crate::network::Stale;
use crate::plan::{Break, Spoilt, Way, Work};
use gwanje_model::{CenterId, DeliveryId};
use gwanje_sync::{Input, SocketEvent};

/// A silent cut is seen within so many milliseconds: a ping's interval and its time-out, and what rounding adds.
const SILENCE_MS: u64 = 7_050;

impl World {
    /// Begins a fault (`part` 0), or goes on with it.
    pub(super) fn break_on(&mut self, broken: Break, part: u32) {
        if self.ended && part == 0 {
            return;
        }
        let now = self.now;
        match broken {
            Break::DropEvents { seat, count } => self.line(seat, |line| line.drop_events = count),
            Break::DropLast { seat, center } => self.drop_last(seat, center),
            Break::Duplicate { seat, count } => self.line(seat, |line| line.duplicate = count),
            Break::Reorder { seat, count, late_ms } => self.line(seat, |line| line.late = (count, late_ms)),
            Break::ChangeDuringSnapshot { seat, count, .. } => {
                self.line(seat, |line| line.change_during = count);
                self.lose_cache(seat);
            }
            Break::SnapshotCut { seat, count, broken } => {
                self.line(seat, |line| line.cut_snapshot = (count, broken));
                self.lose_cache(seat);
            }
            Break::DeletedWhileAway { .. } | Break::UnderFloor { .. } | Break::ChangePages { .. } => {
                self.away(broken, part);
            }
            Break::NewEpoch { center, kick } => self.new_epoch(center, kick, part),
            Break::HeadBack { center, changes } => self.head_back(center, changes, part),
            Break::StaleReplica { seat, center, floor, for_ms } => {
                self.stale_replica(seat, center, floor, for_ms);
            }
            Break::HalfOpen { seat, way, for_ms } => self.half_open(seat, way, for_ms),
            Break::StopsReading { seat, for_ms } => {
                let seat = self.seat_index(seat);
                if self.is_running(seat) {
                    self.inject(Fault::StopsReading);
                    self.freeze(seat, for_ms);
                }
            }
            Break::FullBuffer { seat, center, for_ms } => {
                self.line(seat, |line| {
                    line.small_buffer_until = now + for_ms;
                    line.slow = (now + for_ms, 700);
                });
                let center = self.center(center);
                for nth in 0..12 {
                    let event = Event::Works { center: center.clone(), work: Work::Note, pick: nth };
                    self.after(300 + nth * 130, event);
                }
            }
            Break::NoFanOut { node, for_ms } => self.node(node, |node| node.deaf_until = now + for_ms),
            Break::HubKilled { node, center, for_ms } => {
                let center = self.center(center);
                let at = center.clone();
                self.node(node, |node| node.dies_at_frame = Some((at, for_ms)));
                self.work(&center, Work::Note, now);
            }
            Break::TwoVersions { node, for_ms } => {
                self.two_versions = true;
                self.node(node, |node| node.newer_until = now + for_ms);
            }
            Break::SocketsFlap { for_ms, flap_ms } => self.flap(for_ms, flap_ms, part),
            Break::ColdStart { seat, for_ms } => {
                let seat = self.seat_index(seat);
                self.inject(Fault::ColdStart);
                self.kill(seat);
                self.line(seat, |line| line.offline_until = now + for_ms);
                self.after(300, Event::Starts(seat));
            }
            Break::ReconnectStorm { status, for_ms } => {
                self.storm = (now + for_ms, status);
                self.cut_all("the node restarts");
            }
            Break::AppKilled { seat, center, down_ms } => {
                let seat = self.seat_index(seat);
                let life = self.seats.get(seat).map_or(0, |seat| seat.life);
                let center = self.center(center);
                self.work(&center, Work::Advance, now);
                self.after(1, Event::Kills { seat, life, down_ms });
            }
            Break::Disk { seat, how, for_ms } => self.spoil_disk(seat, how, for_ms),
            Break::Asleep { for_ms } => {
                self.inject(Fault::Clock);
                (0..self.seats.len()).for_each(|seat| self.freeze(seat, for_ms));
            }
            Break::Nap { seat, for_ms } => {
                let seat = self.seat_index(seat);
                self.inject(Fault::Clock);
                self.freeze(seat, for_ms);
            }
            Break::ClockJump { seat, by_ms } => {
                let seat = self.seat_index(seat);
                self.inject(Fault::Clock);
                if let Some(seat) = self.seats.get_mut(seat) {
                    seat.clock_ms += by_ms;
                }
            }
            Break::TokenExpired { seat } => self.expire_token(seat),
            Break::CenterRevoked { seat, center, for_ms } => self.revoke_center(seat, center, for_ms, part),
            Break::SignInRevoked { seat } => {
                let seat = self.seat_index(seat);
                let Some(account) = self.seats.get(seat).map(|seat| seat.account.clone()) else { return };
                self.inject(Fault::Credentials);
                self.operate(&Operation::Revoke(account.as_str().into()));
            }
            Break::AnswerLost { seat, center, work, pick } => {
                let seat = self.seat_index(seat);
                self.line(seat, |line| line.lose_answer = true);
                self.click(seat, center, work, pick);
            }
            Break::RemoteEdit { seat, center, work, pick, lead_ms } => {
                self.remote_edit(seat, center, work, pick, lead_ms);
            }
            Break::Garbled { seat, how, count } => self.line(seat, |line| line.garble = Some((how, count))),
            Break::PageReloaded { seat } => {
                let seat = self.seat_index(seat);
                let app = self.seats.get_mut(seat).and_then(|seat| seat.app.as_mut());
                if let Some(Err(error)) = app.map(|app| app.window.reload()) {
                    self.violate('1', error.to_string());
                }
                self.inject(Fault::Page);
                self.look_soon(seat);
            }
            Break::PageLags { seat, for_ms } => self.page_lags(seat, for_ms, part),
            Break::TwoSockets { seat, for_ms } => self.two_sockets(seat, for_ms),
            Break::RowLost { seat, pick } => self.lose_row(seat, pick),
            Break::ByteFlipped { seat, pick } => self.flip_byte(seat, pick),
            Break::Flood { center, count } => {
                let center = self.center(center);
                self.inject(Fault::Flood);
                for nth in 0..u64::from(count) {
                    let work = if nth % 9 == 0 { Work::Create } else { Work::Note };
                    self.after(nth * 20 / 4, Event::Works { center: center.clone(), work, pick: nth * 5 });
                }
            }
            Break::StoreRestarted { for_ms } => self.store_down_until = now + for_ms,
            Break::SwappedOrder { node, center } => {
                let center = self.center(center);
                let at = center.clone();
                self.node(node, |node| node.swaps = Some(at));
                for (ms, pick) in [(1, 0), (60, 1)] {
                    self.after(ms, Event::Works { center: center.clone(), work: Work::Note, pick });
                }
            }
        }
    }

    fn line(&mut self, seat: usize, set: impl FnOnce(&mut crate::network::Line)) {
        let (index, now) = (self.seat_index(seat), self.now);
        if let Some(seat) = self.seats.get_mut(index) {
            seat.line.disturbed_ms = now;
            set(&mut seat.line);
        }
    }

    fn node(&mut self, node: usize, set: impl FnOnce(&mut super::nodes::Node)) {
        let index = node % self.nodes.len().max(1);
        if let Some(node) = self.nodes.get_mut(index) {
            set(node);
        }
    }

    fn is_running(&self, seat: usize) -> bool {
        self.seats.get(seat).is_some_and(|seat| seat.app.is_some())
    }

    pub(super) fn freeze(&mut self, index: usize, for_ms: u64) {
        let until = self.now + for_ms;
        if let Some(seat) = self.seats.get_mut(index) {
            seat.line.disturbed_ms = until;
            seat.frozen_until = seat.frozen_until.max(until);
        }
        self.at_ms(until, Event::Thaws(index));
    }

    pub(super) fn operate(&mut self, operation: &Operation) {
        let at = self.at();
        self.hub.operate(operation, at);
        self.committed();
        self.put_out_revoked();
    }

    /// All connections of everybody are cut from the hub's side.
    pub(super) fn cut_all(&mut self, why: &str) {
        let open: Vec<u64> = self.conns.iter().filter(|(_, conn)| conn.hub_open).map(|(id, _)| *id).collect();
        open.into_iter().for_each(|id| self.close_from_hub(id, why));
    }

    fn drop_last(&mut self, seat: usize, center: usize) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        if !self.is_calm(index, &center) {
            return;
        }
        self.line(index, |line| line.drop_last = Some(center.clone()));
        self.work(&center, Work::Note, self.now);
        // Silence: nothing else shows what was lost.
        self.hushed.insert(center.clone(), self.now + 9_000);
        let rev = self.hub.board(&center).map_or(gwanje_model::Rev::ZERO, |board| board.rev);
        self.plant(Planted::lost_frame(index, center, rev, self.now));
    }

    /// The app is killed, its cache file removed; it starts anew and needs snapshots.
    fn lose_cache(&mut self, seat: usize) {
        let index = self.seat_index(seat);
        self.kill(index);
        self.forget_disk(index);
        if let Some(seat) = self.seats.get_mut(index) {
            // There may have been none yet.
            let _ = seat.disk.spoil_at_rest(true);
        }
        self.after(500, Event::Starts(index));
    }

    /// The disk is gone, and with it what only the disk knew: alarms of which the hub does not know that they were
    /// raised here may be raised again.
    fn forget_disk(&mut self, index: usize) {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        seat.told.forget_disk(now);
        for (center, key) in seat.told.raised.keys() {
            let entry = self.hub.board(center).and_then(|b| b.alarms.get(&(key.id, key.kind, key.raised_at)));
            if !entry.is_some_and(|entry| entry.receipts.iter().any(|receipt| receipt.seat == seat.name)) {
                seat.told.unwritten.insert((center.clone(), *key));
            }
        }
    }

    /// A seat is cut off while something happens that it could not know of.
    fn away(&mut self, broken: Break, part: u32) {
        let (seat, center, for_ms) = match &broken {
            Break::DeletedWhileAway { seat, center, for_ms, .. }
            | Break::UnderFloor { seat, center, for_ms } => (*seat, *center, *for_ms),
            Break::ChangePages { seat, center, .. } => (*seat, *center, 3_000),
            _ => return,
        };
        let (index, center) = (self.seat_index(seat), self.center(center));
        let now = self.now;
        if part == 0 {
            if !matches!(&broken, Break::ChangePages { page, .. } if page % 2 == 1) {
                self.go_offline(index, for_ms);
            }
            return self.after(800, Event::Then(Box::new(broken), 1));
        }
        if let Break::ChangePages { page, .. } = &broken {
            return self.change_pages(index, &center, *page);
        }
        let truth = self.truths.get_mut(&center);
        match broken {
            Break::DeletedWhileAway { cancel, .. } => {
                if let Some(truth) = truth {
                    truth.resyncs = true;
                }
                if cancel {
                    self.work(&center, Work::Cancel, now);
                }
                let gone = self.truths.get(&center).map_or(0, |truth| truth.gone.len());
                let day = self.at().day.plus_ms(1);
                self.operate(&Operation::Archive(center.clone(), day));
                if self.truths.get(&center).is_some_and(|truth| truth.gone.len() > gone) {
                    self.inject(Fault::DeletedWhileAway);
                }
                self.operate(&Operation::KeepTombstones(center, 0));
            }
            Break::UnderFloor { .. } => {
                if let Some(truth) = truth {
                    truth.resyncs = true;
                }
                self.work(&center, Work::Cancel, now);
                self.operate(&Operation::Archive(center.clone(), self.at().day.plus_ms(1)));
                self.operate(&Operation::KeepTombstones(center.clone(), 0));
                let cursor = self.seats.get(index).and_then(|seat| seat.app.as_ref()?.cursors.get(&center));
                let floor = self.hub.board(&center).map(|board| board.floor);
                if cursor.map(|cursor| cursor.rev) < floor {
                    self.inject(Fault::UnderFloor);
                }
                self.work(&center, Work::Note, now);
            }
            _ => {}
        }
    }

    /// What a seat lacks comes by small pages: after an absence, or after lost frames while heads still come.
    fn change_pages(&mut self, index: usize, center: &CenterId, page: u32) {
        let away = self.seats.get(index).is_some_and(|seat| seat.line.offline_until > self.now);
        if !away {
            self.line(index, |line| line.drop_events = 9);
        }
        for pick in 0..14 {
            if away {
                self.work(center, Work::Note, pick);
            } else {
                self.after(1 + pick * 25, Event::Works { center: center.clone(), work: Work::Note, pick });
            }
        }
        self.line(index, |line| line.pages = Some((page.max(2), 3)));
    }

    fn go_offline(&mut self, index: usize, for_ms: u64) {
        let until = self.now + for_ms;
        self.line(index, |line| line.offline_until = until);
        self.lose_sockets(index, "the network is down");
    }

    /// A seat's sockets fail at its own end.
    fn lose_sockets(&mut self, index: usize, why: &str) {
        let Some(seat) = self.seats.get(index) else { return };
        let Some(app) = seat.app.as_ref() else { return };
        let sockets: Vec<_> = app.sockets.iter().map(|(socket, conn)| (*socket, *conn)).collect();
        for (socket, conn) in sockets {
            let lives_on =
                seat_lives_on(self.seats.get(index).map_or(0, |seat| seat.line.old_sockets_until), self.now);
            if let Some(conn) = self.conns.get_mut(&conn) {
                conn.client_open = false;
            }
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.sockets.remove(&socket);
            }
            self.after(lives_on, Event::HungUp(conn));
            self.put(index, Input::Socket(socket, SocketEvent::Closed(why.to_owned())));
        }
    }

    fn new_epoch(&mut self, index: usize, kick: bool, part: u32) {
        let center = self.center(index);
        if part > 0 {
            // A replica still answers from the old one, and a seat has nobody else to ask.
            let seat = usize::try_from(self.epochs).unwrap_or(0) % self.seats.len().max(1);
            if let Some((center, hub)) = self.before_epoch.take() {
                let until = self.now + 5_000;
                self.line(seat, |line| line.stale = Some(Stale { until, center, hub }));
                self.lose_sockets(seat, "connection reset by peer");
            }
            return;
        }
        if self.frozen {
            return;
        }
        self.before_epoch = Some((center.clone(), Box::new(self.hub.stale_copy())));
        self.after(2_500, Event::Then(Box::new(Break::NewEpoch { center: index, kick }), 1));
        self.epochs += 1;
        // Frames of the old epoch that are still on their way come late.
        for seat in 0..self.seats.len() {
            self.line(seat, |line| line.late = (1, 1_500));
        }
        self.work_anyway(&center, Work::Note, self.now);
        let now = self.now;
        if let Some(truth) = self.truths.get_mut(&center) {
            truth.resyncs = true;
        }
        for node in 0..self.nodes.len() {
            self.flush(node, &center);
        }
        self.operate(&Operation::BeginEpoch(
            center.clone(),
            format!("01B{:04}", self.epochs).as_str().into(),
        ));
        self.inject(Fault::NewEpoch);
        self.work_anyway(&center, Work::Note, now + 1);
        if kick {
            self.cut_all("the hub was restored");
        }
    }

    fn head_back(&mut self, center: usize, changes: u32, part: u32) {
        let center = self.center(center);
        if part == 0 {
            if self.frozen || self.backup.is_some() {
                return;
            }
            self.backup = Some((center.clone(), Box::new(self.hub.stale_copy())));
            for nth in 0..u64::from(changes) {
                self.after(nth * 40, Event::Works { center: center.clone(), work: Work::Note, pick: nth });
            }
            let again = Break::HeadBack { center: 0, changes };
            return self.after(u64::from(changes) * 40 + 600, Event::Then(Box::new(again), 1));
        }
        let Some((_, backup)) = self.backup.take() else { return };
        let went_back = self
            .centers
            .iter()
            .filter(|center| self.hub.board(center).map(|b| b.rev) != backup.board(center).map(|b| b.rev))
            .cloned()
            .collect::<Vec<_>>();
        self.hub = *backup;
        self.frozen = true;
        self.inject(Fault::HeadBack);
        for center in went_back {
            let now = self.now;
            if let (Some(truth), Some(board)) = (self.truths.get_mut(&center), self.hub.board(&center)) {
                truth.go_back(board, now);
            }
        }
        self.cut_all("the hub was restored");
    }

    /// What was restored may be changed again once every seat has seen it.
    pub(super) fn thaw_hub(&mut self) {
        if !self.frozen {
            return;
        }
        let ahead = self.seats.iter().filter_map(|seat| seat.app.as_ref()).any(|app| {
            app.cursors.iter().any(|(center, cursor)| {
                self.hub
                    .board(center)
                    .is_some_and(|board| board.epoch == cursor.epoch && board.rev < cursor.rev)
            })
        });
        let all_run = self.seats.iter().all(|seat| seat.app.is_some() && seat.frozen_until <= self.now);
        if !ahead && all_run {
            self.frozen = false;
        }
    }

    fn stale_replica(&mut self, seat: usize, center: usize, floor: bool, for_ms: u64) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        if self.frozen {
            return;
        }
        let hub = Box::new(self.hub.stale_copy());
        let until = self.now + for_ms;
        for nth in 0..4 {
            self.after(nth * 60, Event::Works { center: center.clone(), work: Work::Note, pick: nth });
        }
        if floor {
            // The seat comes back with a cursor that only a snapshot helps, and the replica has an older one.
            if let Some(truth) = self.truths.get_mut(&center) {
                truth.resyncs = true;
            }
            let then = Break::UnderFloor { seat: index, center: self.index_of(&center), for_ms: 2_500 };
            self.after(900, Event::Then(Box::new(then), 0));
        } else {
            self.after(700, Event::Then(Box::new(Break::TwoSockets { seat: index, for_ms: 10 }), 0));
        }
        self.line(index, |line| line.stale = Some(Stale { until, center, hub }));
    }

    fn index_of(&self, center: &CenterId) -> usize {
        self.centers.iter().position(|known| known == center).unwrap_or(0)
    }

    fn half_open(&mut self, seat: usize, way: Way, for_ms: u64) {
        let (index, until) = (self.seat_index(seat), self.now + for_ms);
        self.inject(Fault::HalfOpen);
        self.line(index, |line| match way {
            Way::Up => line.cut_up_until = until,
            Way::Down => line.cut_down_until = until,
            Way::Both => (line.cut_up_until, line.cut_down_until) = (until, until),
            Way::Forgotten => {}
        });
        if way == Way::Forgotten {
            let of_seat = |conn: &&mut crate::network::Conn| conn.seat == index;
            self.conns.values_mut().filter(of_seat).for_each(|conn| conn.forgotten = true);
            let joined = |conn: &crate::network::Conn| conn.seat == index && !conn.centers.is_empty();
            let dead: Vec<u64> = self
                .conns
                .iter()
                .filter(|(_, conn)| joined(conn) && conn.client_open)
                .map(|(id, _)| *id)
                .collect();
            dead.into_iter().for_each(|id| self.after(SILENCE_MS, Event::KnownDead(id)));
        }
    }

    fn flap(&mut self, for_ms: u64, flap_ms: u64, part: u32) {
        if part == 0 {
            self.sockets_refused = (self.now + for_ms, flap_ms);
        }
        let until = self.sockets_refused.0;
        if self.now >= until {
            return;
        }
        self.inject(Fault::SocketsFlap);
        self.cut_all("sockets are refused");
        let ms = if flap_ms == 0 { until - self.now } else { flap_ms };
        self.after(ms, Event::Then(Box::new(Break::SocketsFlap { for_ms, flap_ms }), part + 1));
    }

    fn spoil_disk(&mut self, seat: usize, how: Spoilt, for_ms: u64) {
        let (index, now) = (self.seat_index(seat), self.now);
        if !self.is_running(index) {
            return;
        }
        self.inject(Fault::Disk);
        match how {
            Spoilt::Busy => {
                if let Some(seat) = self.seats.get_mut(index) {
                    seat.disk.busy_until = now + for_ms;
                }
            }
            Spoilt::Corrupt => {
                let lost = self.seats.get_mut(index).map(|seat| seat.disk.corrupt());
                if let Some(Err(error)) = lost {
                    return self.violate('A', format!("a damaged cache is not rebuilt: {error}"));
                }
                for center in self.centers.clone() {
                    self.put(index, Input::CacheLost(center));
                }
            }
            Spoilt::CorruptAtRest => {
                self.kill(index);
                self.forget_disk(index);
                let spoilt = self.seats.get_mut(index).map(|seat| seat.disk.spoil_at_rest(false));
                if let Some(Err(error)) = spoilt {
                    return self.violate('A', format!("the file can't be spoilt: {error}"));
                }
                self.after(for_ms.min(2_000), Event::Starts(index));
            }
        }
    }

    fn expire_token(&mut self, seat: usize) {
        let index = self.seat_index(seat);
        let app = self.seats.get(index).and_then(|seat| seat.app.as_ref());
        if let Some((token, _)) = app.and_then(|app| app.client.access()) {
            self.void_tokens.insert(format!("Bearer {token}"));
        }
    }

    fn revoke_center(&mut self, seat: usize, center: usize, for_ms: u64, part: u32) {
        let (index, center) = (self.seat_index(seat), self.center(center));
        let Some(account) = self.seats.get(index).map(|seat| seat.account.clone()) else { return };
        let all = match self.plan.desks.get(index) {
            Some(crate::plan::Desk::Dispatcher) => self.centers.iter().take(1).cloned().collect(),
            Some(crate::plan::Desk::Supervisor | crate::plan::Desk::CallCenter) | None => {
                self.centers.clone()
            }
        };
        let centers = if part == 0 { all.into_iter().filter(|id| *id != center).collect() } else { all };
        self.operate(&Operation::SetCenters(account.as_str().into(), centers));
        if part == 0 {
            self.inject(Fault::Credentials);
            let again = Break::CenterRevoked { seat, center: self.index_of(&center), for_ms };
            self.after(for_ms, Event::Then(Box::new(again), 1));
        }
    }

    fn remote_edit(&mut self, seat: usize, center: usize, work: Work, pick: u64, lead_ms: u64) {
        let index = self.seat_index(seat);
        if let Some(id) = self.click_on(index, center, work, pick) {
            self.after(lead_ms, Event::Edits(id));
        }
    }

    /// Somebody else edits that delivery.
    pub(super) fn edit(&mut self, id: DeliveryId) {
        let of =
            |center: &&CenterId| self.hub.board(center).is_some_and(|board| board.rows.contains_key(&id));
        if let Some(center) = self.centers.iter().find(of).cloned().filter(|_| !self.frozen) {
            self.note_on(&center, id.0);
            self.inject(Fault::RemoteEdit);
        }
    }

    fn page_lags(&mut self, seat: usize, for_ms: u64, part: u32) {
        let (index, now) = (self.seat_index(seat), self.now);
        if part == 0 {
            self.inject(Fault::Page);
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.window.lags_until = now + for_ms;
            }
            self.after(for_ms + 1, Event::Then(Box::new(Break::PageLags { seat, for_ms }), 1));
        } else {
            if let Some(app) = self.seats.get_mut(index).and_then(|seat| seat.app.as_mut()) {
                app.window.dirty = true;
            }
            self.look_soon(index);
        }
    }

    /// The client takes its socket for dead; the hub goes on speaking on it.
    fn two_sockets(&mut self, seat: usize, for_ms: u64) {
        let (index, until) = (self.seat_index(seat), self.now + for_ms);
        self.line(index, |line| line.old_sockets_until = until);
        self.lose_sockets(index, "connection reset by peer");
    }

    fn lose_row(&mut self, seat: usize, pick: u64) {
        let index = self.seat_index(seat);
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let Some(app) = seat.app.as_mut() else { return };
        let centers: Vec<CenterId> = app.cursors.keys().cloned().collect();
        let Some(center) = nth(&centers, pick).cloned() else { return };
        let Some(session) = app.client.session(&center) else { return };
        let rows: Vec<_> = session.rows().map(|row| (row.id(), row.rev())).collect();
        let Some(&(id, rev)) = nth(&rows, pick / 3) else { return };
        if !app.client.fault(&center, |session| session.lose_row(id)) {
            return;
        }
        seat.told.decayed.insert(id);
        self.inject(Fault::Decay);
        if self.is_calm(index, &center) {
            let mismatches = self
                .seats
                .get(index)
                .and_then(|seat| seat.app.as_ref())
                .map_or(0, |app| app.stats.mismatches);
            self.plant(Planted::lost_row(index, center, id, rev, mismatches, now));
        }
    }

    fn flip_byte(&mut self, seat: usize, pick: u64) {
        let index = self.seat_index(seat);
        let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.app.is_some()) else { return };
        match seat.disk.flip(pick) {
            Ok(Some(id)) => {
                seat.told.decayed.insert(id);
                self.inject(Fault::Decay);
            }
            Ok(None) => {}
            Err(error) => self.violate('A', format!("a byte can't be flipped: {error}")),
        }
    }
}

fn seat_lives_on(until: u64, now: u64) -> u64 {
    until.saturating_sub(now).max(3)
}
