// The Monitor in the window: what it asks, of whom, and how honest it is about what it shows.

import { expect, test } from "vitest";
import { App } from "../../app/app.svelte";
import type { MonitorReply } from "../../platform/generated/MonitorReply";
import { FakePlatform } from "../../test/fake";
import { clientsOf, monitorOf } from "../../test/monitor";
import { openWindow, press, type TestWindow, until } from "../../test/window";
import { reportText } from "./report";
import { MonitorState } from "./state.svelte";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;
const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("[data-client]")];
const names = (): string[] =>
  rows().map((row) => row.querySelector('[data-column="name"] bdi')?.textContent ?? "");

type Opened = TestWindow & { monitor: MonitorState };

/** The Monitor, reached by its keys, of whoever has that role. */
async function opened(role = "admin", platform = new FakePlatform(50, { role })): Promise<Opened> {
  const window = await openWindow(platform);
  press("KeyG");
  press("KeyM");
  await until(() => there("monitor-own") && there("monitor-charts"));
  const { state } = window.app.screen;
  if (!(state instanceof MonitorState)) throw new Error("another screen is shown");
  return { ...window, monitor: state };
}

async function clients(window: Opened): Promise<void> {
  await until(() => window.monitor.hub !== null);
  window.find("monitor-tab-clients").click();
  await until(() => window.monitor.clients.all !== null && rows().length > 0);
}

/** The state alone, without a window that ticks. */
async function alone(platform: FakePlatform): Promise<MonitorState> {
  const app = new App(platform);
  app.boot = await platform.boot();
  return new MonitorState(app);
}

/** All that is under way has come to its end. */
const settled = (): Promise<void> => new Promise((next) => setTimeout(next));

test("hubs, namespaces, errors and broadcasts are told, beside the seat's own link", async () => {
  const { find, monitor } = await opened();
  await until(() => there("monitor-nodes"));
  const nodes = find("monitor-nodes").textContent ?? "";
  for (const what of ["hub-1", "31.4 %", "412 MB", "46.2", "redis 없이 동작", "2시간"])
    expect(nodes).toContain(what);
  expect(find("monitor-hubs").textContent).toContain("접속 14 · 계정 14 · 네임스페이스 2 · 룸 7");
  expect(find("monitor-errors").textContent).toContain("a commit took 2,140 ms");
  expect(find("monitor-errors").textContent).toContain("송파");
  expect(find("monitor-broadcasts").textContent).toContain("x:kitchen");
  const own = find("monitor-own").textContent ?? "";
  for (const what of ["웹소켓", "http://127.0.0.1:7400", "중앙 3 · 99% 21 ms", "받음 25 MB"])
    expect(own).toContain(what);
  expect(find("monitor-words").textContent).toContain("모든 변경");
  await until(() => monitor.ownSamples.length > 0 && monitor.hubSamples.length > 0);
  const charts = [...document.querySelectorAll('[role="img"][aria-label*="최고"]')].map(
    (chart) => chart.ariaLabel,
  );
  await until(() => document.querySelectorAll(".uplot canvas").length === 6);
  expect(charts).toContain("서버 CPU: hub-1 31.4 %, hub-2 39.4 %, 최고 39.4 %");
});

test("it asks while it is shown, and nothing while another screen is", async () => {
  const { platform, app, monitor } = await opened();
  await until(() => monitor.hub !== null);
  const later = Date.now() + 60_000;
  app.tick(later);
  await until(() => platform.monitorLooks >= 2 && monitor.failure === null);
  press("KeyG");
  press("KeyB");
  await until(() => there("board-grid"));
  const looks = [platform.monitorLooks, platform.looks];
  for (const second of [1, 2, 3, 4, 5, 6]) app.tick(later + second * 10_000);
  await settled();
  expect([platform.monitorLooks, platform.looks]).toEqual(looks);
});

