// The diagnostics dialog: opened by mouse and keys, in both languages, and idle while it is closed.

import axe from "axe-core";
import { describe, expect, test } from "vitest";
import { asText, checkText, sections } from "../../parts/diagnosis/sections";
import type { Theme } from "../../platform/contract";
import type { CheckReport } from "../../platform/generated/CheckReport";
import { NOW } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { openWindow, press, type TestWindow, until } from "../../test/window";
import { bytes, ZoneClock } from "../../texts/format";
import { language } from "../../texts/language.svelte";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

const report = (part: Partial<CheckReport>): CheckReport => ({
  phase: "running",
  beganAt: 1,
  at: 2,
  buckets: 64,
  rows: 800,
  foundInMemory: 0,
  audited: true,
  foundOnDisk: 0,
  repaired: 0,
  bytes: 812_000,
  ...part,
});

async function opened(platform = new FakePlatform(300)): Promise<TestWindow> {
  const window = await openWindow(platform);
  window.find("open-diagnosis").click();
  await until(() => there("check-everything"));
  return window;
}

test("opens from the freshness and from the palette, and gives the focus back", async () => {
  const window = await opened();
  expect(window.find("diagnosis").getAttribute("aria-label")).toBe("진단");
  window.find("diagnosis-close").click();
  await until(() => !there("diagnosis") && document.activeElement === window.find("board-grid"));
  press("KeyK", { ctrlKey: true });
  const option = (): HTMLElement | undefined =>
    [...document.querySelectorAll<HTMLElement>('[data-testid="palette-option"]')].find((found) =>
      found.textContent?.includes("진단"),
    );
  await until(() => option() !== undefined);
  option()?.click();
  await until(() => there("diagnosis"));
});

test("asks nothing of the application while it is closed", async () => {
  const { platform, find } = await opened();
  await until(() => platform.looks >= 2);
  find("diagnosis-close").click();
  await until(() => !there("diagnosis"));
  const looks = platform.looks;
  await new Promise((next) => setTimeout(next, 1_200));
  expect(platform.looks).toBe(looks);
});

test("tells of each center; a tab or an arrow goes to the next", async () => {
  const { find } = await opened();
  const panel = (): string => document.getElementById("diagnosis-panel")?.textContent ?? "";
  expect(panel()).toContain("실시간");
  for (const what of [
    "소켓 5,398회",
    "헤드 1 · 다이제스트 0",
    "중앙 3 · 95% 9",
    "256개 가운데 256개",
    "2.9 MB",
  ]) {
    expect(panel()).toContain(what);
  }
  const tabs = [...find("diagnosis").querySelectorAll<HTMLElement>('[role="tab"]')];
  expect(tabs.map((tab) => tab.textContent?.trim())).toEqual(["강남", "송파"]);
  tabs[0]?.focus();
  tabs[0]?.dispatchEvent(
    new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true }),
  );
  await until(() => panel().includes("주기 조회") && panel().includes("cut"));
  expect(tabs[1]?.getAttribute("aria-selected")).toBe("true");
  expect(document.activeElement).toBe(tabs[1]);
});

test("everything it says can be scrolled to, and nothing lies beside it", async () => {
  await opened();
  const panel = document.getElementById("diagnosis-panel");
  if (!panel) throw new Error("no panel");
  expect(panel.querySelectorAll("section").length).toBe(7);
  expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth);
  expect(panel.scrollHeight).toBeGreaterThan(panel.clientHeight);
});

test("compares everything, with progress and result", async () => {
  const { platform, find } = await opened();
  find("check-everything").click();
  await until(() => platform.checked.length === 1);
  expect(platform.checked).toEqual(["gangnam"]);
  platform.tell({ type: "check", center: "gangnam", report: report({}) });
  await until(() => find("check-result").dataset["phase"] === "running");
  expect(find("diagnosis").querySelector("progress")?.value).toBe(64);
  expect(find("check-everything").hasAttribute("disabled")).toBe(true);
  platform.tell({
    type: "check",
    center: "gangnam",
    report: report({ phase: "done", buckets: 256, rows: 3_120 }),
  });
  await until(() => find("check-result").dataset["phase"] === "done");
  expect(find("check-result").textContent).toContain("3,120행의 내용이 서버와 같고");
  expect(find("check-everything").hasAttribute("disabled")).toBe(false);
});

test("says what a comparison found, and that it stopped or could not read the disk", async () => {
  await openWindow(new FakePlatform(10));
  const found = report({ phase: "done", buckets: 256, foundInMemory: 2, foundOnDisk: 1, repaired: 3 });
  expect(checkText(found)).toContain("메모리 2행, 디스크 1행, 고친 것 3행");
  expect(checkText(report({ phase: "stopped" }))).toContain("멈췄습니다");
  expect(checkText(report({ phase: "done", audited: false }))).toContain("캐시는 읽지 못했습니다");
});

test("copies everything as text, without a customer's data", async () => {
  const { platform, app } = await openWindow(new FakePlatform(10, { locale: "en" }));
  const all = await platform.diagnostics();
  const textOf = (foreign: boolean): string =>
    asText(
      all,
      (center) => app.scene.nameOf(center),
      (center) => app.scene.clockOf(center),
      foreign,
    );
  const text = textOf(false);
  for (const part of [
    "== 강남 (gangnam) ==",
    "[Proof and repair]",
    "Proofs: socket 5,398 · polls 4",
    "seat 01KASEAT",
    "Revision · epoch: ",
  ]) {
    expect(text).toContain(part);
  }
  expect(textOf(true)).not.toContain("Revision");
  expect(text).not.toContain("010-");
  language.current = "ko";
});

test("in a drill instants go by the day's clock, as in the header, and ages by the desk's", async () => {
  const { platform } = await openWindow(new FakePlatform(10));
  const all = await platform.diagnostics();
  const [center] = all.centers;
  if (!center) throw new Error("a center");
  const freshness = {
    ...center.freshness,
    speed: 60,
    dayAt: NOW,
    dayAtWall: all.at,
    provenAt: all.at - 2_000,
  };
  const clock = new ZoneClock("Asia/Seoul");
  const lines = sections(all, { ...center, freshness }, clock, false).flatMap((section) => section.lines);
  expect(lines.map(({ value }) => value)).toContain(`${clock.second(NOW - 2 * 60_000)} (2초 전)`);
});

test("bytes are short", () => {
  expect([0, 999, 1_000, 12_345, 3_310_204, 21_480_112].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "12 kB",
    "3.3 MB",
    "21 MB",
  ]);
});

describe.each<Theme>(["dark", "light"])("in %s", (theme) => {
  test("axe-core finds nothing wrong", async () => {
    const { platform } = await opened(new FakePlatform(300, { theme }));
    platform.tell({ type: "check", center: "gangnam", report: report({}) });
    await until(() => document.querySelector("progress") !== null);
    const { violations } = await axe.run(document.body, { resultTypes: ["violations"] });
    expect(
      violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}`)),
    ).toEqual([]);
  });
});
