// What the screen shows frame by frame: where things stand, and whether anything is cut.

/** Where each of these has stood since, by its name. */
export type Watched = ReadonlyMap<string, ReadonlySet<string>>;

/** Notes in every frame where each stands on the screen, until it is ended. */
export function watchPlaces(selectors: Readonly<Record<string, string>>): () => Watched {
  const seen = new Map(Object.keys(selectors).map((name) => [name, new Set<string>()]));
  let frame = 0;
  const look = (): void => {
    for (const [name, selector] of Object.entries(selectors)) {
      const box = document.querySelector(selector)?.getBoundingClientRect();
      seen.get(name)?.add(box === undefined ? "gone" : `${box.x} ${box.y} ${box.width} ${box.height}`);
    }
    frame = requestAnimationFrame(look);
  };
  look();
  return () => {
    cancelAnimationFrame(frame);
    return seen;
  };
}

/** What stood in more than one place, or was gone, with where. */
export function moved(watched: Watched): Record<string, string[]> {
  return Object.fromEntries(
    [...watched]
      .filter(([, places]) => places.size !== 1 || places.has("gone"))
      .map(([name, places]) => [name, [...places]]),
  );
}

/** A frame has been drawn. */
export async function drawn(): Promise<void> {
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
}

/** What a person presses or reads as a whole. */
const WHOLE = "button, select, kbd, h1, h2, h3, dt, legend, [role='columnheader'] > *, [data-testid='total']";
/** In these something that does not fit is left out as a whole, wrapped out of sight; or is cut with what tells the rest. */
const LEFT_OUT = ".others, .kpis";

/** What of the window is cut, each in a few words. */
export function cut(): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>("body *:not(.sheet *)")) {
    const box = element.getBoundingClientRect();
    if (
      box.width === 0 ||
      box.height === 0 ||
      element.closest("svg, [aria-hidden], [role='columnheader'][inert]")
    )
      continue;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden") continue;
    const said = `${element.tagName.toLowerCase()}.${element.className} “${(element.textContent ?? "").trim().slice(0, 40)}”`;
    const scrolls = /auto|scroll/.test(style.overflowX);
    if (scrolls && element.scrollWidth > element.clientWidth && element.tagName !== "TEXTAREA")
      found.push(`scrolls sideways: ${said}`);
    if (!element.matches(WHOLE) || element.closest(LEFT_OUT)) continue;
    const tellsTheRest = style.textOverflow === "ellipsis" && element.title !== "";
    if (element.scrollWidth > Math.ceil(box.width) && !tellsTheRest)
      found.push(`too wide for itself: ${said}`);
    const edge = edgeOf(element);
    if (box.left < edge.left - 1 || box.right > edge.right + 1) found.push(`cut at a side: ${said}`);
    if (edge.bottom !== null && box.top < edge.bottom && box.bottom > edge.bottom + 1)
      found.push(`cut below: ${said}`);
  }
  return found;
}

/** Within which edges an element can be seen. Below, nothing is cut where one can scroll to it. */
function edgeOf(element: HTMLElement): { left: number; right: number; bottom: number | null } {
  const edge: { left: number; right: number; bottom: number | null } = {
    left: 0,
    right: innerWidth,
    bottom: innerHeight,
  };
  for (let at = element.parentElement; at !== null && at !== document.body; at = at.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(at);
    if (overflowX === "visible" && overflowY === "visible") continue;
    const box = at.getBoundingClientRect();
    edge.left = Math.max(edge.left, box.left);
    edge.right = Math.min(edge.right, box.right);
    if (/auto|scroll/.test(overflowY)) return { ...edge, bottom: null };
    edge.bottom = Math.min(edge.bottom ?? box.bottom, box.bottom);
  }
  return edge;
}
