// The plan of a delivery: where shop, door and rider are drawn, so that all of them are in the picture and true to scale.

import type { Pos } from "../../platform/contract";

/** A place in the picture, pixels. */
export type Spot = { x: number; y: number };

export type Plan = {
  shop: Spot | null;
  door: Spot | null;
  rider: Spot | null;
  /** A round length and how long it is drawn. */
  scale: { metres: number; px: number };
};

/** Mean metres in a degree of latitude (IUGG sphere). */
const DEGREE_M = 111_195;
/** Places this close fill no more of the picture than this many metres would. */
const LEAST_M = 400;
/** Room for names around the outermost places. */
const MARGIN_PX = 28;
/** The scale is drawn no longer than this. */
const SCALE_PX = 90;

/** Null: no place is known. Only places of the same kind as the first known one can be drawn together. */
export function planOf(
  places: { shop: Pos | null; door: Pos | null; rider: Pos | null },
  width: number,
  height: number,
): Plan | null {
  const origin = places.shop ?? places.door ?? places.rider;
  if (origin === null) return null;
  const known = {
    shop: metresFrom(origin, places.shop),
    door: metresFrom(origin, places.door),
    rider: metresFrom(origin, places.rider),
  };
  const all = Object.values(known).filter((spot) => spot !== null);
  const middle = (of: (spot: Spot) => number): [number, number] => {
    const values = all.map(of);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return [(least + most) / 2, Math.max(most - least, LEAST_M)];
  };
  const [middleX, wide] = middle(({ x }) => x);
  const [middleY, high] = middle(({ y }) => y);
  const pxPerM = Math.min((width - 2 * MARGIN_PX) / wide, (height - 2 * MARGIN_PX) / high);
  const drawn = (spot: Spot | null): Spot | null =>
    spot && {
      x: width / 2 + (spot.x - middleX) * pxPerM,
      y: height / 2 - (spot.y - middleY) * pxPerM,
    };
  const metres = roundDown(SCALE_PX / pxPerM);
  return {
    shop: drawn(known.shop),
    door: drawn(known.door),
    rider: drawn(known.rider),
    scale: { metres, px: metres * pxPerM },
  };
}

/** Metres east and north of the origin. */
function metresFrom(origin: Pos, pos: Pos | null): Spot | null {
  if (pos === null) return null;
  if ("x" in origin) return "x" in pos ? { x: pos.x - origin.x, y: pos.y - origin.y } : null;
  if ("x" in pos) return null;
  const shrink = Math.cos((origin.lat * Math.PI) / 180);
  return { x: (pos.lon - origin.lon) * DEGREE_M * shrink, y: (pos.lat - origin.lat) * DEGREE_M };
}

/** The largest of 1, 2 or 5 times a power of ten that is not above `metres`. */
function roundDown(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres));
  const steps = [5, 2, 1];
  return (steps.find((step) => step * power <= metres) ?? 1) * power;
}
