/** wl_touch: fingers. Each belongs to the surface that it came down on until it is lifted, wherever it goes. */
import { coordinate, list, record } from "@stratos/base/value-check";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { events, implement } from "../protocol/protocol.ts";
import { a } from "../saved/saved-class.ts";
import { areResources, keptOf } from "../surface/kept.ts";
import type { Surface } from "../surface/surface.ts";

interface Finger {
  readonly surface: Surface;
  /** Where the surface is on the screen. */
  readonly originX: number;
  readonly originY: number;
  x: number;
  y: number;
}

interface SavedTouch {
  readonly resources: readonly Resource[];
  readonly fingers: readonly (Finger & { readonly id: number })[];
}

const finger = { surface: a("Surface"), originX: coordinate, originY: coordinate, x: coordinate, y: coordinate };
export const isSavedTouch = record({
  resources: areResources,
  fingers: list(record({ id: coordinate, ...finger }), 1 << 10),
});

export class Touch {
  readonly #nextSerial: () => number;
  readonly #resources = new Set<Resource>();
  readonly #fingers = new Map<number, Finger>();

  constructor(nextSerial: () => number) {
    this.#nextSerial = nextSerial;
  }

  add(resource: Resource): void {
    this.#resources.add(resource);
    this.serve(resource);
  }

  serve(resource: Resource): void {
    resource.onDestroy(() => this.#resources.delete(resource));
    implement(resource, "wl_touch", { release: () => {} });
  }

  save(): SavedTouch {
    const fingers = [...this.#fingers].filter(([, { surface }]) => surface.client.isKept);
    return { resources: keptOf(this.#resources), fingers: fingers.map(([id, finger]) => ({ id, ...finger })) };
  }

  goOn({ resources, fingers }: SavedTouch): void {
    for (const resource of resources) this.#resources.add(resource);
    for (const { id, ...finger } of fingers) this.#fingers.set(id, finger);
  }

  /** No finger is down any more. */
  letGo(): void {
    for (const client of new Set([...this.#fingers.values()].map(({ surface }) => surface.client))) this.cancel(client);
  }

  /** The program takes fingers; others are to get a pointer in their place. */
  isTakenBy(client: Client): boolean {
    return this.#of(client).length > 0;
  }

  /** A finger that is on a surface of the client, and where on the screen. */
  fingerOn(client: Client): { readonly id: number; readonly x: number; readonly y: number } | null {
    for (const [id, { surface, x, y }] of this.#fingers) if (surface.client === client) return { id, x, y };
    return null;
  }

  /** @param node  what lies there @param x  on the screen */
  down(
    id: number,
    node: { readonly surface: Surface; readonly x: number; readonly y: number },
    { x, y }: { readonly x: number; readonly y: number },
    timeMs: number,
  ): void {
    const { surface } = node;
    this.#fingers.set(id, { surface, originX: node.x, originY: node.y, x, y });
    for (const each of this.#of(surface.client)) {
      events.wl_touch.down(each, this.#nextSerial(), timeMs, surface.resource, id, x - node.x, y - node.y);
      events.wl_touch.frame(each);
    }
  }

  move(id: number, { x, y }: { readonly x: number; readonly y: number }, timeMs: number): void {
    const finger = this.#fingers.get(id);
    if (finger === undefined) return;
    finger.x = x;
    finger.y = y;
    for (const each of this.#of(finger.surface.client)) {
      events.wl_touch.motion(each, timeMs, id, x - finger.originX, y - finger.originY);
      events.wl_touch.frame(each);
    }
  }

  up(id: number, timeMs: number): void {
    const finger = this.#fingers.get(id);
    if (finger === undefined) return;
    this.#fingers.delete(id);
    for (const each of this.#of(finger.surface.client)) {
      events.wl_touch.up(each, this.#nextSerial(), timeMs, id);
      events.wl_touch.frame(each);
    }
  }

  /** What the fingers on a program's surfaces have done so far is to count for nothing. */
  cancel(client: Client): void {
    for (const [id, { surface }] of this.#fingers) if (surface.client === client) this.#fingers.delete(id);
    for (const each of this.#of(client)) events.wl_touch.cancel(each);
  }

  clientOf(id: number): Client | null {
    return this.#fingers.get(id)?.surface.client ?? null;
  }

  surfaceGone(gone: Surface): void {
    for (const [id, { surface }] of this.#fingers) if (surface === gone) this.#fingers.delete(id);
  }

  #of(client: Client): Resource[] {
    return [...this.#resources].filter((each) => each.client === client);
  }
}
