/**
 * xwayland_shell_v1: which surface shows which X11 window. The server says the same number on both of its connections,
 * by Wayland with a commit and by X in a message, in whatever order.
 */
import type { Resource } from "../core/resource.ts";
import { enums, implement } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";
import type { XWindow } from "./x-window.ts";

/** Numbers that only one side has said; of more the oldest is forgotten. */
const UNPAIRED_MAX = 1024;
const { error } = enums.xwayland_surface_v1;

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

  #addSurface(id: Resource, surface: Surface, shell: Resource): void {
    let pending: number | null = null;
    let serial: number | null = null;
    const gone = (): void => {
      if (serial !== null) this.#surfaces.delete(serial);
      const window = this.#pairs.get(surface);
      this.#pairs.delete(surface);
      window?.setSurface(null);
    };
    surface.takeRole(
      {
        name: "xwayland_surface",
        checkCommit: () => {},
        committed: () => {
          if (serial === null && pending !== null) {
            serial = pending;
            this.#surfaceSays(serial, surface);
          }
          this.#pairs.get(surface)?.update();
        },
        surfaceGone: gone,
      },
      shell,
      enums.xwayland_shell_v1.error.role,
    );
    implement(id, "xwayland_surface_v1", {
      set_serial: (low, high) => {
        if (serial !== null) id.fail(error.already_associated, "it has its window already");
        pending = high * 2 ** 32 + low;
        if (pending === 0 || this.#surfaces.has(pending)) id.fail(error.invalid_serial, `serial ${pending}`);
      },
      destroy: () => {},
    });
    id.onDestroy(() => {
      gone();
      surface.role = null;
    });
  }

  #surfaceSays(serial: number, surface: Surface): void {
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
