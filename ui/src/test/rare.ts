// Pictures of what is seen seldom: failures, storms, long and hostile texts, and what several people do at once.

import type { Failure } from "../platform/contract";
import type { AlarmKind } from "../platform/generated/AlarmKind";
import type { AlarmReceiptView } from "../platform/generated/AlarmReceiptView";
import type { AlarmView } from "../platform/generated/AlarmView";
import type { CheckReport } from "../platform/generated/CheckReport";
import type { MovedOn } from "../platform/generated/MovedOn";
import type { RowOutcome } from "../platform/generated/RowOutcome";
import { deliveryOf, historyOf, MINUTE, NOW } from "./day";
import type { FakePlatform } from "./fake";
import { press, until } from "./hands";
import { choose, command, rowsOf, type Scene, there } from "./scene";

const HOSTILE = '\u202e뒤집힌 글\u202c <b onclick="x()">굵게</b> & "따옴표" 끝이없이이어지는한낱말'.repeat(3);
const LONG =
  "비가 많이 와서 늦습니다. 고객이 문 앞에 두지 말고 꼭 직접 받겠다고 하니 도착하면 전화해 주세요. 공동현관 비밀번호는 경비실에 물어보세요.";

const refuse =
  (code: string): (() => Promise<never>) =>
  async () => {
    throw { code, message: "", retryable: true } satisfies Failure;
  };

function click(testId: string): void {
  document.querySelector<HTMLElement>(`[data-testid="${testId}"]`)?.click();
}

