// Columns and views in a window: by mouse and by keys, kept at the seat and with the account.

import { beforeEach, describe, expect, test } from "vitest";
import type { Boot } from "../../platform/contract";
import { FakePlatform } from "../../test/fake";
import { openWindow, press, type TestWindow, until } from "../../test/window";

const heads = (): string[] =>
  [...document.querySelectorAll<HTMLElement>("[data-head]")].map(({ dataset }) => dataset["head"] ?? "");
const head = (id: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(`[data-head="${id}"]`);
  if (found === null) throw new Error(`no head of ${id}`);
  return found;
};
const button = (id: string): HTMLElement => head(id).querySelector("button") ?? head(id);
const cells = (): string[] =>
  [...document.querySelectorAll<HTMLElement>(".row[data-id] [data-column]")]
    .slice(0, heads().length)
    .map(({ dataset }) => dataset["column"] ?? "");
const pointer = (target: Element, type: string, x: number): void => {
  const at = { clientX: x, pointerId: 1, button: 0, bubbles: true, cancelable: true };
  target.dispatchEvent(new PointerEvent(type, at));
};
/** A pointer of a test holds nothing: capture is the browser's, and here every event is sent to its target anyway. */
const uncaptured = (target: Element): void => {
  target.setPointerCapture = () => {};
};

describe("columns", () => {
  let window: TestWindow;
  beforeEach(async () => {
    window = await openWindow();
  });

  test("are moved by keys: the head keeps the keys, and every row follows", async () => {
    expect(heads().slice(0, 4)).toEqual(["number", "status", "elapsed", "left"]);
    button("left").focus();
    press("ArrowLeft", { altKey: true });
    await until(() => heads()[2] === "left");
    expect(document.activeElement).toBe(button("left"));
    expect(cells()).toEqual(heads());
    press("ArrowRight", { altKey: true });
    await until(() => heads()[3] === "left");
    press("ArrowRight");
    expect(document.activeElement).toBe(button("target"));
    expect(window.board.selection.id).toBeNull();
  });

  test("are sorted by Enter, as by a click; one that is no order stays as it is", async () => {
    button("shop").focus();
    button("shop").click();
    expect(window.board.view.spec.sort).toEqual([{ key: "shop", descending: false }]);
    button("target").click();
    expect(window.board.view.spec.sort).toEqual([{ key: "shop", descending: false }]);
    await until(() => head("shop").ariaSort === "ascending");
  });

  test("are sized by keys and by their edge, within bounds; a double click gives the width back", async () => {
    const { platform } = window;
    const before = head("rider").clientWidth;
    button("rider").focus();
    press("ArrowRight", { ctrlKey: true });
    await until(() => head("rider").clientWidth === before + 8);
    press("ArrowLeft", { shiftKey: true });
    await until(() => head("rider").clientWidth === before);
    const edge = head("rider").querySelector(".edge");
    if (edge === null) throw new Error("a head has no edge");
    uncaptured(edge);
    pointer(edge, "pointerdown", 500);
    pointer(edge, "pointermove", 540);
    await until(() => head("rider").clientWidth === before + 40);
    expect(JSON.parse(platform.kept.get("board.widths") ?? "{}").rider).toBe(before);
    pointer(edge, "pointermove", -5_000);
    pointer(edge, "pointerup", -5_000);
    await until(() => head("rider").clientWidth === 28);
    edge.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    await until(() => head("rider").clientWidth === before);
    expect(platform.kept.get("board.widths")).toBe("{}");
  });

  test("are moved by dragging a head; a press that hardly moves sorts", async () => {
    const shop = button("shop");
    uncaptured(shop);
    const { left } = head("elapsed").getBoundingClientRect();
    pointer(shop, "pointerdown", 600);
    pointer(shop, "pointermove", left + 2);
    pointer(shop, "pointerup", left + 2);
    shop.click();
    await until(() => heads()[2] === "shop");
    expect(window.board.view.spec.sort.map(({ key }) => key)).toEqual(["number"]);
    pointer(shop, "pointerdown", 600);
    pointer(shop, "pointermove", 602);
    pointer(shop, "pointerup", 602);
    shop.click();
    expect(window.board.view.spec.sort.map(({ key }) => key)).toEqual(["shop"]);
    expect(heads()[2]).toBe("shop");
  });

  test("moving and sizing them moves no row", async () => {
    const top = (): number | undefined =>
      document.querySelector('[data-id="2990"]')?.getBoundingClientRect().top;
    window.find("board-grid").scrollTop = 100;
    await until(() => top() !== undefined);
    const before = top();
    window.board.arrangement.moveColumn("address", "rider");
    window.board.arrangement.sizeColumn("rider", 200);
    window.board.arrangement.showColumn("distance", false);
    await until(() => !heads().includes("distance") && cells().join() === heads().join());
    expect(top()).toBe(before);
  });

  test("are chosen in a dialog, by the palette too; number and status always stand there", async () => {
    const { find } = window;
    find("columns").click();
    await until(() => document.querySelector('[data-testid="columns-dialog"]') !== null);
    const box = (id: string): HTMLInputElement | null =>
      document.querySelector(`[data-testid="columns-dialog"] [data-id="${id}"] input`);
    box("distance")?.click();
    box("status")?.click();
    await until(() => !heads().includes("distance"));
    expect([heads().includes("status"), box("status")?.checked]).toEqual([true, true]);
    box("status")?.focus();
    press("ArrowDown", { altKey: true });
    await until(() => heads()[2] === "status");
    expect(document.activeElement).toBe(box("status"));
    find("columns-reset").click();
    await until(() => heads()[1] === "status" && heads().includes("distance"));
    press("Escape", { key: "Escape" });
    await until(() => document.querySelector('[data-testid="columns-dialog"]') === null);
    expect(document.activeElement).toBe(find("board-grid"));
    expect(window.app.shortcuts.map(({ id }) => id)).toContain("columns");
  });

  test("rows stand as close as wanted, and what was at the top stays there", async () => {
    const { board, find } = window;
    find("board-grid").scrollTop = 24 * 100;
    await until(() => board.view.page.at(110) !== undefined);
    board.arrangement.setDensity("roomy");
    await until(() => find("board-grid").scrollTop === 30 * 100);
    const row = document.querySelector<HTMLElement>(".row[data-id]:not([hidden])");
    expect(row?.clientHeight).toBeGreaterThan(27);
    expect(window.platform.kept.get("density")).toBe('"roomy"');
  });

  test("the heads are a region of their own, and lead back to the rows", async () => {
    const { find } = window;
    find("board-grid").focus();
    press("F6");
    expect(document.activeElement).toBe(button("number"));
    press("End");
    // Those that have left for want of room are passed over.
    const staying = heads().filter((id) => !head(id).inert);
    expect(document.activeElement).toBe(button(staying.at(-1) ?? ""));
    press("ArrowDown");
    expect(document.activeElement).toBe(find("board-grid"));
    press("F6", { shiftKey: true });
    expect(document.activeElement).not.toBe(find("board-grid"));
  });
});

