// The dialogs of a window, each kind once: what it is about, its component, and what that is given. A further one is a line
// in each of the two tables.

import { type Drawing, drawing } from "../../parts/drawing";
import type { Row } from "../../platform/generated/Row";
import type { App } from "../app.svelte";
import Diagnosis from "../diagnosis/Diagnosis.svelte";
import AssignDialog from "./AssignDialog.svelte";
import CancelDialog from "./CancelDialog.svelte";
import Help from "./Help.svelte";
import NoteDialog from "./NoteDialog.svelte";
import Palette from "./Palette.svelte";
import SignOutDialog from "./SignOutDialog.svelte";
import { Subject } from "./subject.svelte";

/** What a dialog of each kind is about: deliveries as their person saw them, or nothing. */
type Subjects = {
  assign: readonly Row[];
  cancel: readonly Row[];
  note: readonly Row[];
  signOut: null;
  palette: null;
  diagnosis: null;
  help: null;
};

type Kind = keyof Subjects;

export type Dialog<Of extends Kind = Kind> = { [K in Of]: { kind: K; about: Subjects[K] } }[Of];

/** What changes while a dialog is open is given by a getter. */
const DIALOGS: { [K in Kind]: (about: Subjects[K], app: App, close: () => void) => Drawing } = {
  assign: (rows, app, close) => {
    const subject = subjectOf(rows, app);
    return drawing(AssignDialog, {
      subject,
      platform: app.platform,
      scene: app.scene,
      onassign: (riderId) => {
        app.commandAll({ action: "assign", riderId }, subject.rows);
        close();
      },
      onclose: close,
    });
  },
  cancel: (rows, app, close) => {
    const subject = subjectOf(rows, app);
    const writing = app.drafts.write("cancel", rows);
    return drawing(CancelDialog, {
      subject,
      writing,
      get clock() {
        return app.scene.clockOf(subject.first?.center ?? "");
      },
      oncancel: (reason, by) => {
        const seen = subject.rows;
        void writing.send((of) => app.commands.runAll({ action: "cancel", reason, by, ...of }, seen));
        close();
      },
      onclose: close,
    });
  },
  note: (rows, app, close) => {
    const subject = subjectOf(rows, app);
    const writing = app.drafts.write("note", rows);
    return drawing(NoteDialog, {
      subject,
      writing,
      platform: app.platform,
      get clock() {
        return app.scene.clockOf(subject.first?.center ?? "");
      },
      onnote: (text) => {
        const seen = subject.rows;
        void writing.send((of) => app.commands.runAll({ action: "note", text, ...of }, seen));
        close();
      },
      onclose: close,
    });
  },
  signOut: (_, app, close) =>
    drawing(SignOutDialog, {
      get drafts() {
        return app.drafts.held.length;
      },
      onsignout: () => void app.signOut(),
      onclose: close,
    }),
  palette: (_, app, close) =>
    drawing(Palette, {
      shortcuts: app.shortcuts,
      platform: app.platform,
      onpick: (shortcut) => void app.pick(shortcut),
      onfind: (typed) => app.find(typed),
      onclose: close,
    }),
  diagnosis: (_, app, close) =>
    drawing(Diagnosis, {
      platform: app.platform,
      first: app.center,
      foreign: app.foreign !== null,
      get checks() {
        return app.checks;
      },
      nameOf: app.scene.nameOf,
      clockOf: app.scene.clockOf,
      onclose: close,
    }),
  help: (_, app, close) => drawing(Help, { shortcuts: app.shortcuts, onclose: close }),
};

function subjectOf(rows: readonly Row[], app: App): Subject {
  return new Subject(
    rows,
    (row) => app.rowNow(row),
    ({ center, id }) => app.platform.history(center, id),
  );
}

/** A dialog with everything that its component is given. */
export function drawDialog<Of extends Kind>(dialog: Dialog<Of>, app: App): Drawing {
  return DIALOGS[dialog.kind](dialog.about, app, () => void app.closeDialog());
}