test("however often a second goes by, one question is under way, and none sooner than every two seconds", async () => {
  const platform = new FakePlatform(1, { role: "admin" });
  const monitor = await alone(platform);
  let answer: (reply: MonitorReply) => void = () => {};
  let asked = 0;
  platform.monitor = () => {
    asked += 1;
    return new Promise((resolve) => (answer = resolve));
  };
  const start = Date.now();
  for (let second = 0; second < 30; second += 1) {
    monitor.tick(start + second * 1_000);
    await settled();
  }
  expect(asked).toBe(1);
  answer(monitorOf(clientsOf(3)));
  await settled();
  for (let second = 30; second < 40; second += 1) {
    monitor.tick(start + second * 1_000);
    await settled();
    answer(monitorOf(clientsOf(3)));
    await settled();
  }
  expect(asked).toBe(6);
});

test("while the hub is away it is asked more and more seldom, and at once by whoever wants it", async () => {
  const platform = new FakePlatform(1, { role: "admin" });
  platform.hubFailure = { code: "unreachable", message: "", retryable: true };
  const monitor = await alone(platform);
  const start = Date.now();
  for (let second = 0; second < 120; second += 1) {
    monitor.tick(start + second * 1_000);
    await settled();
  }
  // After 4, 8, 16 seconds, then every 30.
  expect(platform.monitorLooks).toBe(7);
  monitor.lookAgain();
  await settled();
  expect(platform.monitorLooks).toBe(8);
});

test("when the hub goes the last it said stays, grey, with its age and the reason; when it is back all is as before", async () => {
  const { platform, app, find, monitor } = await opened();
  await until(() => there("monitor-nodes"));
  platform.hubFailure = { code: "unreachable", message: "", retryable: true };
  app.tick(Date.now() + 3_000);
  await until(() => there("monitor-old"));
  expect(find("monitor-old").textContent).toMatch(/서버 정보는 \d+초 전 것입니다\. 서버가 응답하지 않아/);
  expect(find("monitor-hubs").classList.contains("stale")).toBe(true);
  expect(find("monitor-nodes").textContent).toContain("hub-1");
  expect(monitor.hubSamples.at(-1)?.value).toBe(null);
  platform.hubFailure = null;
  monitor.lookAgain();
  await until(() => !there("monitor-old"));
  expect(find("monitor-hubs").classList.contains("stale")).toBe(false);
});

test("a hub that hangs makes what it said old, without an answer", async () => {
  const { platform, app, find, monitor } = await opened();
  await until(() => monitor.hub !== null);
  platform.monitor = () => new Promise(() => {});
  app.tick(Date.now() + 20_000);
  monitor.hubAt = Date.now() - 20_000;
  await until(() => there("monitor-old"));
  expect(find("monitor-old").textContent).toMatch(/서버 정보는 \d+초 전 것입니다\.$/);
});

test.each(["dispatcher", "callcenter"])("a %s sees the own link, and who may see the hubs", async (role) => {
  const { platform, app, find } = await opened(role);
  app.tick(Date.now() + 60_000);
  await settled();
  expect(platform.monitorLooks + platform.clientWishes.length).toBe(0);
  expect(find("monitor-hub-state").textContent).toContain("감독");
  expect(find("monitor-own").textContent).toContain("웹소켓");
  expect(there("monitor-everywhere")).toBe(false);
  find("monitor-tab-clients").click();
  await until(() => !there("monitor-own"));
  expect(find("monitor-hub-state").textContent).toContain("감독");
  press("KeyL");
  expect(platform.monitorLooks).toBe(0);
});

test("a foreign server has no hubs to show, and says so", async () => {
  const foreign = {
    foreign: "레거시 배차",
    name: null,
    account: null,
    role: null,
    demo: false,
    drill: false,
  };
  const { platform, find } = await opened("", new FakePlatform(50, foreign));
  expect(find("monitor-hub-state").textContent).toContain("레거시 배차");
  expect(find("monitor-own").textContent).not.toContain("리비전");
  expect(platform.monitorLooks).toBe(0);
});

