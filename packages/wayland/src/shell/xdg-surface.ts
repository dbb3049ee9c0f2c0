/**
 * xdg_wm_base and xdg_surface: what windows and popups share. A surface is shown once it was told its first size
 * (configure), has said that it knows (ack_configure), and has drawn:
 *
 *     commit without a buffer → configure(serial) → ack_configure(serial) → attach, commit: mapped
 */
import { flag, list, maybe, oneOf, uint32, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import type { ClientBuffer } from "../surface/client-buffer.ts";
import { type Role, type Surface, surfaceOf } from "../surface/surface.ts";
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

export function bindWmBase(resource: Resource, screen: Screen): void {
  stand(resource, new WmBase(resource, screen));
}

class WmBase {
  readonly resource: Resource;
  readonly screen: Screen;
  /** Its xdg_surfaces. */
  count = 0;

  constructor(resource: Resource, screen: Screen) {
    this.resource = resource;
    this.screen = screen;
  }

  serve(): void {
    const { resource, screen } = this;
    const { defunct_surfaces, invalid_surface_state, role } = enums.xdg_wm_base.error;
    implement(resource, "xdg_wm_base", {
      destroy: () => {
        if (this.count > 0) resource.fail(defunct_surfaces, `${this.count} of its surfaces are left`);
      },
      create_positioner: (id) => createPositioner(id),
      get_xdg_surface: (id, surfaceResource) => {
        const surface = surfaceOf(surfaceResource);
        if (surface.hasBuffer || surface.hasPendingBuffer)
          resource.fail(invalid_surface_state, "the surface has a buffer already");
        const xdgSurface = new XdgSurface(id, this, surface, screen);
        // The role's name is that of the window or popup to come, which is one for ever.
        surface.takeRole(xdgSurface, resource, role);
        this.count++;
        stand(id, xdgSurface);
      },
      pong: (serial) => screen.answered(resource.client, serial),
    });
  }

  static {
    savedClass("WmBase", this, { resource: a("Resource"), screen: isScreen, count: whole(0, 1 << 16) });
  }
}

function isScreen(value: unknown): boolean {
  return typeof value === "object" && value !== null && "keyboardFocus" in value;
}

export class XdgSurface implements Role {
  readonly name = "xdg_surface";
  readonly wmBase: WmBase;
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

  constructor(resource: Resource, wmBase: WmBase, surface: Surface, screen: Screen) {
    this.resource = resource;
    this.wmBase = wmBase;
    this.surface = surface;
    this.screen = screen;
  }

  serve(): void {
    const { resource, surface, wmBase } = this;
    implement(resource, "xdg_surface", {
      destroy: () => {
        if (this.shown !== null) resource.fail(error.defunct_role_object, `its ${this.shown.roleName} is still there`);
      },
      get_toplevel: (id) => {
        const toplevel = new Toplevel(id, this);
        stand(id, toplevel);
        this.#show(toplevel);
      },
      get_popup: (id, parentResource, positioner) => {
        const parent = parentResource === null ? null : (parentResource.part as XdgSurface);
        const popup = new Popup(id, this, parent, positioner, wmBase.resource);
        stand(id, popup);
        this.#show(popup);
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
      wmBase.count--;
    });
  }

  #show(shown: Shown): void {
    if (this.shown !== null) this.resource.fail(error.already_constructed, `it is a ${this.shown.roleName} already`);
    this.shown = shown;
  }

  #mustBeShown(): void {
    if (this.shown === null) this.resource.fail(error.not_constructed, "it is neither a window nor a popup");
  }

  checkCommit(buffer: ClientBuffer | null | undefined): void {
    if (buffer == null) return;
    this.#mustBeShown();
    if (!this.#isConfigured) this.resource.fail(error.unconfigured_buffer, "a buffer before the first configure");
  }

  committed(): void {
    if (this.shown === null) return;
    this.#geometry = this.#pendingGeometry ?? this.#geometry;
    if (this.surface.hasBuffer) {
      if (this.isMapped) return;
      this.isMapped = true;
      this.shown.mapped();
    } else if (this.isMapped) this.#unmap();
    else if (!this.#hasConfigured) this.configure();
  }

  surfaceGone(): void {
    this.#unmap();
  }

  /** Asks the program whether it has read all so far (Screen.answered). @returns the number of its answer */
  ask(): number {
    const serial = this.screen.nextSerial();
    events.xdg_wm_base.ping(this.wmBase.resource, serial);
    return serial;
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

  static {
    savedClass(
      "XdgSurface",
      this,
      {
        name: oneOf("xdg_surface"),
        wmBase: a("WmBase"),
        resource: a("Resource"),
        surface: a("Surface"),
        screen: isScreen,
        shown: maybe(a("Toplevel", "Popup")),
        popups: list(a("Popup"), 1 << 16),
        isMapped: flag,
        "#pendingGeometry": maybe(rectangle),
        "#geometry": maybe(rectangle),
        "#sent": list(uint32, CONFIGURES_MAX),
        "#isConfigured": flag,
        "#hasConfigured": flag,
      },
      {
        save: (it) => ({
          pendingGeometry: it.#pendingGeometry,
          geometry: it.#geometry,
          sent: it.#sent,
          isConfigured: it.#isConfigured,
          hasConfigured: it.#hasConfigured,
        }),
        load: (it, from) =>
          ({
            pendingGeometry: it.#pendingGeometry,
            geometry: it.#geometry,
            sent: it.#sent,
            isConfigured: it.#isConfigured,
            hasConfigured: it.#hasConfigured,
          } = from),
      },
    );
  }
}
