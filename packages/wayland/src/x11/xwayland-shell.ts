/**
 * xwayland_shell_v1: which surface shows which X11 window. The server says the same number on both of its connections,
 * by Wayland with a commit and by X in a message, in whatever order.
 */
import { map, maybe, oneOf, record, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { enums, implement, stand } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { type Role, type Surface, surfaceOf } from "../surface/surface.ts";
import type { XWindow } from "./x-window.ts";

/** Numbers that only one side has said; of more the oldest is forgotten. */
const UNPAIRED_MAX = 1024;
const { error } = enums.xwayland_surface_v1;

interface SavedXwaylandShell {
  readonly windows: ReadonlyMap<number, XWindow>;
  readonly surfaces: ReadonlyMap<number, Surface>;
  readonly pairs: ReadonlyMap<Surface, XWindow>;
}

const serial = whole(0, 2 ** 64);
export const isSavedXwaylandShell = record({
  windows: map(serial, a("XWindow"), UNPAIRED_MAX),
  surfaces: map(serial, a("Surface"), UNPAIRED_MAX),
  pairs: map(a("Surface"), a("XWindow"), 1 << 16),
});

class XwaylandSurface implements Role {
  readonly name = "xwayland_surface";
  readonly resource: Resource;
  readonly surface: Surface;
  readonly shell: XwaylandShell;
  pending: number | null = null;
  serial: number | null = null;

  constructor(resource: Resource, surface: Surface, shell: XwaylandShell) {
    this.resource = resource;
    this.surface = surface;
    this.shell = shell;
  }

  checkCommit(): void {}

  committed(): void {
    if (this.serial === null && this.pending !== null) {
      this.serial = this.pending;
      this.shell.surfaceSays(this.serial, this.surface);
    }
    this.shell.committed(this.surface);
  }

  surfaceGone(): void {
    this.shell.surfaceGone(this.surface, this.serial);
  }

  serve(): void {
    const { resource, shell } = this;
    implement(resource, "xwayland_surface_v1", {
      set_serial: (low, high) => {
        if (this.serial !== null) resource.fail(error.already_associated, "it has its window already");
        this.pending = high * 2 ** 32 + low;
        if (this.pending === 0 || shell.has(this.pending))
          resource.fail(error.invalid_serial, `serial ${this.pending}`);
      },
      destroy: () => {},
    });
    resource.onDestroy(() => {
      this.surfaceGone();
      this.surface.role = null;
    });
  }

  static {
    savedClass("XwaylandSurface", this, {
      name: oneOf("xwayland_surface"),
      resource: a("Resource"),
      surface: a("Surface"),
      shell: (value) => value instanceof XwaylandShell,
      pending: maybe(whole(0, 2 ** 64)),
      serial: maybe(whole(0, 2 ** 64)),
    });
  }
}

export class XwaylandShell {
  /** By serial. */
  readonly #windows = new Map<number, XWindow>();
  readonly #surfaces = new Map<number, Surface>();
  readonly #pairs = new Map<Surface, XWindow>();

  bind(resource: Resource): void {
    implement(resource, "xwayland_shell_v1", {
      destroy: () => {},
      get_xwayland_surface: (id, surface) => this.#addSurface(id, surfaceOf(surface), resource),
    });
  }

  /** @returns another one has that number */
  has(serial: number): boolean {
    return this.#surfaces.has(serial);
  }

  #addSurface(id: Resource, surface: Surface, shell: Resource): void {
    const part = new XwaylandSurface(id, surface, this);
    surface.takeRole(part, shell, enums.xwayland_shell_v1.error.role);
    stand(id, part);
  }

  surfaceGone(surface: Surface, serial: number | null): void {
    if (serial !== null) this.#surfaces.delete(serial);
    const window = this.#pairs.get(surface);
    this.#pairs.delete(surface);
    window?.setSurface(null);
  }

  committed(surface: Surface): void {
    this.#pairs.get(surface)?.update();
  }

  save(): SavedXwaylandShell {
    return { windows: this.#windows, surfaces: this.#surfaces, pairs: this.#pairs };
  }

  goOn({ windows, surfaces, pairs }: SavedXwaylandShell): void {
    for (const [serial, window] of windows) this.#windows.set(serial, window);
    for (const [serial, surface] of surfaces) this.#surfaces.set(serial, surface);
    for (const [surface, window] of pairs) this.#pairs.set(surface, window);
  }

  surfaceSays(serial: number, surface: Surface): void {
    const window = this.#windows.get(serial);
    this.#windows.delete(serial);
    if (window !== undefined) this.#pair(surface, window);
    else keep(this.#surfaces, serial, surface);
  }

  /** The server's message by X. */
  windowSays(serial: number, window: XWindow): void {
    const surface = this.#surfaces.get(serial);
    this.#surfaces.delete(serial);
    if (surface !== undefined) this.#pair(surface, window);
    else keep(this.#windows, serial, window);
  }

  #pair(surface: Surface, window: XWindow): void {
    // A surface of before, which the server has not taken away yet, shows nothing any more.
    for (const [other, its] of this.#pairs) if (its === window) this.#pairs.delete(other);
    this.#pairs.set(surface, window);
    window.setSurface(surface);
  }

  /** The window is no more. */
  forget(window: XWindow): void {
    for (const [serial, waiting] of this.#windows) if (waiting === window) this.#windows.delete(serial);
    for (const [surface, its] of this.#pairs) if (its === window) this.#pairs.delete(surface);
    window.setSurface(null);
  }
}

function keep<T>(map: Map<number, T>, serial: number, value: T): void {
  map.set(serial, value);
  if (map.size <= UNPAIRED_MAX) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}