function type(selector: string, text: string): void {
  const field = document.querySelector<HTMLInputElement>(selector);
  if (field === null) throw new Error(`no ${selector} in the window`);
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

const receipt = (account: string, stage: AlarmReceiptView["stage"]): AlarmReceiptView => ({
  account,
  seat: `01KA${account}`,
  stage,
  at: Date.now(),
});

/** What the hub knows of an alarm about a delivery. */
function alarmOf(
  platform: FakePlatform,
  id: number,
  kind: AlarmKind,
  part: Partial<AlarmView> = {},
): AlarmView {
  const row = platform.rows.get(id);
  return {
    center: "gangnam",
    centerName: "강남",
    id,
    kind,
    raisedAt: NOW - 2 * MINUTE,
    at: Date.now() - 20_000,
    priority: "high",
    number: row?.number ?? null,
    shop: row?.shop ?? null,
    rider: row?.rider?.name ?? null,
    was: null,
    by: null,
    yours: false,
    lost: false,
    receipts: [receipt("배차1", "displayed"), receipt("접수1", "delivered")],
    more: 0,
    acknowledged: false,
    acknowledgedBy: null,
    acknowledgedAt: null,
    escalatedAt: null,
    settledAt: null,
    ...part,
  };
}

/** Every kind of alarm in every stage, with what the hub knows of it. */
async function known(platform: FakePlatform): Promise<void> {
  const ids = (status: string, from: number, to: number): number[] =>
    rowsOf(platform, status)
      .slice(from, to)
      .map(({ id }) => id);
  const [first = 0, second = 0, third = 0, ...storm] = ids("cancelled", 0, 15);
  for (const id of [first, second, third, ...storm])
    platform.change(id, { shop: id === first ? "뽕나무쟁이족발" : "봉추찜닭 대치점" });
  const critical = { priority: "critical" } as const;
  for (const id of [first, second, ...storm])
    platform.raise(id, "cancelled", { ...critical, raisedAt: NOW - 12_000 - id });
  const all: AlarmView[] = [
    alarmOf(platform, first, "cancelled", {
      ...critical,
      raisedAt: NOW - 12_000 - first,
      receipts: [
        receipt("배차1", "displayed"),
        receipt("배차2", "displayed"),
        receipt("접수1", "acknowledged"),
        receipt("감독", "delivered"),
      ],
    }),
    ...storm.map((id) =>
      alarmOf(platform, id, "cancelled", { ...critical, raisedAt: NOW - 12_000 - id, escalatedAt: NOW }),
    ),
    ...ids("waiting", 0, 7).map((id) => alarmOf(platform, id, "late")),
    ...ids("assigned", 0, 3).map((id) => alarmOf(platform, id, "unconfirmed", { escalatedAt: NOW })),
    alarmOf(platform, 0, "unproven", {
      center: "songpa",
      centerName: "송파",
      number: null,
      at: null,
      receipts: [],
    }),
    ...ids("received", 0, 1).map((id) => alarmOf(platform, id, "unaccepted", { priority: "normal" })),
    alarmOf(platform, second, "cancelled", { ...critical, raisedAt: NOW - 12_000 - second, yours: true }),
    alarmOf(platform, third, "cancelled", { acknowledged: true, acknowledgedBy: "배차2" }),
  ];
  platform.tell({ type: "alarms", alarms: all, count: all.length });
  await until(() => there("alarm-banner"));
}

const check = (part: Partial<CheckReport>): CheckReport => ({
  phase: "running",
  beganAt: Date.now() - 4_000,
  at: Date.now(),
  buckets: 97,
  rows: 1_204,
  foundInMemory: 0,
  audited: true,
  foundOnDisk: 0,
  repaired: 0,
  bytes: 482_112,
  ...part,
});

const MOVED_ON: MovedOn = {
  rev: 9,
  status: "assigned",
  rider: "이용권",
  by: { account: "dispatch-2", name: "최다온" },
  action: "assign",
  at: NOW,
};

const outcome = (id: number, part: Partial<RowOutcome> = {}): RowOutcome => ({
  id,
  number: String(74_800 + id),
  rev: null,
  code: "conflict",
  message: "",
  movedOn: MOVED_ON,
  ...part,
});

export const RARE: Readonly<Record<string, Scene>> = {
  "start-failed": {
    make: (platform) => {
      platform.boot = refuse("profile");
    },
  },
  "first-start": { boot: { signedIn: false, server: null, account: null, centers: [], demo: false } },
  "sign-in-refused": {
    boot: { signedIn: false, demo: false },
    make: (platform) => {
      platform.refusal = { code: "unauthorized", message: "", retryable: false };
    },
    play: async () => {
      type('[data-testid="password"]', "틀린 것");
      click("sign-in");
      await until(() => document.querySelector('[data-testid="sign-in-error"]')?.textContent !== "");
    },
  },
  "session-ended": {
    play: async ({ platform }) => {
      platform.tell({ type: "signedOut", code: "unauthorized" });
      await until(() => there("session-ended"));
    },
  },
  "no-drill": { boot: { demo: false, drill: false } },
  "account-menu": {
    play: async () => {
      click("account-menu");
      await until(() => document.querySelector('[role="menuitem"]') !== null);
    },
  },
  "long-names": {
    boot: {
      name: "아주긴이름을가진배차담당자 김관제",
      centers: ["강남역삼논현삼성대치도곡개포 통합센터", "송파"].map((name, at) => ({
        id: at === 0 ? "gangnam" : "songpa",
        name,
        timeZone: at === 0 ? "Asia/Seoul" : "America/Argentina/Buenos_Aires",
        undoWithinMs: 15_000,
        atRiskMin: 5,
      })),
    },
    play: async ({ app, board, platform }) => {
      for (const row of rowsOf(platform, "waiting").slice(0, 40))
        platform.change(row.id, {
          shop: HOSTILE,
          address: HOSTILE,
          shopRemark: HOSTILE,
          notes: 12,
          asks: true,
        });
      for (const row of rowsOf(platform, "assigned").slice(0, 40))
        platform.change(row.id, {
          rider: { id: "r9", name: HOSTILE, lentFrom: "gangnam", confirmed: false },
          distanceM: 128_400,
          receivedAt: NOW - 1_000 * MINUTE,
          lateAt: NOW - 900 * MINUTE,
        });
      app.showCenter(null);
      await board.view.current();
    },
  },
  unreadable: {
    play: async ({ board, platform }) => {
      for (const row of rowsOf(platform, "waiting").slice(0, 4)) platform.change(row.id, { status: null });
      for (const row of rowsOf(platform, "assigned").slice(0, 3))
        platform.change(row.id, { mark: "pending" });
      for (const row of rowsOf(platform, "pickedUp").slice(0, 3))
        platform.change(row.id, { mark: "unknown" });
      for (const row of rowsOf(platform, "received").slice(0, 3))
        platform.change(row.id, { status: "cancelled", cancelledAt: NOW });
      board.show({ group: null, pinned: null, sort: [{ key: "number", descending: true }] });
      await board.view.current();
    },
  },
  "by-rider": {
    play: async ({ board }) => {
      board.show({ group: "rider", pinned: null });
      await until(() => document.querySelector('[data-group="none"]') !== null);
    },
  },
  folded: {
    play: async ({ board }) => {
      board.show({ collapsed: ["act", "received", "waiting"] });
      await until(() => document.querySelector('[data-group="assigned"]') !== null);
    },
  },
  ungrouped: {
    play: async ({ board }) => {
      board.show({ group: null, pinned: null, sort: [{ key: "number", descending: true }] });
      await until(() => document.querySelector("[data-group]") === null);
    },
  },
  filters: {
    play: async ({ board }) => {
      board.show({ filter: { ...board.view.spec.filter, statuses: ["waiting", "assigned"], noted: true } });
      press("KeyF");
      await until(() => document.activeElement?.matches('[data-testid^="status-filter"]') === true);
    },
  },
  heads: {
    play: async ({ board }) => {
      board.show({
        sort: [
          { key: "elapsed", descending: false },
          { key: "shop", descending: true },
        ],
      });
      await board.view.current();
      board.places.heads();
    },
  },
  prefix: {
    play: async () => {
      press("KeyG");
      await until(() => there("prefix-hint"));
    },
  },
  undo: {
    play: async ({ board, platform }) => {
      await choose(board, "assigned");
      const row = board.selection.row;
      if (row === null) return;
      const done = { id: row.id, number: row.number, rev: row.rev + 1, outcome: "done" } as const;
      platform.tell(command({ commandId: "u", ...done }));
      await until(() => there("undo"));
    },
  },
  "server-lost-it": {
    play: async ({ platform }) => {
      const [row] = platform.rows.values();
      if (row === undefined) throw new Error("no row");
      const alarm = alarmOf(platform, row.id, "cancelled", { lost: true, priority: "critical" });
      platform.tell({ type: "alarms", alarms: [alarm], count: 1 });
      platform.tell(command({ commandId: "l", id: row.id, number: row.number, outcome: "lost" }));
      await until(() => there("report-look"));
    },
  },
  "batch-partly": {
    play: async ({ platform }) => {
      platform.tell(command({ commandId: "a", outcome: "done", action: "pickup", number: "74799" }));
      platform.tell(command({ commandId: "b", code: "conflict", movedOn: MOVED_ON }));
      platform.tell(command({ commandId: "c", outcome: "unknowable", action: "note", number: "74811" }));
      platform.tell(
        command({
          commandId: "d",
          id: null,
          number: "74801",
          outcome: "done",
          batch: [1, 2, 3],
          results: [
            outcome(1, { rev: 8, code: null, message: null, movedOn: null }),
            outcome(2),
            outcome(3, { code: "invalid-transition", movedOn: null }),
          ],
        }),
      );
      await until(() => there("reports-more"));
      click("reports-more");
      await until(() => there("reports-list"));
    },
  },
  "not-sent": {
    make: (platform) => {
      platform.runCommand = refuse("unreachable");
    },
    play: async ({ board }) => {
      await choose(board, "assigned");
      board.act("pickup");
      await until(() => there("report-again"));
    },
  },
  "palette-typed": {
    play: async () => {
      press("KeyK", { ctrlKey: true });
      await until(() => there("palette-option"));
      type('[data-testid="palette"] input', "배차");
      await until(() => document.querySelectorAll('[data-testid="palette-option"]').length < 6);
    },
  },
  "palette-none": {
    play: async () => {
      press("KeyK", { ctrlKey: true });
      await until(() => there("palette-option"));
      type('[data-testid="palette"] input', "없는 것");
      await until(() => document.querySelector('[data-testid="palette"] [role="status"]') !== null);
    },
  },
  "queue-known": {
    play: async ({ platform }) => {
      await known(platform);
      press("KeyQ");
      await until(() => there("alarm-queue"));
    },
  },
  "queue-unfolded": {
    play: async ({ app, platform }) => {
      await known(platform);
      const late = app.alarms.lines.find(({ kind }) => kind === "late");
      app.alarms.openQueue(late?.key);
      app.alarms.fold(late?.key ?? "", true);
      await until(() => there("queue-alarm"));
    },
  },
  "queue-empty": {
    play: async ({ app }) => {
      app.toggleQueue();
      await until(() => there("alarm-queue"));
    },
  },
  "alarm-failed": {
    make: (platform) => {
      platform.acknowledgeAlarm = refuse("unreachable");
    },
    play: async ({ app, platform }) => {
      const [row] = rowsOf(platform, "cancelled");
      if (row) platform.raise(row.id, "cancelled", { raisedAt: row.cancelledAt ?? 0 });
      await until(() => document.querySelector('[data-testid="alarm-banner"][data-read]') !== null);
      await app.alarms.acknowledge();
      await until(() => app.alarms.failure !== null);
    },
  },
  "details-cancelled": {
    play: async ({ board, platform }) => {
      const [row] = rowsOf(platform, "cancelled");
      if (row) await board.openDelivery(row.id, row);
      await until(() => there("history"));
    },
  },
  "details-long": {
    make: (platform) => {
      platform.delivery = async (_center, id) => {
        const row = platform.rows.get(id);
        if (row === undefined) throw { code: "not-found", message: "", retryable: false } satisfies Failure;
        const delivery = deliveryOf(row);
        return {
          ...delivery,
          shop: { ...delivery.shop, name: `${row.shop} ${HOSTILE}`, remark: LONG },
          dropoff: { ...delivery.dropoff, detail: HOSTILE, pos: { lat: 37.51, lon: 127.06 } },
          items: Array.from({ length: 14 }, (_, at) => ({
            name: `아주 긴 메뉴 이름 ${at}`,
            quantity: at + 1,
          })),
          request: LONG,
          notes: [LONG, HOSTILE, "네"].map((text, at) => ({ at: NOW - at * MINUTE, by: "dispatch-1", text })),
        };
      };
      platform.history = async (_center, id) => {
        const row = platform.rows.get(id);
        const told = row === undefined ? [] : historyOf(row);
        return Array.from({ length: 12 }, (_, round) =>
          told.map((event) => ({
            ...event,
            rev: round * 10 + event.rev,
            by: { account: "a", name: round === 1 ? HOSTILE : event.by.name },
            detail: round === 2 ? LONG : event.detail,
          })),
        ).flat();
      };
    },
    play: async ({ board }) => {
      await choose(board, "pickedUp");
      board.openDetail();
      await until(() => there("history"));
    },
  },
  "details-failed": {
    make: (platform) => {
      platform.history = refuse("unreachable");
    },
    play: async ({ board }) => {
      await choose(board, "waiting");
      board.openDetail();
      await until(() => document.querySelector('[data-testid="detail-panel"] .failure') !== null);
    },
  },
  "details-offline": {
    play: async ({ board, platform }) => {
      await choose(board, "assigned");
      board.openDetail();
      await until(() => there("history"));
      platform.tell(platform.freshness({ state: "offline", provenAt: Date.now() - 200_000 }));
      await until(() => there("stale-band"));
    },
  },
  polling: {
    play: async ({ platform }) => {
      platform.tell(platform.freshness({ state: "polling", provenAt: Date.now() - 30_000 }));
      await until(() => there("stale-band"));
    },
  },
  refused: {
    play: async ({ platform }) => {
      platform.tell(platform.freshness({ state: "refused", provenAt: Date.now() - 4_000_000 }));
      await until(() => there("stale-band"));
    },
  },
  "board-failed": {
    make: (platform) => {
      platform.openView = refuse("unavailable");
    },
    rows: 0,
    play: async ({ board }) => {
      await until(() => board.view.failure !== null);
    },
  },
  "found-missing": {
    play: async ({ board }) => {
      board.show({ search: "74001 74002 74003" });
      await board.view.current();
      board.view.found = {
        kind: "numbers",
        byField: { number: 3, orderNo: 1 },
        missing: ["74001", "74002", "74003"],
        leftOut: 20,
        exact: null,
      };
    },
  },
  "assign-many": {
    play: async ({ board }) => {
      await choose(board, "waiting");
      board.selection.mark();
      const others = [...board.view.page.rows.values()].filter(({ status }) => status === "waiting");
      for (const row of others.slice(1, 4)) board.selection.toggleMark(row);
      press("KeyA");
      await until(() => there("rider-option"));
    },
  },
  "assign-ended": {
    play: async ({ board, platform }) => {
      await choose(board, "waiting");
      press("KeyA");
      await until(() => there("rider-option"));
      platform.change(board.selection.id ?? 0, { status: "cancelled", cancelledAt: NOW });
      await until(() => !there("rider-option"));
    },
  },
  "assign-failed": {
    make: (platform) => {
      platform.candidates = refuse("unreachable");
    },
    play: async ({ board }) => {
      await choose(board, "waiting");
      press("KeyA");
      await until(() => document.querySelector('[data-testid="assign-dialog"] .failure') !== null);
    },
  },
  "cancel-many": {
    play: async ({ board, platform }) => {
      await choose(board, "assigned");
      board.selection.mark();
      const others = [...board.view.page.rows.values()].filter(({ status }) => status === "assigned");
      for (const row of others.slice(1, 6)) board.selection.toggleMark(row);
      press("KeyC");
      await until(() => there("cancel-dialog"));
      click("cancel-reason-3");
      for (const row of others.slice(1, 3)) platform.change(row.id, { status: "pickedUp" });
      await until(() => document.querySelector('[data-testid="subject-changed"]:not([hidden])') !== null);
    },
  },
  "note-said": {
    make: (platform) => {
      platform.delivery = async (_center, id) => {
        const row = platform.rows.get(id);
        if (row === undefined) throw { code: "not-found", message: "", retryable: false } satisfies Failure;
        const texts = [LONG, HOSTILE, "네", LONG, "알겠습니다", LONG, "문 앞에 두었습니다"];
        return {
          ...deliveryOf(row),
          notes: texts.map((text, at) => ({ at: NOW - (9 - at) * MINUTE, by: "최다온", text })),
        };
      };
    },
    play: async ({ board }) => {
      await choose(board, "assigned");
      press("KeyN");
      await until(() => document.querySelector('[data-testid="note-dialog"] li') !== null);
    },
  },
  "view-remove": {
    play: async ({ board }) => {
      const { arrangement } = board;
      arrangement.views.save("지연만", { ...board.view.spec, layout: arrangement.layout });
      arrangement.chooseView(arrangement.views.all[0]?.id ?? null);
      arrangement.askRemove();
      await until(() => there("view-remove-dialog"));
    },
  },
  "view-taken": {
    play: async ({ board }) => {
      const { arrangement } = board;
      arrangement.views.save("지연만", { ...board.view.spec, layout: arrangement.layout });
      arrangement.askSave();
      await until(() => there("view-dialog"));
      type('[data-testid="view-dialog"] input', "지연만");
    },
  },
  "check-running": {
    play: async ({ app, platform }) => {
      platform.tell({ type: "check", center: "gangnam", report: check({}) });
      app.ask({ kind: "diagnosis", about: null });
      await until(() => there("check-everything"));
    },
  },
  "check-found": {
    play: async ({ app, platform }) => {
      const found = { phase: "done", buckets: 256, rows: 3_213, foundInMemory: 2, repaired: 2 } as const;
      platform.tell({ type: "check", center: "gangnam", report: check(found) });
      app.ask({ kind: "diagnosis", about: null });
      await until(() => there("check-everything"));
    },
  },
};
