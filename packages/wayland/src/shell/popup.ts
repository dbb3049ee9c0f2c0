/** xdg_popup: a menu, a tooltip: over a window or another popup, placed by it. */
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { type Placement, place, placementOf } from "./positioner.ts";
import { originOf } from "./screen.ts";
import type { Shown, XdgSurface } from "./xdg-surface.ts";

const { invalid_popup_parent, invalid_positioner, not_the_topmost_popup } = enums.xdg_wm_base.error;
/** How deep they may lie over one another; more is no_memory. */
const DEPTH_MAX = 64;

export class Popup implements Shown {
  readonly roleName = "xdg_popup";
  readonly resource: Resource;
  readonly xdgSurface: XdgSurface;
  /** null: none was named, or it is gone. */
  parent: XdgSurface | null;
  #placement: Placement;
  /** In the parent's window geometry. */
  place: Rectangle;
  /** A press beside it closes it. */
  hasGrab = false;

  constructor(
    resource: Resource,
    xdgSurface: XdgSurface,
    parent: XdgSurface | null,
    positioner: Resource,
    wmBase: Resource,
  ) {
    this.resource = resource;
    this.xdgSurface = xdgSurface;
    this.parent = parent;
    // A parent that another protocol names (a panel's) is not possible here.
    if (this.parent?.shown == null) wmBase.fail(invalid_popup_parent, "a popup needs a window or a popup to lie over");
    let depth = 0;
    for (
      let at: XdgSurface | null = this.parent;
      at !== null;
      at = at.shown instanceof Popup ? at.shown.parent : null
    ) {
      if (at === xdgSurface) wmBase.fail(invalid_popup_parent, "a popup over itself");
      if (++depth > DEPTH_MAX) resource.client.refuseMemory(`popups ${DEPTH_MAX} deep`);
    }
    const read = (from: Resource): Placement =>
      placementOf(from) ?? wmBase.fail(invalid_positioner, "a positioner without size or anchor rectangle");
    this.#placement = read(positioner);
    this.place = this.#find();
    const parentPopups = this.parent.popups;
    parentPopups.push(this);
    implement(resource, "xdg_popup", {
      destroy: () => {
        if (xdgSurface.popups.length > 0) wmBase.fail(not_the_topmost_popup, "another popup lies over it");
      },
      grab: () => {
        if (xdgSurface.isMapped) resource.fail(enums.xdg_popup.error.invalid_grab, "it is shown already");
        this.hasGrab = true;
      },
      reposition: (from, token) => {
        this.#placement = read(from);
        this.place = this.#find();
        events.xdg_popup.repositioned(resource, token);
        xdgSurface.configure();
        xdgSurface.screen.changed();
      },
    });
    resource.onDestroy(() => {
      xdgSurface.hide();
      parentPopups.splice(parentPopups.indexOf(this), 1);
      for (const popup of xdgSurface.popups) popup.parent = null;
    });
  }

  #find(): Rectangle {
    const { area } = this.xdgSurface.screen;
    const { x, y } = originOf(this.parent!);
    return place(this.#placement, { ...area, x: -x, y: -y });
  }

  /** A person pressed beside it, or its parent is gone. */
  dismiss(): void {
    for (const popup of [...this.xdgSurface.popups].reverse()) popup.dismiss();
    events.xdg_popup.popup_done(this.resource);
  }

  configure(): void {
    const { x, y, width, height } = this.place;
    events.xdg_popup.configure(this.resource, x, y, width, height);
  }

  mapped(): void {
    this.xdgSurface.screen.changed();
  }

  unmapped(): void {
    this.xdgSurface.screen.changed();
  }
}
