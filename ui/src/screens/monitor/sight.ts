// How much of the hubs an account may see. The hub decides; this says beforehand what there is no use in asking for.

/** All; what happens in the own centers; nothing but the own link; a foreign server, which has nothing to show. */
export type Sight = "all" | "centers" | "own" | "foreign";

export function sightOf(role: string | null, foreign: string | null): Sight {
  if (foreign !== null) return "foreign";
  if (role === "admin") return "all";
  return role === "supervisor" ? "centers" : "own";
}
