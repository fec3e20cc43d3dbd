// The board in a window: rows, keys, freshness, filters.

import { beforeEach, describe, expect, test } from "vitest";
import { day, NOW } from "../../test/day";
import { FakePlatform } from "../../test/fake";
import { openWindow, press, type TestWindow, until } from "../../test/window";

const rowNodes = (): number => document.querySelectorAll(".sheet .row").length;
const selected = (): string | undefined =>
  document.querySelector<HTMLElement>('.row[aria-selected="true"]')?.dataset["id"];

describe("the board", () => {
  let window: TestWindow;
  beforeEach(async () => {
    window = await openWindow();
  });

  test("has as many row nodes for three thousand deliveries as for a hundred thousand, wherever it is scrolled", async () => {
    const nodes = rowNodes();
    expect(nodes).toBeGreaterThan(20);
    expect(nodes).toBeLessThan(120);
    const before = new Set(document.querySelectorAll(".sheet .row"));
    const { platform, board, find } = window;
    platform.rows = new Map(day(100_000).map((row) => [row.id, row]));
    platform.change(1, {});
    await until(() => board.view.total === 100_000);
    for (const top of [240, 24_000, 1_200_000, 2_399_000]) {
      find("board-grid").scrollTop = top;
      await until(() => board.view.page.at(Math.floor(top / 24)) !== undefined);
      expect(rowNodes()).toBe(nodes);
    }
    expect([...document.querySelectorAll(".sheet .row")].every((node) => before.has(node))).toBe(true);
    expect(find("board-grid").getAttribute("aria-rowcount")).toBe("100001");
  });

  test("moves by keys with Hangul input on, and the choice follows the delivery", async () => {
    press("KeyJ");
    await until(() => selected() === "3000");
    press("KeyJ");
    press("ArrowDown");
    await until(() => selected() === "2998");
    press("KeyK");
    await until(() => selected() === "2999");
    const newest = window.platform.rows.get(3_000);
    if (newest) window.platform.add({ ...newest, id: 3_001, number: "74872" });
    await until(() => window.board.view.total === 3_001);
    expect(selected()).toBe("2999");
    const grid = window.find("board-grid");
    const active = document.getElementById(grid.getAttribute("aria-activedescendant") ?? "");
    expect(active?.dataset["id"]).toBe("2999");
    expect(active?.getAttribute("aria-rowindex")).toBe("4");
    press("End");
    await until(() => selected() === "1");
    press("Home");
    await until(() => selected() === "3001");
    expect(document.activeElement).toBe(grid);
  });

  test("acknowledges what it has shown, and asks for a reset when a patch is missing", async () => {
    const { platform, board } = window;
    await until(() => platform.acks.some(([view, seq]) => view === 1 && seq >= 1));
    platform.loseOne();
    platform.change(2_999, { shop: "바뀐 가게" });
    await until(() => platform.resets.length === 1 && board.view.page.rows.get(2_999)?.shop === "바뀐 가게");
    platform.stall(1);
    await until(() => platform.opened.length === 2);
    platform.change(2_999, { shop: "또 바뀐 가게" });
    await until(() => document.body.textContent?.includes("또 바뀐 가게") ?? false);
  });

  test("shows each change in its cell: status, rider, mark, and a row that can't be read", async () => {
    const { platform } = window;
    platform.change(3_000, {
      status: "assigned",
      rider: { id: "r1", name: "새 라이더", lentFrom: "songpa", confirmed: false },
    });
    const row = (): HTMLElement | null => document.querySelector('[data-id="3000"]');
    await until(() => row()?.textContent?.includes("새 라이더") ?? false);
    expect(row()?.textContent).toContain("송파");
    expect(row()?.textContent).toContain("미확인");
    platform.change(3_000, { mark: "unknown" });
    await until(() => row()?.classList.contains("unknown") ?? false);
    platform.change(3_000, { status: null });
    await until(() => row()?.textContent?.includes("읽을 수 없음") ?? false);
  });

  test("filters by status with live counts, and by text", async () => {
    const { platform, board, find } = window;
    const waiting = [...platform.rows.values()].filter((row) => row.status === "waiting").length;
    expect(find("count-waiting").dataset["value"]).toBe(String(waiting));
    find("status-filter-waiting").click();
    await until(() => find("total").dataset["value"] === String(waiting));
    expect(find("status-filter-waiting").getAttribute("aria-pressed")).toBe("true");
    press("Slash");
    expect(document.activeElement).toBe(find("search"));
    press("KeyJ");
    expect(board.selection.id).toBeNull();
  });

  test("Enter in the search goes to the first that fits; with none it stays", async () => {
    const { platform, board, find } = window;
    platform.change(1_234, { shop: "하나뿐인 가게" });
    press("Slash");
    const type = (text: string): void => {
      const field = find("search") as HTMLInputElement;
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      press("Enter", { key: "Enter" });
    };
    type("없는 가게");
    await until(() => board.view.loaded && board.view.total === 0);
    expect(document.activeElement).toBe(find("search"));
    type("하나뿐인");
    await until(() => board.selection.id === 1_234 && document.activeElement === find("board-grid"));
  });

  test("keys that are quicker than the list act on what it finds", async () => {
    const { platform, board, find } = window;
    platform.change(1_234, { shop: "하나뿐인 가게", status: "waiting" });
    press("Home");
    await until(() => board.selection.id !== null);
    const answer = platform.resetView.bind(platform);
    let goOn = (): void => {};
    platform.resetView = (view) => new Promise((done) => (goOn = () => done(answer(view))));
    press("Slash");
    const field = find("search") as HTMLInputElement;
    field.value = "하나뿐인";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    press("Enter", { key: "Enter" });
    press("KeyA");
    await until(() => board.view.total === 1);
    expect(document.querySelector('[data-testid="assign-dialog"]')).toBeNull();
    goOn();
    await until(() => document.querySelector('[data-testid="assign-dialog"]') !== null);
    expect(board.selection.id).toBe(1_234);
    expect(field.value).toBe("하나뿐인");
  });

  test("shows groups below their heads; an open one's head is passed over, a closed one's stands for its rows", async () => {
    const { platform, find } = window;
    const group = find("group") as HTMLSelectElement;
    group.value = "status";
    group.dispatchEvent(new Event("change", { bubbles: true }));
    const head = (key: string): HTMLElement | null => document.querySelector(`[data-group="${key}"]`);
    // Late ones stand above, in Act now.
    const below = [...platform.rows.values()].filter(({ lateAt }) => lateAt === null || lateAt > NOW);
    const received = below.filter((row) => row.status === "received");
    await until(() => head("act") !== null);
    head("act")?.click();
    await until(() => head("act")?.getAttribute("aria-expanded") === "false" && head("received") !== null);
    expect(head("received")?.textContent).toContain(`접수${received.length}`);
    expect(head("received")?.getAttribute("aria-expanded")).toBe("true");
    expect(find("total").dataset["value"]).toBe("3000");
    press("Home");
    press("KeyJ");
    await until(() => selected() === String(Math.max(...received.map(({ id }) => id))));
    press("ArrowLeft");
    await until(() => head("received")?.getAttribute("aria-expanded") === "false");
    await until(() => head("received")?.getAttribute("aria-selected") === "true");
    expect(find("board-grid").getAttribute("role")).toBe("treegrid");
    const waiting = below.filter((row) => row.status === "waiting");
    press("KeyJ");
    await until(() => selected() === String(Math.max(...waiting.map(({ id }) => id))));
    press("KeyK");
    press("Enter");
    await until(() => head("received")?.getAttribute("aria-expanded") === "true");
    expect(find("total").dataset["value"]).toBe("3000");
  });

  test("filters by remarks that wait for an answer", async () => {
    const { platform, find } = window;
    const noted = [...platform.rows.values()].filter((row) => row.asks).length;
    find("filter-noted").click();
    await until(() => find("total").dataset["value"] === String(noted));
  });

  test("sorts by a header, with Shift by a further one", async () => {
    const { board, find } = window;
    const head = (key: string): HTMLElement | null =>
      find("board-grid").querySelector(`[data-sort="${key}"]`);
    head("shop")?.click();
    expect(board.view.spec.sort).toEqual([{ key: "shop", descending: false }]);
    head("rider")?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(board.view.spec.sort.map(({ key }) => key)).toEqual(["shop", "rider"]);
    await until(
      () => head("shop")?.closest("[role=columnheader]")?.getAttribute("aria-sort") === "ascending",
    );
  });

  test("says how fresh it is, and looks stale when it is", async () => {
    const { platform, find } = window;
    expect(find("link-state").textContent).toBe("실시간");
    expect(find("complete-as-of").textContent?.trim()).toBe("18:42:07까지 모두 반영");
    expect(find("complete-as-of").dataset["at"]).toBe(String(NOW));
    platform.tell(platform.freshness({ state: "offline", provenAt: Date.now() - 200_000 }));
    await until(() => find("link-state").dataset["state"] === "offline");
    expect(find("stale-band").textContent).toContain("3분");
    expect(find("board-grid").classList.contains("stale")).toBe(true);
  });

  test("changes language and theme at once, and keeps both", async () => {
    const { platform, find } = window;
    find("language-toggle").click();
    await until(() => find("link-state").textContent === "Live");
    expect(find("board-grid").textContent).toContain("Waiting");
    find("theme-toggle").click();
    await until(() => document.documentElement.dataset["theme"] === "light");
    expect(platform.preferences).toEqual({ locale: "en", theme: "light" });
  });
});

