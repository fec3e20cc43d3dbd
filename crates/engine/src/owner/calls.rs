//! Answers the handle's calls from the state, or hands them to the core.

use super::{Commanded, Owner, present};
use crate::clock;
use crate::error::EngineError;
use crate::message::{Access, Call};
use crate::subscribers::Listener;
use gwanje_sync::{CommandKind, CommandRequest, Input};
use gwanje_wire::rest::ReceiptStage;

impl Owner {
    /// Answers a call. The caller may have gone; then nobody hears the answer, which is no fault.
    pub(super) fn call(&mut self, call: Call) {
        let now = clock::now();
        match call {
            Call::SignIn { account, password, reply } => self.sign_in(account, password, reply, now),
            Call::Resume(reply) => {
                let _ = reply.send(Ok(self.resume(now)));
            }
            Call::SignedIn(reply) => {
                let _ = reply.send(self.signed_in_view());
            }
            Call::SignOut(reply) => {
                self.client.handle(Input::SignOut, now);
                self.act(now);
                let _ = reply.send(());
            }
            Call::Subscribe { listener, reply } => {
                let alarms = (&self.alarms, &self.board, &self.names);
                let mut present = present(&self.freshness, alarms, &self.commands);
                if listener != Listener::Beside {
                    present.append(&mut self.unheard);
                }
                let _ = reply.send(self.subscribers.add(listener, present));
            }
            Call::OpenView { spec, sink, reply } => {
                let _ = reply.send(self.views.open(&mut self.board, spec, sink));
            }
            Call::ChangeView { view, spec, reply } => {
                let _ = reply.send(self.views.change(&mut self.board, view, spec));
            }
            Call::Ack { view, seq, reply } => {
                let _ = reply.send(self.views.ack(&mut self.board, view, seq));
            }
            Call::ResetView { view, reply } => {
                let _ = reply.send(self.views.reset(&mut self.board, view));
            }
            Call::CloseView { view, reply } => {
                self.views.close(&mut self.board, view);
                let _ = reply.send(());
            }
            Call::PlaceOf { view, id, reply } => {
                let _ = reply.send(self.board.place_of(view, id));
            }
            Call::GroupOf { view, id, reply } => {
                let _ = reply.send(self.board.group_of(view, id));
            }
            Call::AdmitAct { view, reply } => {
                let _ = reply.send(self.views.admit_act(&mut self.board, view));
            }
            Call::Delivery { id, reply } => {
                let _ = reply.send(self.board.get(id).cloned());
            }
            Call::Command { request, draft, reply } => {
                self.commands.insert(request.command.clone(), commanded(&request));
                if let Some(text) = draft {
                    self.send_draft(&request, &text, now);
                }
                self.client.handle(Input::Command(request), now);
                // Sends the id first, so that the caller knows it before the outcome.
                let _ = reply.send(());
                self.act(now);
            }
            Call::Drafts(reply) => self.tell_drafts(reply, now),
            Call::SaveDraft { subject, text, reply } => {
                let _ = reply.send(self.save_draft(&subject, text, now));
            }
            Call::DiscardDraft { subject, reply } => {
                self.discard_draft(&subject, now);
                let _ = reply.send(());
            }
            Call::Receipt { center, key, stage, reply } => {
                if stage == ReceiptStage::Acknowledged {
                    self.alarms.acknowledge(&center, key, now.mono);
                }
                self.client.handle(Input::Receipt(center, key, stage), now);
                self.act(now);
                let _ = reply.send(());
            }
            Call::Opened(opened, reply) => {
                self.alarms.open_details(opened);
                let _ = reply.send(());
            }
            Call::Freshness(reply) => {
                let _ = reply
                    .send(self.freshness.iter().map(|(center, freshness)| freshness.view(center)).collect());
            }
            Call::Stats(reply) => {
                let _ = reply.send(self.client.stats());
            }
            Call::Diagnostics(reply) => {
                let _ = reply.send(self.diagnostics(now));
            }
            Call::Check { center, reply } => {
                self.client.handle(Input::Check(center), now);
                let _ = reply.send(());
                self.act(now);
            }
            #[cfg(feature = "faults")]
            Call::Fault { center, id, fault, reply } => {
                let _ = reply.send(self.client.fault(&center, id, fault));
            }
            Call::Endpoint(reply) => {
                let _ = reply.send(self.client.endpoint().unwrap_or_default().to_owned());
            }
            Call::Access(reply) => {
                let _ = reply.send(match (self.client.access(), self.client.dialect()) {
                    (Some((token, base)), _) => Ok(Access { base: base.to_owned(), token: token.to_owned() }),
                    (None, Some(dialect)) => Err(EngineError::ListOnly { name: dialect.name.clone() }),
                    (None, None) => Err(EngineError::NotSignedIn),
                });
            }
            // A stop ends the loop before it comes here.
            Call::Stop => {}
        }
    }
}

fn commanded(request: &CommandRequest) -> Commanded {
    let (id, batch) = match &request.what {
        CommandKind::Create(_) => (None, Vec::new()),
        CommandKind::Act { id, .. } => (Some(*id), Vec::new()),
        CommandKind::Batch { .. } => (None, request.what.deliveries()),
    };
    let (center, action) = (request.center.clone(), request.what.action().into());
    Commanded { center, id, batch, action, told: None }
}
