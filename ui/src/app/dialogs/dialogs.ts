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

/** What a dialog of each kind is about: a delivery's row, or nothing. */
type Subjects = { assign: Row; cancel: Row; note: Row; palette: null; diagnosis: null; help: null };

type Kind = keyof Subjects;

export type Dialog<Of extends Kind = Kind> = { [K in Of]: { kind: K; about: Subjects[K] } }[Of];

/** What changes while a dialog is open is given by a getter. */
const DIALOGS: { [K in Kind]: (about: Subjects[K], app: App, close: () => void) => Drawing } = {
  assign: (row, app, close) =>
    drawing(AssignDialog, {
      row,
      get ended() {
        return app.hasEnded(row);
      },
      platform: app.platform,
      nameOf: app.scene.nameOf,
      onassign: (riderId) => {
        app.command({ center: row.center, id: row.id, action: "assign", riderId }, row);
        close();
      },
      onclose: close,
    }),
  cancel: (row, app, close) =>
    drawing(CancelDialog, {
      row,
      oncancel: (reason, by) => {
        app.command({ center: row.center, id: row.id, action: "cancel", reason, by }, row);
        close();
      },
      onclose: close,
    }),
  note: (row, app, close) =>
    drawing(NoteDialog, {
      row,
      platform: app.platform,
      get clock() {
        return app.scene.clockOf(row.center);
      },
      onnote: (text) => {
        app.command({ center: row.center, id: row.id, action: "note", text }, row);
        close();
      },
      onclose: close,
    }),
  palette: (_, app, close) =>
    drawing(Palette, {
      shortcuts: app.shortcuts,
      platform: app.platform,
      onpick: (shortcut) => void app.pick(shortcut),
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

/** A dialog with everything that its component is given. */
export function drawDialog<Of extends Kind>(dialog: Dialog<Of>, app: App): Drawing {
  return DIALOGS[dialog.kind](dialog.about, app, () => void app.closeDialog());
}
