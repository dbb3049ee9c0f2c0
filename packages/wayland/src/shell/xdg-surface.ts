/**
 * xdg_wm_base and xdg_surface: what windows and popups share. A surface is shown once it was told its first size
 * (configure), has said that it knows (ack_configure), and has drawn:
 *
 *     commit without a buffer → configure(serial) → ack_configure(serial) → attach, commit: mapped
 */
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import type { ClientBuffer } from "../surface/client-buffer.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";
import { createPositioner } from "./positioner.ts";
import { Popup } from "./popup.ts";
import type { Screen } from "./screen.ts";
import { Toplevel } from "./toplevel.ts";

const { error } = enums.xdg_surface;
/** Sizes that a client was told and has not acknowledged; then it is told no more until it does. */
const CONFIGURES_MAX = 256;

/** A window or a popup. */
export interface Shown {
  readonly roleName: string;
  /** Tells the client its size; a configure of the xdg_surface follows. */
  configure(): void;
  /** It has its first buffer; or it lost its buffer. */
  mapped(): void;
  unmapped(): void;
}

const xdgSurfaces = new WeakMap<Resource, XdgSurface>();

export function bindWmBase(resource: Resource, screen: Screen): void {
  const { defunct_surfaces, invalid_surface_state } = enums.xdg_wm_base.error;
  let count = 0;
  implement(resource, "xdg_wm_base", {
    destroy: () => {
      if (count > 0) resource.fail(defunct_surfaces, `${count} of its surfaces are left`);
    },
    create_positioner: (id) => createPositioner(id),
    get_xdg_surface: (id, surfaceResource) => {
      const surface = surfaceOf(surfaceResource);
      if (surface.hasBuffer || surface.hasPendingBuffer)
        resource.fail(invalid_surface_state, "the surface has a buffer already");
      const xdgSurface = new XdgSurface(id, resource, surface, screen);
      count++;
      id.onDestroy(() => void count--);
      xdgSurfaces.set(id, xdgSurface);
    },
    // Nobody is asked whether it lives.
    pong: () => {},
  });
}

export class XdgSurface {
  readonly resource: Resource;
  readonly surface: Surface;
  readonly screen: Screen;
  shown: Shown | null = null;
  /** Popups over it, from the bottom. */
  readonly popups: Popup[] = [];
  #pendingGeometry: Rectangle | null = null;
  #geometry: Rectangle | null = null;
  /** Serials that were sent and not acknowledged. */
  #sent: number[] = [];
  #isConfigured = false;
  #hasConfigured = false;
  isMapped = false;

  constructor(resource: Resource, wmBase: Resource, surface: Surface, screen: Screen) {
    this.resource = resource;
    this.surface = surface;
    this.screen = screen;
    // The role's name is that of the window or popup to come, which is one for ever.
    surface.takeRole(
      {
        name: "xdg_surface",
        checkCommit: (buffer) => this.#checkCommit(buffer),
        committed: () => this.#committed(),
        surfaceGone: () => this.#unmap(),
      },
      wmBase,
      enums.xdg_wm_base.error.role,
    );
    implement(resource, "xdg_surface", {
      destroy: () => {
        if (this.shown !== null) resource.fail(error.defunct_role_object, `its ${this.shown.roleName} is still there`);
      },
      get_toplevel: (id) => this.#show(new Toplevel(id, this)),
      get_popup: (id, parentResource, positioner) => {
        const parent = parentResource === null ? null : xdgSurfaces.get(parentResource)!;
        this.#show(new Popup(id, this, parent, positioner, wmBase));
      },
      set_window_geometry: (x, y, width, height) => {
        this.#mustBeShown();
        if (width < 1 || height < 1) resource.fail(error.invalid_size, `window geometry ${width} × ${height}`);
        this.#pendingGeometry = { x, y, width, height };
      },
      ack_configure: (serial) => {
        this.#mustBeShown();
        const at = this.#sent.indexOf(serial);
        if (at < 0) resource.fail(error.invalid_serial, `serial ${serial} was not sent`);
        this.#sent.splice(0, at + 1);
        this.#isConfigured = true;
      },
    });
    resource.onDestroy(() => {
      this.#unmap();
      surface.role = null;
    });
  }

  #show(shown: Shown): void {
    if (this.shown !== null) this.resource.fail(error.already_constructed, `it is a ${this.shown.roleName} already`);
    this.shown = shown;
  }

  #mustBeShown(): void {
    if (this.shown === null) this.resource.fail(error.not_constructed, "it is neither a window nor a popup");
  }

  #checkCommit(buffer: ClientBuffer | null | undefined): void {
    if (buffer == null) return;
    this.#mustBeShown();
    if (!this.#isConfigured) this.resource.fail(error.unconfigured_buffer, "a buffer before the first configure");
  }

  #committed(): void {
    if (this.shown === null) return;
    this.#geometry = this.#pendingGeometry ?? this.#geometry;
    if (this.surface.hasBuffer) {
      if (this.isMapped) return;
      this.isMapped = true;
      this.shown.mapped();
    } else if (this.isMapped) this.#unmap();
    else if (!this.#hasConfigured) this.configure();
  }

  /** Tells the client how it is to be. */
  configure(): void {
    if (this.shown === null || this.#sent.length >= CONFIGURES_MAX) return;
    this.#hasConfigured = true;
    const serial = this.screen.nextSerial();
    this.#sent.push(serial);
    this.shown.configure();
    events.xdg_surface.configure(this.resource, serial);
  }

  /** The program has said which part of the surface its window is: what lies around is its own shadow. */
  get hasOwnGeometry(): boolean {
    return this.#geometry !== null;
  }

  get hasConfigured(): boolean {
    return this.#hasConfigured;
  }

  /** The part of the surface that is the window: without the shadow that a client draws around it. */
  get geometry(): Rectangle {
    return this.#geometry ?? { x: 0, y: 0, width: this.surface.width, height: this.surface.height };
  }

  /** Its window or popup is gone. */
  hide(): void {
    this.#unmap();
    this.shown = null;
  }

  /** As at the beginning. */
  #unmap(): void {
    this.#isConfigured = false;
    this.#hasConfigured = false;
    this.#sent = [];
    if (!this.isMapped) return;
    this.isMapped = false;
    this.shown?.unmapped();
  }
}