describe("places", () => {
  const realNow = Date.now;
  let window: TestWindow;
  let wall: number;
  beforeEach(async () => {
    window = await openWindow();
    wall = Date.now();
    Date.now = () => wall;
    return () => {
      Date.now = realNow;
    };
  });
  const pass = (ms: number): void => {
    wall += ms;
    window.board.tick(wall);
  };

  test("stand still from a touch until ten seconds after the last, details open or not, and say what waits", async () => {
    const { platform, board, find } = window;
    platform.held = { new: 124, act: 2, gone: 0, moved: 9 };
    press("KeyJ");
    await until(() => board.view.spec.hold && find("held").textContent?.includes("새 주문 124") === true);
    press("Enter");
    await until(() => board.detailOpen);
    pass(9_999);
    expect(board.view.spec.hold).toBe(true);
    pass(1);
    expect(board.view.spec.hold).toBe(false);
    expect(board.detailOpen).toBe(true);
  });

  test("are not held for an alarm that is listed again, nor for one of this seat's own doing", async () => {
    const { platform, board } = window;
    platform.raise(10, "late", { relisted: true });
    platform.raise(11, "cancelled", { yours: true });
    expect(board.view.spec.hold).toBe(false);
    platform.raise(12, "late");
    expect(board.view.spec.hold).toBe(true);
  });

  test("are not held while there is nothing in them: an alarm before the board hides no delivery", async () => {
    const { platform, board } = await openWindow(new FakePlatform(0), false);
    platform.raise(10, "late");
    board.touch();
    expect(board.view.spec.hold).toBe(false);
    platform.tell(platform.freshness({ state: "catchingUp" }));
    for (const row of day(30)) platform.add(row);
    await until(() => board.view.total === 30);
    platform.raise(11, "late");
    expect(board.view.spec.hold).toBe(false);
    platform.tell(platform.freshness({}));
    platform.raise(12, "late");
    expect(board.view.spec.hold).toBe(true);
  });

  test("that the core held for an alarm's row are this page's to hold and to release", async () => {
    const { platform, board } = window;
    platform.holdByCore();
    await until(() => board.view.held !== null);
    expect(board.view.spec.hold).toBe(false);
    pass(1_000);
    expect(board.view.spec.hold).toBe(false);
    pass(1_000);
    expect(board.view.spec.hold).toBe(true);
    pass(9_999);
    expect(board.view.spec.hold).toBe(true);
    pass(1);
    expect(board.view.spec.hold).toBe(false);
    await until(() => board.view.held === null);
  });

  test("that the core holds are released by the key, and Esc right after it ends the search", async () => {
    const { platform, board } = window;
    board.show({ search: "3" });
    await board.view.current();
    platform.holdByCore();
    await until(() => board.view.held !== null);
    press("Period");
    press("Escape");
    expect(board.view.spec.search).toBe("");
    await until(() => board.view.held === null && board.view.total === platform.rows.size);
  });

  test("are shown as they are now at once by the key, and the strip moves no row", async () => {
    const { platform, board, find } = window;
    const top = (): number => find("board-grid").getBoundingClientRect().top;
    const before = top();
    platform.held = { new: 1, act: 0, gone: 0, moved: 0 };
    press("KeyJ");
    await until(() => document.querySelector('[data-testid="show-now"]') !== null);
    expect(top()).toBe(before);
    press("Period");
    await until(() => !board.view.spec.hold && document.querySelector('[data-testid="show-now"]') === null);
    expect(top()).toBe(before);
  });

  test("after a minute of reading let in what must be acted on", async () => {
    const { platform, board } = window;
    platform.held = { new: 3, act: 1, gone: 0, moved: 0 };
    board.touch();
    await until(() => board.view.held?.act === 1);
    for (let second = 0; second < 55; second += 5) {
      pass(5_000);
      board.touch();
    }
    expect(platform.admitted).toEqual([]);
    pass(5_000);
    expect(platform.admitted.length).toBe(1);
    expect(board.view.spec.hold).toBe(true);
  });
});

