// What things of the hubs are called.

import type { Scene } from "../../parts/scene";
import type { Failure } from "../../platform/contract";
import type { MonitorClient } from "../../platform/generated/MonitorClient";
import type { MonitorNode } from "../../platform/generated/MonitorNode";
import { count } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { language } from "../../texts/language.svelte";
import { personName, problemText, roleName } from "../../texts/names";

const CENTER = "/center/";

/** A center's namespace by the name of the center, the others as they are. */
export function namespaceName(namespace: string, scene: Scene): string {
  if (namespace.startsWith(CENTER)) return scene.nameOf(namespace.slice(CENTER.length));
  return namespace === "/monitor" ? m.monitor() : namespace;
}

/** Whose it is: the person, else the account. */
export function clientName({ account, name }: MonitorClient): string {
  return personName({ account, name: name === "" ? account : name });
}

/** Who that is, beside the name: the account, and the role where the name does not say it. */
export function clientKind(client: MonitorClient): string {
  const role = roleName(client.role);
  return clientName(client) === role ? client.account : `${client.account} · ${role}`;
}

export function transportName(transport: string): string {
  if (transport === "websocket") return m.mon_by_socket();
  return transport === "polling" ? m.mon_by_polling() : transport;
}

/** How far behind: nothing, or the median and the worst of the last ten seconds. */
export function behindText({ median, worst }: MonitorClient["behind"]): string {
  if (worst === 0) return "0";
  return m.mon_behind({ median: count(median, language.current), worst: count(worst, language.current) });
}

export function nodeState(node: MonitorNode): { text: string; isWell: boolean } {
  if (node.draining) return { text: m.mon_draining(), isWell: false };
  if (node.degraded.length > 0)
    return { text: m.mon_without({ what: node.degraded.join(", ") }), isWell: false };
  return { text: m.mon_ready(), isWell: true };
}

/** Why the hub did not tell. */
export function hubProblem(failure: Failure): string {
  if (failure.code === "not-found") return m.mon_none_here();
  if (failure.code === "forbidden") return m.mon_who();
  if (failure.code === "unreachable") return m.mon_unreachable();
  return problemText(failure);
}

/** A number with one decimal at most. */
export function tenths(n: number): string {
  return count(Math.round(n * 10) / 10, language.current);
}
