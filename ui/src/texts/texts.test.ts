// Both languages say everything, with the same values in it; times are read in the center's zone.

import { expect, test } from "vitest";
import en from "../../messages/en.json";
import ko from "../../messages/ko.json";
import { elapsed, left, ZoneClock } from "./format";
import { language } from "./language.svelte";

const values = (message: unknown): string[] =>
  [...new Set([...JSON.stringify(message).matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ""))].sort();

test("ko and en have the same keys and the same values in each", () => {
  expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
  for (const [key, message] of Object.entries(en)) {
    expect(values((ko as Record<string, unknown>)[key]), key).toEqual(values(message));
  }
});

test("times are those of the zone", () => {
  const at = Date.UTC(2026, 4, 15, 15, 30, 9);
  expect(new ZoneClock("Asia/Seoul").minute(at)).toBe("00:30");
  expect(new ZoneClock("Asia/Seoul").second(at)).toBe("00:30:09");
  expect(new ZoneClock("Asia/Kathmandu").minute(at)).toBe("21:15");
  expect(new ZoneClock("Asia/Seoul").minute(null)).toBe("");
});

test("what has gone by and what is left stand in minutes, as targets do, and fit their columns", () => {
  language.current = "ko";
  const minutes = (count: number): number => count * 60_000;
  expect([0, 204, 999, 1_000].map((count) => elapsed(minutes(count)))).toEqual([
    "0분",
    "204분",
    "999분",
    "16시간",
  ]);
  expect(left(minutes(25))).toBe("25분");
  expect(left(-minutes(204))).toBe("−204분");
});

test("in Korean things are called what those who work with them call them", () => {
  const called: Partial<Record<keyof typeof ko, string>> = {
    act_unassign: "배차 해제",
    act_acknowledge: "알람 확인",
    act_accept: "주문 수락",
    group_none: "그룹 없음",
    cancel_by: "취소한 쪽",
    try_demo: "데모 체험",
    complete_as_of: "{time}까지 모두 반영",
    server: "서버",
  };
  expect(ko).toMatchObject(called);
  for (const [key, message] of Object.entries(ko)) {
    // The server is no hub to them, and to give a rider up is not to cancel.
    expect(JSON.stringify(message), key).not.toMatch(/허브|배차 취소/);
  }
});

test("no message is in the other language", () => {
  /** Names that are the same in both. */
  const same =
    /Gwanje|gwanje-hub|English|한국어|관제|https?:\S+|Ctrl|Shift|Alt|Enter|Esc|rev|km|ms|ㄱㄴ|95%|99%|[JK]\b/g;
  for (const [key, message] of Object.entries(ko)) {
    const said = JSON.stringify(message)
      .replace(/\{\w+\}/g, "")
      .replace(same, "");
    expect(said, key).not.toMatch(/[A-Za-z]{3,} [A-Za-z]{2,}/);
  }
  for (const [key, message] of Object.entries(en)) {
    const said = JSON.stringify(message).replace(same, "");
    if (key !== "language_other" && key !== "act_language") expect(said, key).not.toMatch(/[가-힣]/);
  }
});
