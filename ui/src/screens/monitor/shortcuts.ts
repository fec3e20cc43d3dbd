// What a person can do on the Monitor.

import { letter, named, type Shortcut, shifted } from "../../parts/shortcut";
import { m } from "../../texts/generated/messages";
import type { MonitorState, Tab } from "./state.svelte";

export function shortcuts(monitor: MonitorState): readonly Shortcut[] {
  const { clients } = monitor;
  const always = (): boolean => true;
  const hasList = (): boolean => monitor.tab === "clients" && clients.shown.length > 0;
  const sees = (): boolean => monitor.seesHub;
  const why = (): string => (monitor.sight === "foreign" ? m.mon_foreign_short() : m.mon_who());
  const move = (id: string, title: () => string, keys: Shortcut["keys"], run: () => void): Shortcut => ({
    id,
    group: "list",
    title,
    keys,
    possible: hasList,
    repeats: true,
    run: () => {
      monitor.places.list();
      run();
    },
  });
  const show = (tab: Tab, title: () => string): Shortcut => ({
    id: `tab.${tab}`,
    group: "window",
    title,
    keys: [],
    possible: always,
    run: () => {
      monitor.showTab(tab);
      monitor.focus();
    },
  });
  return [
    move("next", m.mon_next, [letter("J"), named("ArrowDown", "↓")], () => clients.step(1)),
    move("previous", m.mon_previous, [letter("K"), named("ArrowUp", "↑")], () => clients.step(-1)),
    move("pageDown", m.act_page_down, [named("PageDown", "PgDn")], () => clients.step(monitor.pageLength)),
    move("pageUp", m.act_page_up, [named("PageUp", "PgUp")], () => clients.step(-monitor.pageLength)),
    move("first", m.mon_first, [named("Home", "Home")], () => clients.goTo(0)),
    move("last", m.mon_last, [named("End", "End")], () => clients.goTo(clients.shown.length - 1)),
    {
      id: "open",
      group: "list",
      title: m.mon_open,
      keys: [named("Enter", "Enter")],
      possible: () => monitor.tab === "clients" && clients.chosen !== null,
      run: () => monitor.openDetail(),
    },
    {
      id: "close",
      group: "list",
      title: m.act_close,
      keys: [named("Escape", "Esc")],
      possible: () => monitor.topmost !== null,
      run: () => monitor.closeTopmost(),
    },
    {
      id: "search",
      group: "find",
      title: m.mon_search,
      keys: [named("Slash", "/")],
      possible: sees,
      reason: why,
      run: () => {
        if (monitor.tab !== "clients") monitor.showTab("clients");
        monitor.places.search();
      },
    },
    {
      id: "filter",
      group: "find",
      title: m.act_filter,
      keys: [letter("F")],
      possible: sees,
      reason: why,
      run: () => monitor.places.filter(),
    },
    {
      id: "log",
      group: "find",
      title: m.mon_log,
      keys: [letter("L")],
      possible: sees,
      reason: why,
      run: () => {
        if (monitor.tab !== "overview") monitor.showTab("overview");
        monitor.places.log();
      },
    },
    {
      id: "prove",
      group: "window",
      title: m.mon_prove,
      keys: [shifted("V")],
      possible: always,
      run: () => monitor.prove(),
    },
    {
      id: "copyReport",
      group: "window",
      title: m.mon_copy,
      keys: [letter("Y")],
      possible: () => monitor.own !== null,
      run: () => void monitor.copyReport(),
    },
    show("overview", m.mon_overview),
    show("clients", m.mon_clients),
    {
      id: "putOut",
      group: "list",
      title: m.mon_put_out,
      keys: [],
      possible: () => monitor.whyNotPutOut === null,
      reason: () => monitor.whyNotPutOut,
      run: () => monitor.askPutOut(),
    },
  ];
}
