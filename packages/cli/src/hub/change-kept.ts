/** Changes of a part of what a hub keeps by name: the rest stays, also when others change it meanwhile. */
import { HubProblem, type HubClient } from "@stratos/hub-api";

const TRIES_MAX = 5;

/**
 * @param change  what shall be kept, of what is; null: it is not there yet
 * @returns what is kept now. @throws HubProblem
 */
export async function changeKept<Kept extends { readonly version: number }>(
  client: HubClient,
  path: string,
  change: (kept: Kept | null) => object,
): Promise<Kept> {
  for (let tries = 1; ; tries++) {
    const kept = await find<Kept>(client, path);
    const headers = kept === null ? { "if-none-match": "*" } : { "if-match": `"${kept.version}"` };
    try {
      return await client.call<Kept>("PUT", path, change(kept), { headers });
    } catch (error) {
      // Somebody else was between.
      if (!(error instanceof HubProblem && error.status === 412) || tries === TRIES_MAX) throw error;
    }
  }
}

async function find<Kept>(client: HubClient, path: string): Promise<Kept | null> {
  try {
    return await client.call<Kept>("GET", path);
  } catch (error) {
    if (error instanceof HubProblem && error.status === 404) return null;
    throw error;
  }
}

/** What is said goes before what is kept; null takes away, undefined is not said. */
export function laidOver(kept: object, said: object): object {
  return { ...kept, ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) };
}
