// Who rides: the riders of the centers that are looked at, asked for again at a modest pace.

import type { Platform, Rider } from "../platform/contract";
import type { FreeRiders } from "../screens/screen";

/** Between two questions for the riders of a center, while nobody follows one of them on the plan. */
const CALM_MS = 10_000;
/** While a rider's way is in sight. */
const CLOSE_MS = 2_000;

export class Riders {
  /** By center. One that can't be asked now has none: old places are no places. */
  #known = $state.raw<Readonly<Record<string, readonly Rider[]>>>({});
  readonly #asked = new Map<string, number>();
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Asks again when it is time. `closely`: a rider's way is in sight. */
  async look(center: string, wall: number, closely: boolean): Promise<void> {
    const last = this.#asked.get(center) ?? Number.NEGATIVE_INFINITY;
    if (wall - last < (closely ? CLOSE_MS : CALM_MS)) return;
    this.#asked.set(center, wall);
    const found = await this.#platform.riders(center).catch(() => null);
    const { [center]: _, ...others } = this.#known;
    this.#known = found === null ? others : { ...others, [center]: found };
  }

  /** The hub is away: nobody's place is known. */
  forget(): void {
    this.#asked.clear();
    if (Object.keys(this.#known).length > 0) this.#known = {};
  }

  rider(center: string, id: string): Rider | null {
    return this.#known[center]?.find((rider) => rider.id === id) ?? null;
  }

  /** How many of those on shift are free; null: not known. */
  freeIn(center: string | null): FreeRiders | null {
    const riders = center === null ? undefined : this.#known[center];
    if (riders === undefined) return null;
    const onShift = riders.filter(({ status }) => status !== "off");
    return { idle: onShift.filter(({ status }) => status === "idle").length, onShift: onShift.length };
  }
}
