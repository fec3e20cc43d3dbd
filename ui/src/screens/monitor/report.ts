// What the Monitor shows as text, for support: the diagnosis of this seat, then what the hubs said last. It names accounts, no
// customers.

import { asText } from "../../parts/diagnosis/sections";
import type { Diagnostics } from "../../platform/generated/Diagnostics";
import type { MonitorReply } from "../../platform/generated/MonitorReply";
import { age, bytes, count } from "../../texts/format";
import { m } from "../../texts/generated/messages";
import { language } from "../../texts/language.svelte";
import type { Host } from "../screen";
import { nodeState, tenths } from "./names";

const n = (value: number): string => count(value, language.current);

/** `hub`: as it was told at the desk's instant `hubAt`. */
export function reportText(
  own: Diagnostics,
  hub: MonitorReply | null,
  hubAt: number | null,
  { scene, foreign }: Pick<Host, "scene" | "foreign">,
): string {
  const ownText = asText(
    own,
    (center) => scene.nameOf(center),
    (center) => scene.clockOf(center),
    foreign !== null,
  );
  if (hub === null || hubAt === null) return ownText;
  const nodes = hub.nodes.map((node) =>
    [
      node.id,
      nodeState(node).text,
      node.version,
      `${m.mon_up()} ${age(hub.at - node.startedAt)}`,
      `${m.mon_cpu()} ${tenths(node.cpuPercent)} %`,
      `${m.mon_memory()} ${bytes(node.rssBytes)}`,
      `${m.mon_sockets()} ${n(node.openSockets)}`,
      `${m.mon_frames()} ${tenths(node.framesPerS)}`,
      `${m.mon_commands()} ${tenths(node.commandsPerS)}`,
    ].join(" · "),
  );
  const namespaces = hub.namespaces.map(
    ({ name, clients, rooms }) =>
      `${name}: ${n(clients)} (${rooms.map((room) => `${room.name} ${n(room.clients)}`).join(", ")})`,
  );
  const errors = hub.errors.map(
    ({ at, node, level, text, count: times }) =>
      `${new Date(at).toISOString()} ${level} ${node} ×${times}: ${text}`,
  );
  const part = (title: string, lines: readonly string[]): string =>
    `[${title}]\n${lines.length === 0 ? m.diag_none() : lines.join("\n")}`;
  return [
    ownText,
    `== ${m.mon_hubs()} · ${new Date(hub.at).toISOString()} ==`,
    part(m.mon_hubs(), nodes),
    part(m.mon_namespaces(), namespaces),
    part(m.mon_errors(), errors),
  ].join("\n\n");
}
