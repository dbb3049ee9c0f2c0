/** xdg_popup: a menu, a tooltip: over a window or another popup, placed by it. */
import { flag, list, maybe, oneOf } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { isSavedPlacement, type Placement, place, placementOf } from "./positioner.ts";
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
  #wmBase: Resource;
  #placement: Placement;
  /** Those of the parent that it was made with. */
  #beside: Popup[] = [];
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
    this.#wmBase = wmBase;
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
    this.#placement = this.#read(positioner);
    this.place = this.#find();
    this.#beside = this.parent.popups;
    this.#beside.push(this);
  }

  /** @throws ProtocolError */
  #read(from: Resource): Placement {
    const found = placementOf(from);
    return found ?? this.#wmBase.fail(invalid_positioner, "a positioner without size or anchor rectangle");
  }

  serve(): void {
    const { resource, xdgSurface } = this;
    const parentPopups = this.#beside;
    implement(resource, "xdg_popup", {
      destroy: () => {
        if (xdgSurface.popups.length > 0) this.#wmBase.fail(not_the_topmost_popup, "another popup lies over it");
      },
      grab: () => {
        if (xdgSurface.isMapped) resource.fail(enums.xdg_popup.error.invalid_grab, "it is shown already");
        this.hasGrab = true;
      },
      reposition: (from, token) => {
        this.#placement = this.#read(from);
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
    const { x, y } = originOf(this.parent!);
    const { width, height } = this.parent!.geometry;
    const { monitor } = this.xdgSurface.screen.outputs.at({ x, y, width, height });
    return place(this.#placement, {
      x: monitor.x - x,
      y: monitor.y - y,
      width: monitor.width,
      height: monitor.height,
    });
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

  static {
    savedClass(
      "Popup",
      this,
      {
        roleName: oneOf("xdg_popup"),
        resource: a("Resource"),
        xdgSurface: a("XdgSurface"),
        parent: maybe(a("XdgSurface")),
        place: rectangle,
        hasGrab: flag,
        "#wmBase": a("Resource"),
        "#placement": isSavedPlacement,
        "#beside": list(a("Popup"), 1 << 16),
      },
      {
        save: (it) => ({ wmBase: it.#wmBase, placement: it.#placement, beside: it.#beside }),
        load: (it, from) => ({ wmBase: it.#wmBase, placement: it.#placement, beside: it.#beside } = from),
      },
    );
  }
}
