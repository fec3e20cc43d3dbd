// 배달현황: the day's deliveries.

import { m } from "../../texts/generated/messages";
import { screenOf } from "../screen";
import Board from "./Board.svelte";
import { shortcuts } from "./shortcuts";
import { BoardState } from "./state.svelte";

export const board = screenOf({
  id: "board",
  title: m.board,
  icon: "▤",
  letter: "B",
  open: (host) => new BoardState(host),
  shortcuts,
  component: Board,
});
