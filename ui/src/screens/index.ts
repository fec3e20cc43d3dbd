// The screens, in the order of their tabs. A further one is a folder beside these and a line here.

import { board } from "./board";
import { monitor } from "./monitor";
import type { Screen } from "./screen";

export const SCREENS: readonly [Screen, ...Screen[]] = [board, monitor];
