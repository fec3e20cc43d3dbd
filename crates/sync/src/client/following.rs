//! What a client does about its centers: they come, are refused, go, and it carries out what their sessions want.

use super::Client;
use super::calls::Call;
use super::rest::Purpose;
use crate::io::{Action, Now, RowChange};
use crate::session::SessionAction;
use gwanje_model::CenterId;
use gwanje_wire::ErrorCode;
use gwanje_wire::rest::CenterInfo;

impl Client {
    /// Tells the sessions that may make requests now, and joins their namespaces.
    pub(super) fn authorise(&mut self, now: Now) {
        if !self.rest.has_credentials() {
            return;
        }
        for center in self.centers.authorise(self.link.down(), now) {
            self.link.want(&center, now.mono);
        }
    }

    /// The credentials are gone: boards stay in view as refused. When the same account has come back, it asks what
    /// became of the commands under way.
    pub(super) fn credentials_go(&mut self, now: Now) {
        self.link.stop();
        self.commands.suspend(now.mono);
        self.centers.ask_no_more();
        for center in self.centers.ids() {
            self.rest.drop_where(|purpose| purpose.fetches_for() == Some(&center));
            self.link.unwant(&center);
            self.centers.refused(&center, ErrorCode::Unauthorized, now);
        }
    }

    /// The account is disabled or gone: nobody comes back to what is cached of it.
    pub(super) fn account_went(&mut self) {
        self.commands.give_up("the account was taken away before its end was known");
        for center in self.centers.ids() {
            self.wipe(&center);
        }
        self.centers.clear();
    }

    /// The person leaves: all cached data goes.
    pub(super) fn sign_out(&mut self, now: Now) {
        self.commands.give_up("signed out before its end was known");
        self.credentials_go(now);
        self.rest.sign_out();
        self.pump(now);
        for center in self.centers.ids() {
            self.wipe(&center);
        }
        self.centers.clear();
        self.out.push_back(Action::SignedOut(None));
    }

    /// `GET /centers` answered 200: what it lacks goes, what is new comes.
    pub(super) fn center_list(&mut self, list: Vec<CenterInfo>, now: Now) {
        for center in self.centers.listed(&list, now.mono) {
            self.rest.drop_where(|purpose| purpose.fetches_for() == Some(&center));
            self.link.unwant(&center);
            self.centers.refused(&center, ErrorCode::NotFound, now);
            self.pump_sessions(now);
            self.wipe(&center);
            self.centers.forget(&center, ErrorCode::NotFound, now);
        }
        let present: Vec<CenterId> = list.iter().map(|info| info.id.clone()).collect();
        self.out.push_back(Action::Centers(list));
        self.centers.follow(&present, now, &mut self.out);
        self.authorise(now);
    }

    fn wipe(&mut self, center: &CenterId) {
        self.receipts.forget(center);
        self.out.push_back(Action::Changed(center.clone(), vec![RowChange::Clear], None));
        self.out.push_back(Action::Wipe(center.clone()));
    }

    /// Carries out what the sessions want, so that what follows comes after it.
    pub(super) fn pump_sessions(&mut self, now: Now) {
        while let Some((center, action)) = self.centers.poll_session() {
            self.session_action(center, action, now);
        }
    }

    pub(super) fn session_action(&mut self, center: CenterId, action: SessionAction, now: Now) {
        let action = match action {
            SessionAction::Fetch(id, fetch) => {
                let call = Call::fetch(&center, &fetch);
                return self.rest.ask(Purpose::Fetch(center, id, fetch), call, now);
            }
            SessionAction::DropFetch(id) => {
                return self.rest.drop_where(|purpose| {
                    matches!(purpose, Purpose::Fetch(of, dropped, _) if *of == center && *dropped == id)
                });
            }
            SessionAction::Subscribe(cursor) => return self.link.subscribe(&center, cursor, now.mono),
            SessionAction::AskHead => return self.link.ask_head(&center, now.mono),
            SessionAction::SendReceipt(key, stage) => return self.receipts.add(center, key, stage),
            SessionAction::CommandKept(command) => return self.commands.kept(&command, now.mono),
            SessionAction::HistoryChanged { epoch, settled_in } => {
                return self.commands.history_changed(&center, &epoch, settled_in.as_ref(), now.mono);
            }
            SessionAction::Persist(batch) => Action::Persist(batch),
            SessionAction::Audit => Action::Audit(center),
            SessionAction::KeepHorizon(at) => Action::KeepHorizon(center, at),
            SessionAction::Changed(changes, cursor) => Action::Changed(center, changes, cursor),
            SessionAction::State(state) => Action::State(center, state),
            SessionAction::Proved(proof) => Action::Proved(center, proof),
            SessionAction::DayClock { day_at, wall } => Action::DayClock { center, day_at, wall },
            SessionAction::Alarm(notice) => Action::Alarm(center, notice),
            SessionAction::AlarmSettled(key) => Action::AlarmSettled(center, key),
            SessionAction::AlarmTold(entry) => Action::AlarmTold(center, entry),
            SessionAction::Acknowledged(ids) => Action::Acknowledged(center, ids),
            SessionAction::Repaired(report) => Action::Repaired(center, report),
            SessionAction::Checked(report) => Action::Checked(center, report),
        };
        self.out.push_back(action);
    }
}