test("a hub without a monitor is told apart from one that is away", async () => {
  const platform = new FakePlatform(50, { role: "admin" });
  platform.hubFailure = { code: "not-found", message: "", retryable: false };
  const { find } = await opened("admin", platform);
  await until(() => find("monitor-hub-state").querySelector("button") !== null);
  expect(find("monitor-hub-state").textContent).toContain("모니터가 없습니다");
});

test("of thousands of clients those in sight are mounted; keys go to the last and back", async () => {
  const platform = new FakePlatform(50, { role: "admin" });
  platform.connected = clientsOf(1_900);
  const window = await opened("admin", platform);
  await clients(window);
  expect(window.find("monitor-clients").getAttribute("aria-rowcount")).toBe("1901");
  const mounted = rows().length;
  expect(mounted).toBeLessThan(80);
  press("End");
  await until(() => document.querySelector('[aria-rowindex="1901"][aria-selected="true"]') !== null);
  const last = document.querySelector('[aria-rowindex="1901"]')?.getBoundingClientRect();
  const list = window.find("monitor-clients").getBoundingClientRect();
  expect(last?.bottom).toBeLessThanOrEqual(list.bottom + 1);
  expect(rows().length).toBeLessThan(mounted + 20);
  press("KeyK");
  await until(() => document.querySelector('[aria-rowindex="1900"][aria-selected="true"]') !== null);
  press("Home");
  await until(() => document.querySelector('[aria-rowindex="2"][aria-selected="true"]') !== null);
  await until(() => window.find("monitor-clients").scrollTop === 0);
  // The head of the columns lies over no row.
  const head = document.querySelector('[role="columnheader"]')?.getBoundingClientRect();
  const first = document.querySelector('[aria-rowindex="2"]')?.getBoundingClientRect();
  expect(first?.top).toBeGreaterThanOrEqual((head?.bottom ?? 0) - 8);
});

