// What the list of clients says of each: a column shows where the list is wide enough for it.

import type { Scene } from "../../parts/scene";
import type { MonitorClient } from "../../platform/generated/MonitorClient";
import { m } from "../../texts/generated/messages";
import { behindText, clientKind, clientName, namespaceName, transportName } from "./names";

export type ClientColumn = {
  id: string;
  title: () => string;
  /** As a track of the grid. */
  width: string;
  /** Shown where the list is at least so wide, pixels. */
  from: number;
  number?: true;
  text: (client: MonitorClient) => string;
  /** Somebody should look at it. */
  warn?: (client: MonitorClient) => boolean;
};

/** `timeOf`: an instant as the clock in the header showed it. */
export function columnsOf(scene: Scene, timeOf: (wall: number) => string): readonly ClientColumn[] {
  return [
    { id: "name", title: m.mon_person, width: "minmax(160px, 2fr)", from: 0, text: clientName },
    { id: "kind", title: m.mon_account, width: "minmax(110px, 1.5fr)", from: 720, text: clientKind },
    {
      id: "place",
      title: m.mon_namespace,
      width: "minmax(70px, 1.2fr)",
      from: 0,
      text: ({ namespace }) => namespaceName(namespace, scene),
    },
    {
      id: "rooms",
      title: m.mon_rooms,
      width: "minmax(80px, 2fr)",
      from: 980,
      text: ({ rooms }) => rooms.join(", "),
    },
    { id: "node", title: m.mon_hub, width: "minmax(112px, 1fr)", from: 860, text: ({ node }) => node },
    {
      id: "transport",
      title: m.mon_transport,
      width: "84px",
      from: 580,
      text: ({ transport }) => transportName(transport),
      warn: ({ transport }) => transport !== "websocket",
    },
    {
      id: "since",
      title: m.mon_joined,
      width: "68px",
      from: 0,
      number: true,
      text: ({ since }) => timeOf(since),
    },
    {
      id: "behind",
      title: m.mon_behind_title,
      width: "116px",
      from: 0,
      number: true,
      text: ({ behind }) => behindText(behind),
      warn: ({ behind }) => behind.worst > 0,
    },
  ];
}
