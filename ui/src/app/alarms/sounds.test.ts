// Sounds as the page shows them: what is silent is said, and keys mute as the mouse does.

import { expect, test } from "vitest";
import { openWindow, press, until } from "../../test/window";
import { language } from "../../texts/language.svelte";
import { minutesTo, silence } from "./sounds.svelte";

const there = (testId: string): boolean => document.querySelector(`[data-testid="${testId}"]`) !== null;

test("the rail says what is silent and for how long, critical alarms first", () => {
  language.current = "ko";
  const cancelled = { kind: "cancelled", mayBeCritical: true } as const;
  const unproven = { kind: "unproven", mayBeCritical: false, criticalMutedUntil: null } as const;
  const MIN = 60_000;
  const all = [
    { ...unproven, mutedUntil: 60 * MIN },
    { ...cancelled, mutedUntil: 15 * MIN, criticalMutedUntil: 5 * MIN },
  ];
  expect(silence(all, 0)).toEqual({ text: "긴급 알람 소리 꺼짐 · 5분 남음", critical: true });
  expect(silence(all, 4 * MIN + 1)?.text).toBe("긴급 알람 소리 꺼짐 · 1분 남음");
  expect(silence(all, 5 * MIN)).toEqual({ text: "센터 확인 안 됨 소리 꺼짐 · 55분 남음", critical: false });
  expect(silence(all, 60 * MIN)).toBeNull();
  expect([minutesTo(null, 0), minutesTo(MIN, MIN), minutesTo(MIN, MIN - 1)]).toEqual([0, 0, 1]);
  // The window's clock moves once a second.
  expect([minutesTo(5 * MIN + 999, 0), minutesTo(5 * MIN + 1_001, 0)]).toEqual([5, 6]);
});

test("a kind is muted in the queue, and heard again; the rail says so while it lasts", async () => {
  const { find } = await openWindow();
  expect(there("sound-off")).toBe(false);
  press("KeyQ");
  await until(() => there("sound-cancelled"));
  const choose = (minutes: string): void => {
    const select = find("sound-cancelled") as HTMLSelectElement;
    select.value = minutes;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  choose("15");
  await until(() => there("sound-off"));
  expect(find("sound-off").classList.contains("critical")).toBe(true);
  choose("0");
  await until(() => !there("sound-off"));
});

test("by keys, too: each kind and time stands in the palette", async () => {
  const { app } = await openWindow();
  const titles = app.shortcuts.filter(({ id }) => id.startsWith("mute.")).map(({ title }) => title());
  expect(titles).toContain("소리 끄기: 배달 취소 5분");
  expect(titles).toContain("소리 끄기: 배달 취소 60분 (긴급은 5분)");
  const shortcut = (id: string): (typeof app.shortcuts)[number] | undefined =>
    app.shortcuts.find((one) => one.id === id);
  expect(shortcut("unmute.unproven")?.possible()).toBe(false);
  shortcut("mute.unproven.60")?.run();
  await until(() => there("sound-off"));
  shortcut("unmute.unproven")?.run();
  await until(() => !there("sound-off"));
});

test("what can't be muted says so in the queue", async () => {
  const { app, platform } = await openWindow();
  platform.muteAlarms = async () => {
    throw { code: "stopped", message: "", retryable: false };
  };
  press("KeyQ");
  await until(() => there("alarm-queue"));
  await app.sounds.mute("cancelled", 5);
  await until(() => document.querySelector(".queue .failure") !== null);
  expect(there("sound-off")).toBe(false);
});