test("clients are narrowed by namespace, room and words; the hub is asked for places, words fit as everywhere", async () => {
  const window = await opened();
  const { platform, find, monitor } = window;
  await until(() => monitor.hub !== null);
  document.querySelector<HTMLElement>('[data-namespace="/center/songpa"]')?.click();
  await until(() => rows().length === 4);
  document.querySelector<HTMLElement>('[data-room="seats"]')?.click();
  await until(() => monitor.clients.room === "seats" && monitor.clients.all !== null);
  expect(platform.clientWishes.at(-1)).toEqual({ namespace: "/center/songpa", room: "seats", account: null });
  find("monitor-everywhere").click();
  await until(() => rows().length === 14);
  press("Slash");
  await until(() => document.activeElement === find("monitor-search"));
  const type = (text: string): void => {
    const field = find("monitor-search") as HTMLInputElement;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  type("ㅊㄷㅇ");
  await until(() => rows().length === 2);
  expect(names()).toEqual(["최다온", "최다온 9"]);
  expect(platform.clientWishes.every(({ account }) => account === null)).toBe(true);
  type("");
  await until(() => rows().length === 14);
  find("monitor-behind").click();
  await until(() => rows().length === 1);
  expect(rows()[0]?.textContent).toContain("보통 3 · 최대 18");
  find("monitor-clients").focus();
  press("Escape");
  await until(() => rows().length === 14);
});

test("where the hub has more than it tells, it looks for the account itself", async () => {
  const platform = new FakePlatform(50, { role: "admin" });
  platform.connected = clientsOf(40);
  platform.clientsMost = 10;
  const window = await opened("admin", platform);
  await clients(window);
  expect(window.find("monitor-shown").textContent).toContain("처음 10개, 더 있음");
  window.monitor.clients.type("user-39");
  await until(() => names().length === 1 && names()[0]?.endsWith("39") === true);
  expect(platform.clientWishes.at(-1)?.account).toBe("user-39");
  window.monitor.clients.showAll();
  await until(() => rows().length === 10);
});

test("an admin puts a client out after being asked, and is told what became of it", async () => {
  const window = await opened();
  const { platform, find, monitor } = window;
  await clients(window);
  press("KeyJ");
  press("Enter");
  await until(() => there("monitor-put-out"));
  const { connectionId, name } = monitor.clients.chosen ?? {};
  find("monitor-put-out").click();
  await until(() => there("put-out-dialog"));
  press("Escape");
  document
    .querySelector("dialog")
    ?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await until(() => !there("put-out-dialog"));
  expect(platform.putOuts).toEqual([]);
  find("monitor-put-out").click();
  await until(() => there("put-out-confirm"));
  find("put-out-confirm").click();
  await until(() => there("monitor-put-out-said"));
  expect(platform.putOuts).toEqual([connectionId]);
  expect(find("monitor-put-out-said").textContent).toContain(`${name}의 연결을 끊었습니다`);
  await until(() => monitor.clients.goneAt !== null);
  expect(find("monitor-client").textContent).toContain("나감");
  expect(find("monitor-put-out").hasAttribute("disabled")).toBe(true);
});

test("one who left while it was asked is not put out any more", async () => {
  const window = await opened();
  const { platform, find, monitor } = window;
  await clients(window);
  press("KeyJ");
  press("Enter");
  await until(() => there("monitor-put-out"));
  find("monitor-put-out").click();
  await until(() => there("put-out-confirm"));
  const gone = monitor.clients.chosen?.connectionId;
  platform.connected = platform.connected.filter(({ connectionId }) => connectionId !== gone);
  await monitor.clients.ask();
  await until(() => find("put-out-confirm").hasAttribute("disabled"));
  expect(platform.putOuts).toEqual([]);
});

test("a supervisor sees who is connected, and why nobody can be put out", async () => {
  const window = await opened("supervisor");
  await clients(window);
  press("KeyJ");
  press("Enter");
  await until(() => there("monitor-put-out"));
  expect(window.find("monitor-put-out").hasAttribute("disabled")).toBe(true);
  expect(window.find("monitor-put-out").title).toBe("관리자만 할 수 있습니다");
  window.monitor.askPutOut();
  expect(there("put-out-dialog")).toBe(false);
});

test("what is answered after a sign-out is shown to nobody", async () => {
  const { platform, app, monitor } = await opened();
  await until(() => monitor.hub !== null);
  let answer: (reply: MonitorReply) => void = () => {};
  platform.monitor = () => new Promise((resolve) => (answer = resolve));
  monitor.lookAgain();
  await app.signOut();
  answer(monitorOf(clientsOf(9)));
  await settled();
  expect(monitor.hub).toBe(null);
  expect(monitor.clients.all).toBe(null);
  expect(monitor.hubSamples).toEqual([]);
});

test("everything of the center that is looked at is compared by a key, and the result stands there", async () => {
  const { platform, app, find } = await opened();
  press("KeyV", { shiftKey: true });
  await until(() => platform.checked.length === 1);
  expect(platform.checked).toEqual(["gangnam"]);
  app.showCenter(null);
  press("KeyV", { shiftKey: true });
  await until(() => platform.checked.length === 3);
  expect(find("monitor-own").textContent).toContain("모든 센터");
});

test("the report holds this seat's diagnosis and the hubs, and no customer's data", async () => {
  const platform = new FakePlatform(10);
  const { app } = await openWindow(platform);
  const hub = monitorOf(clientsOf(5));
  const text = reportText(await platform.diagnostics(), hub, Date.now(), app);
  for (const part of [
    "== 강남 (gangnam) ==",
    "hub-2 · redis 없이 동작",
    "/center/songpa: 1",
    "error hub-1 ×1: a commit",
  ])
    expect(text).toContain(part);
  expect(text).not.toContain("010-");
  expect(reportText(await platform.diagnostics(), null, null, app)).not.toContain("hub-2");
});
