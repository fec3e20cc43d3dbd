// Two hubs on an ordinary evening, and who is connected to them, for component tests and the development page.

import type { MonitorClient } from "../platform/generated/MonitorClient";
import type { MonitorReply } from "../platform/generated/MonitorReply";

const MINUTE = 60_000;
const NAMES = ["윤가람", "최다온", "문서율", "하진솔", "강이든", "서유안", "한민연", "오태린"] as const;
const ROLES = ["dispatcher", "callcenter", "dispatcher", "supervisor"] as const;
const ROOMS = ["alarms", "deliveries", "riders", "seats"] as const;

/** So many sockets; the first one is this seat's, the third is behind, each fifth polls. */
export function clientsOf(count: number): MonitorClient[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, k) => ({
    socketId: `sid-${k}`,
    connectionId: `eio-${k}`,
    account: `user-${k}`,
    name: `${NAMES[k % NAMES.length]}${k < NAMES.length ? "" : ` ${k}`}`,
    role: ROLES[k % ROLES.length] ?? "dispatcher",
    seat: k === 0 ? "01KASEAT" : `01KA${String(k).padStart(22, "0")}`,
    namespace: k % 3 === 2 ? "/center/songpa" : "/center/gangnam",
    rooms: ROOMS.slice(0, 2 + (k % 3)),
    since: now - (k + 2) * 7 * MINUTE,
    node: k % 2 === 0 ? "hub-1" : "hub-2",
    transport: k % 5 === 4 ? "polling" : "websocket",
    behind: k === 2 ? { median: 3, worst: 18 } : { median: 0, worst: 0 },
  }));
}

/** What a hub tells of itself, the other one, and these clients. */
export function monitorOf(clients: readonly MonitorClient[]): MonitorReply {
  const at = Date.now();
  const namespaces = [...new Set(clients.map(({ namespace }) => namespace))].sort().map((name) => {
    const here = clients.filter(({ namespace }) => namespace === name);
    const rooms = ROOMS.map((room) => ({
      name: room,
      clients: here.filter(({ rooms }) => rooms.includes(room)).length,
    }));
    return { name, clients: here.length, rooms: rooms.filter(({ clients }) => clients > 0) };
  });
  return {
    at,
    nodes: ["hub-1", "hub-2"].map((id, k) => ({
      id,
      url: `http://10.0.0.${k + 1}:7400/`,
      version: "0.1.0",
      startedAt: at - (125 + k * 40) * MINUTE,
      draining: false,
      degraded: k === 1 ? ["redis"] : [],
      cpuPercent: 31.4 + k * 8,
      rssBytes: 412_000_000 - k * 90_000_000,
      openSockets: clients.filter(({ node }) => node === id).length,
      framesPerS: 46.2 - k * 11,
      commandsPerS: 1.3,
    })),
    namespaces,
    totals: {
      clients: clients.length,
      accounts: new Set(clients.map(({ account }) => account)).size,
      namespaces: namespaces.length,
      rooms: namespaces.reduce((sum, { rooms }) => sum + rooms.length, 0),
    },
    errors: [
      {
        at: at - 40_000,
        node: "hub-2",
        level: "warn",
        text: "Redis does not answer; followers of other hubs are told within two seconds",
        count: 3,
      },
      {
        at: at - 20 * MINUTE,
        node: "hub-1",
        level: "error",
        text: "a commit took 2,140 ms",
        count: 1,
        center: "songpa",
      },
    ],
    broadcasts: [
      {
        at: at - 3 * MINUTE,
        by: "legacy-intake",
        namespace: "/center/gangnam",
        room: "x:kitchen",
        event: "menuChanged",
        delivered: 12,
      },
    ],
  };
}