describe("views", () => {
  const hub = (platform: FakePlatform): { name: string }[] =>
    JSON.parse(platform.account.get("views")?.json ?? '{"views":[]}').views;
  const type = (text: string): void => {
    const field = document.querySelector<HTMLInputElement>('[data-testid="view-dialog"] input');
    if (field === null) throw new Error("no field for a name");
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const save = async ({ board, find }: TestWindow, name: string): Promise<void> => {
    board.arrangement.askSave();
    await until(() => document.querySelector('[data-testid="view-dialog"]') !== null);
    type(name);
    await until(() => !find("view-confirm").matches(":disabled"));
    find("view-confirm").click();
    await until(() => document.querySelector('[data-testid="view-dialog"]') === null);
  };

  test("are saved under a name with the account, chosen from the menu, renamed and removed", async () => {
    const window = await openWindow();
    const { platform, board, find } = window;
    board.show({ filter: { ...board.view.spec.filter, late: true } });
    board.arrangement.moveColumn("shop", "status");
    await save(window, "지연만");
    await until(() => hub(platform).length === 1);
    expect(find("views").textContent).toContain("지연만");
    find("views").click();
    await until(() => document.querySelector('[data-testid="views-default"]') !== null);
    find("views-default").click();
    expect(board.view.spec.filter.late).toBe(false);
    expect(board.view.spec.collapsed).toEqual(["delivered", "cancelled"]);
    await until(() => heads()[1] === "status");
    find("views").click();
    await until(() => document.querySelector('[data-testid="views-saved-0"]') !== null);
    find("views-saved-0").click();
    expect(board.view.spec.filter.late).toBe(true);
    await until(() => heads()[1] === "shop");
    board.arrangement.askRename();
    await until(() => document.querySelector('[data-testid="view-dialog"]') !== null);
    type("늦음");
    find("view-confirm").click();
    await until(() => hub(platform)[0]?.name === "늦음");
    expect(window.app.shortcuts.some(({ title }) => title() === "보기: 늦음")).toBe(true);
    board.arrangement.askRemove();
    await until(() => document.querySelector('[data-testid="view-remove-confirm"]') !== null);
    find("view-remove-confirm").click();
    await until(() => hub(platform).length === 0);
    expect(find("views").textContent).toContain("기본 보기");
  });

  test("two windows that save at once lose nothing of each other", async () => {
    const window = await openWindow();
    const { platform, board } = window;
    const answer = platform.savePreference.bind(platform);
    platform.savePreference = async (key, json, version) => {
      platform.savePreference = answer;
      await answer(key, '{"views":[{"id":"x","name":"다른 창"}]}', version);
      return await answer(key, json, version);
    };
    const { filter, sort, group, pinned } = board.view.spec;
    board.arrangement.views.save("내 창", { filter, sort, group, pinned, layout: board.arrangement.layout });
    await until(() => hub(platform).length === 2);
    await until(() => board.arrangement.views.all.length === 2);
    expect(board.arrangement.views.all.map(({ name }) => name)).toEqual(["다른 창", "내 창"]);
  });

  test("what was saved while the hub was away stays at the seat, and reaches the hub later", async () => {
    const platform = new FakePlatform(50);
    const { preference } = platform;
    platform.preference = async () => {
      throw { code: "unreachable", message: "", retryable: true };
    };
    const window = await openWindow(platform);
    await save(window, "지연만");
    expect(platform.account.size).toBe(0);
    platform.preference = preference.bind(platform);
    window.board.tick(Date.now() + 29_000);
    window.board.tick(Date.now() + 31_000);
    await until(() => hub(platform).length === 1);
    // The next start knows it without asking.
    const again = new FakePlatform(50, { kept: Object.fromEntries(platform.kept) });
    again.preference = () => new Promise(() => {});
    const { board } = await openWindow(again, true, {});
    expect(board.arrangement.chosen?.name).toBe("지연만");
  });

  test("at a foreign server they stay at the seat", async () => {
    const platform = new FakePlatform(50, { foreign: "레거시 배차", role: null, demo: false });
    const asked: string[] = [];
    platform.preference = async (key) => {
      asked.push(key);
      return null;
    };
    const window = await openWindow(platform);
    await save(window, "지연만");
    expect(window.board.arrangement.views.all.map(({ name }) => name)).toEqual(["지연만"]);
    expect([...platform.kept.keys()].some((key) => key.startsWith("views "))).toBe(true);
    expect(asked).toEqual([]);
  });

  test("what this seat showed last is there at the next start, without a filter that nobody saved", async () => {
    const { platform, board } = await openWindow();
    board.show({ sort: [{ key: "shop", descending: true }], group: "rider", pinned: null });
    board.show({ filter: { ...board.view.spec.filter, late: true } });
    board.arrangement.moveColumn("shop", "status");
    board.arrangement.sizeColumn("shop", 210);
    const again = await openWindow(
      new FakePlatform(50, { kept: Object.fromEntries(platform.kept) }),
      true,
      {},
    );
    const { spec } = again.board.view;
    expect([spec.sort, spec.group, spec.pinned]).toEqual([
      [{ key: "shop", descending: true }],
      "rider",
      null,
    ]);
    expect(spec.filter.late).toBe(false);
    expect(again.board.arrangement.columns[1]?.id).toBe("shop");
    expect(again.board.arrangement.widths["shop"]).toBe(210);
  });

  test.each<Boot["kept"]>([
    { "board.last": "7", "board.widths": '{"shop":"wide"}', density: "{}" },
    { "board.last": "not json", "board.widths": "[1]", density: "not json" },
    { "board.last": '{"sort":[{"key":"weather"}],"group":4,"columns":"x"}' },
  ])("what can't be read at the seat is passed over: %j", async (kept) => {
    const { board } = await openWindow(new FakePlatform(50, { kept }), true, {});
    expect(board.arrangement.density).toBe("usual");
    expect(heads().slice(0, 2)).toEqual(["number", "status"]);
    expect(document.querySelectorAll(".row[data-id]").length).toBeGreaterThan(0);
  });
});