test("after a click on a filter the keys belong to the list again with J", async () => {
  const { board, find } = await openWindow();
  const filter = find("status-filter-waiting");
  filter.focus();
  filter.click();
  await until(() => board.view.matching < 3_000);
  press("KeyJ");
  expect(document.activeElement).toBe(find("board-grid"));
  press("Space");
  await until(() => board.selection.id !== null);
  press("Enter");
  await until(() => board.detailOpen);
  expect(filter.getAttribute("aria-pressed")).toBe("true");
});

test("what counts as at risk is said in its center's own minutes", async () => {
  const at = { name: "", timeZone: "Asia/Seoul", undoWithinMs: 15_000 };
  const centers = [
    { ...at, id: "gangnam", atRiskMin: 7 },
    { ...at, id: "songpa", atRiskMin: 12 },
  ];
  const { app, find } = await openWindow(new FakePlatform(50, { centers }));
  const hint = (): string | undefined => find("count-at-risk").parentElement?.title;
  expect(hint()).toContain("7분 미만");
  app.showCenter(null);
  await until(() => hint()?.includes("12분 미만") === true);
});

test("all centers together have a column that names each", async () => {
  const { app, find } = await openWindow();
  expect(find("board-grid").querySelector('[data-sort="center"]')).toBeNull();
  app.showCenter(null);
  await until(() => find("board-grid").querySelector('[data-column="center"]')?.textContent === "강남");
});

test.each(["connecting", "catchingUp", "offline"] as const)(
  "%s and nothing proven: no zeros, and no empty day",
  async (state) => {
    const platform = new FakePlatform(0);
    platform.firstFreshness = { state, provenAt: null };
    const { find } = await openWindow(platform, false);
    await until(() => document.querySelector('[data-testid="board-loading"]') !== null);
    expect(document.querySelector('[data-testid="board-empty"]')).toBeNull();
    expect(find("count-waiting").textContent).toBe("–");
    expect(find("total").textContent).toBe("–");
    platform.tell(platform.freshness({}));
    platform.tell(platform.freshness({ center: "songpa" }));
    await until(() => document.querySelector('[data-testid="board-empty"]') !== null);
    expect(find("count-waiting").textContent).toBe("0");
  },
);

test("a board that has nothing says so", async () => {
  await openWindow(new FakePlatform(0), false);
  await until(() => document.body.textContent?.includes("아직 배달이 없습니다") ?? false);
});
