/** What of a seat, a screen or a selection is kept: that of programs whose connections are. */
import { list } from "@stratos/base/value-check";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { a } from "../saved/saved-class.ts";
import type { Surface } from "./surface.ts";

/** Objects of all clients. */
const RESOURCES_MAX = 1 << 20;
export const areResources = list(a("Resource"), RESOURCES_MAX);

export function keptOf(resources: Iterable<Resource>): Resource[] {
  return [...resources].filter(({ client }) => client.isKept);
}

export function keptSurface(surface: Surface | null): Surface | null {
  return surface?.client.isKept === true ? surface : null;
}

export function keptClient(client: Client | null): Client | null {
  return client?.isKept === true ? client : null;
}
