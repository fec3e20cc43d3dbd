// First start: sign-in, what goes wrong with it, the demo.

import { expect, test } from "vitest";
import { FakePlatform } from "../../test/fake";
import { openWindow, type TestWindow, until } from "../../test/window";
import { ENDED_SHOWN_MS } from "../app.svelte";

function fill({ find }: TestWindow): void {
  for (const name of ["server", "account", "password"]) {
    const field = find(name) as HTMLInputElement;
    field.value = "http://127.0.0.1:1";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

test("wrong password and unreachable server are one clear sentence each; then it signs in", async () => {
  const platform = new FakePlatform(50, { signedIn: false });
  const window = await openWindow(platform, false);
  await until(() => document.querySelector("form") !== null);
  fill(window);
  const say = async (code: string, sentence: string): Promise<void> => {
    platform.refusal = { code, message: "", retryable: false };
    window.find("sign-in").click();
    await until(() => window.find("sign-in-error").textContent === sentence);
  };
  await say("unauthorized", "계정이나 비밀번호가 맞지 않습니다. 확인하고 다시 시도하세요.");
  await say("unreachable", "서버에 연결할 수 없습니다. 주소와 네트워크를 확인하고 다시 시도하세요.");
  platform.refusal = null;
  window.find("sign-in").click();
  await until(() => window.board.view.loaded);
  platform.tell({ type: "signedOut", code: "unauthorized" });
  await until(() => document.querySelector("form") !== null);
  expect(window.find("sign-in-error").textContent).toContain("세션이 끝났습니다");
  // What was shown stays under it, without where people live, until a quarter of an hour is over.
  const address = document.querySelector<HTMLElement>('.row[data-id] [data-column="address"]');
  if (address === null) throw new Error("the board is gone");
  expect(getComputedStyle(address).visibility).toBe("hidden");
  window.app.tick(Date.now() + ENDED_SHOWN_MS + 1_000);
  await until(() => document.querySelector(".row[data-id]") === null);
  expect(document.querySelector("form")).not.toBeNull();
});

test("a field that is left empty is asked for in the window's own words", async () => {
  const platform = new FakePlatform(50, { signedIn: false });
  const window = await openWindow(platform, false);
  await until(() => document.querySelector("form") !== null);
  window.find("sign-in").click();
  await until(() => window.find("sign-in-error").textContent === "빈 칸을 모두 채우세요.");
});

test("the demo is one button away", async () => {
  const window = await openWindow(new FakePlatform(50, { signedIn: false }), false);
  await until(() => document.querySelector("form") !== null);
  window.find("try-demo").click();
  await until(() => window.board.view.loaded);
  expect(document.body.textContent).toContain("모의 ×60");
});

test("an account without a center is told what to do", async () => {
  await openWindow(new FakePlatform(0, { centers: [] }), false);
  await until(() => document.body.textContent?.includes("이 계정에 센터가 없습니다") ?? false);
});
