/**
 * What is dragged from one window to another (wl_data_device.start_drag): one thing at a time, by who is pressed.
 *
 *     source's program          here                           program below the pointer
 *     start_drag          ──►   Drags   ── data_offer, enter, motion ──►
 *     ◄── target, action ──   DragOffer   ◄── accept, set_actions ──
 *          the button is let go:  dnd_drop_performed, drop
 *     ◄──── send ────────────────────────────  receive
 *     ◄── dnd_finished ──                  ◄── finish
 *
 * What nobody has accepted, or with no action that both know, is cancelled, and so is what is dropped and never
 * finished. An offer that was left, or whose source is gone, answers nothing: its program may not know yet.
 */
import { flag, maybe, oneOf, record, whole } from "@stratos/base/value-check";
import type { SharedFile } from "../core/ports.ts";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { keptSurface } from "../surface/kept.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";
import type { Copied } from "./selection.ts";

const { none, copy, move, ask } = enums.wl_data_device_manager.dnd_action;
export const ALL_ACTIONS = copy | move | ask;
/** In which actions and `finish` are known of. */
const ACTIONS_SINCE = 3;

const ICON_ROLE = "drag icon";

class DragIconRole {
  readonly name = ICON_ROLE;
  readonly isMovedByOffset = true;

  checkCommit(): void {}

  committed(): void {}

  surfaceGone(): void {}

  static {
    savedClass("DragIconRole", this, { name: oneOf(ICON_ROLE), isMovedByOffset: oneOf(true) });
  }
}

/** A program's, with all that it offers. */
export interface DraggedSource extends Copied {
  readonly resource: Resource;
  /** Null: its program says nothing of them. */
  readonly actions: number | null;
  /** Copied or dragged before. */
  isUsed: boolean;
  /** To whom the pointer is over, or it was dropped; null: nobody. */
  offer: DragOffer | null;
}

/** What lies below the pointer, and where within it. */
interface DragPlace {
  readonly surface: Surface;
  readonly x: number;
  readonly y: number;
}

export interface DragsOwner {
  nextSerial(): number;
  /** The press on the program's window is a drag's from here on. @returns false: none of its windows is pressed */
  takePress(client: Client): boolean;
  /** The pointer is as usual again. */
  ended(): void;
  /** Keys say that it is to be copied, moved or asked for; else "none". */
  wantedAction(): number;
}

interface Drag {
  /** Null: its program hands over by itself, and no other is told. */
  readonly source: DraggedSource | null;
  readonly client: Client;
  icon: Surface | null;
  focus: Surface | null;
  offer: DragOffer | null;
}

export const isSavedDrag = maybe(
  record({
    source: maybe(a("DataSource")),
    client: a("Client"),
    icon: maybe(a("Surface")),
    focus: maybe(a("Surface")),
    offer: maybe(a("DragOffer")),
  }),
);

export class Drags {
  readonly #owner: DragsOwner;
  /** In the order in which they were made: a program hears of a drag by its first. */
  readonly #devices: ReadonlySet<Resource>;
  #drag: Drag | null = null;

  /** @param devices  of all programs */
  constructor(owner: DragsOwner, devices: ReadonlySet<Resource>) {
    this.#owner = owner;
    this.#devices = devices;
  }

  get isActive(): boolean {
    return this.#drag !== null;
  }

  /** What is shown at the pointer. */
  get icon(): Surface | null {
    return this.#drag?.icon ?? null;
  }

  save(): Drag | null {
    const drag = this.#drag;
    if (drag?.client.isKept !== true || drag.focus?.client.isKept === false) return null;
    return { ...drag, icon: keptSurface(drag.icon) };
  }

  goOn(drag: Drag | null): void {
    this.#drag = drag;
  }

  start(device: Resource, source: DraggedSource | null, iconResource: Resource | null): void {
    const { client } = device;
    if (source?.isUsed === true) device.fail(enums.wl_data_device.error.used_source, "the source has been used before");
    const icon = iconResource === null ? null : surfaceOf(iconResource);
    if (icon !== null && icon.role?.name !== ICON_ROLE)
      icon.takeRole(new DragIconRole(), device, enums.wl_data_device.error.role);
    if (source !== null) source.isUsed = true;
    if (this.#drag !== null || !this.#owner.takePress(client)) {
      // The button has been let go before the program said so.
      source?.cancelled();
      return;
    }
    this.#drag = { source, client, icon, focus: null, offer: null };
  }

  /** @param place  null: over nothing of a program's */
  move(place: DragPlace | null, timeMs: number): void {
    const drag = this.#drag;
    if (drag === null) return;
    const isHeard = drag.source !== null || place?.surface.client === drag.client;
    const to = isHeard ? place : null;
    if (to?.surface !== drag.focus) {
      this.#leave(drag);
      if (to !== null) to.surface.client.guard(() => this.#enter(drag, to));
    } else if (to !== null) {
      const device = this.#deviceOf(to.surface);
      if (device !== undefined) events.wl_data_device.motion(device, timeMs, to.x, to.y);
    }
  }

  #enter(drag: Drag, { surface, x, y }: DragPlace): void {
    drag.focus = surface;
    const device = this.#deviceOf(surface);
    if (device === undefined) return;
    const { source } = drag;
    if (source !== null) {
      const offer = device.client.createForEvent("wl_data_offer", device.version);
      events.wl_data_device.data_offer(device, offer);
      drag.offer = new DragOffer(offer, source, this);
      stand(offer, drag.offer);
      for (const type of source.types) events.wl_data_offer.offer(offer, type);
      events.wl_data_offer.source_actions(offer, actionsOf(source));
      drag.offer.choose();
    }
    events.wl_data_device.enter(device, this.#owner.nextSerial(), surface.resource, x, y, drag.offer?.resource ?? null);
  }

  #leave(drag: Drag): void {
    const { focus, offer } = drag;
    drag.focus = drag.offer = null;
    offer?.leave();
    const device = focus === null ? undefined : this.#deviceOf(focus);
    if (device !== undefined) events.wl_data_device.leave(device);
  }

  /** The button was let go. */
  drop(): void {
    const drag = this.#drag;
    if (drag === null) return;
    const { focus, offer } = drag;
    const device = focus === null ? undefined : this.#deviceOf(focus);
    if (offer?.isWelcome === true && device !== undefined) {
      offer.drop();
      events.wl_data_device.drop(device);
      drag.focus = drag.offer = null;
    } else this.#refuse(drag);
    this.#end(drag);
  }

  /** The person does not want it. */
  cancel(): void {
    const drag = this.#drag;
    if (drag === null) return;
    this.#refuse(drag);
    this.#end(drag);
  }

  #refuse(drag: Drag): void {
    this.#leave(drag);
    drag.source?.cancelled();
  }

  #end(drag: Drag): void {
    this.#drag = null;
    this.#leave(drag);
    this.#owner.ended();
  }

  /** Other keys are held. */
  keysChanged(): void {
    this.#drag?.offer?.choose();
  }

  sourceGone(source: DraggedSource): void {
    if (this.#drag?.source === source) this.#end(this.#drag);
  }

  surfaceGone(surface: Surface): void {
    const drag = this.#drag;
    if (drag === null) return;
    if (drag.icon === surface) drag.icon = null;
    if (drag.focus === surface) this.#leave(drag);
  }

  /** Its program hears of nothing any more. */
  deviceGone({ client }: Resource): void {
    if (this.#drag?.client === client) this.cancel();
  }

  /** Keys say that it is to be copied, moved or asked for; else "none". */
  get wantedAction(): number {
    return this.#owner.wantedAction();
  }

  #deviceOf({ client }: Surface): Resource | undefined {
    return [...this.#devices].find((device) => device.client === client && !device.isDestroyed);
  }
}

function actionsOf({ resource, actions }: DraggedSource): number {
  return resource.version >= ACTIONS_SINCE ? (actions ?? none) : copy;
}

const action = whole(0, ALL_ACTIONS);

/** What is dragged, for one program that it came over. */
export class DragOffer {
  readonly resource: Resource;
  /** Null: it was left, it is done, or the source is gone. */
  #source: DraggedSource | null;
  readonly drags: Drags;
  /** Those of the program below, and which it likes best. */
  actions: number;
  preferred: number = none;
  isAccepted = false;
  /** As both were told. */
  action: number = none;
  isDropped = false;
  isFinished = false;
  /** The person was to be asked: what is done is known at the end. */
  isAsked = false;

  constructor(resource: Resource, source: DraggedSource, drags: Drags) {
    this.resource = resource;
    this.drags = drags;
    this.#source = source;
    // Who does not know of actions copies.
    this.actions = resource.version >= ACTIONS_SINCE ? none : copy;
    source.offer = this;
  }

  serve(): void {
    const { resource } = this;
    const { error } = enums.wl_data_offer;
    implement(resource, "wl_data_offer", {
      accept: (_serial, type) => {
        this.#refuseFinished();
        this.isAccepted = type !== null;
        if (this.#source !== null) events.wl_data_source.target(this.#source.resource, type);
        this.choose();
      },
      receive: (type, file) => this.#receive(type, file),
      destroy: () => {},
      finish: () => {
        this.#refuseFinished();
        const isDone = this.action === copy || this.action === move;
        if (this.#source !== null && !(this.isDropped && this.isAccepted && isDone))
          resource.fail(error.invalid_finish, "it was not dropped, not accepted, or nothing is to be done with it");
        this.isFinished = true;
        this.#finish();
      },
      set_actions: (actions, preferred) => {
        this.#refuseFinished();
        if ((actions & ~ALL_ACTIONS) !== 0) resource.fail(error.invalid_action_mask, `actions ${actions}`);
        if (![none, copy, move, ask].includes(preferred as 0))
          resource.fail(error.invalid_action, `action ${preferred}`);
        this.actions = actions;
        this.preferred = preferred;
        this.choose();
      },
    });
    resource.onDestroy(() => this.#gone());
  }

  #refuseFinished(): void {
    if (this.isFinished) this.resource.fail(enums.wl_data_offer.error.invalid_offer, "it was finished");
  }

  #receive(type: string, file: SharedFile): void {
    const { client } = this.resource;
    this.#refuseFinished();
    if (this.#source === null) client.release(file);
    else this.#source.send(type, file, () => client.release(file));
  }

  /** What both can do: as keys say, else as the program below likes it, else the simplest. */
  choose(): void {
    const source = this.#source;
    if (source === null) return;
    const both = this.actions & actionsOf(source);
    const wanted = this.isDropped ? none : this.drags.wantedAction & both;
    const liked = wanted === none ? this.preferred & both : wanted;
    const chosen = liked !== none ? liked : both & -both;
    if (chosen === this.action) return;
    this.action = chosen;
    if (this.isAsked) return;
    events.wl_data_offer.action(this.resource, chosen);
    events.wl_data_source.action(source.resource, chosen);
  }

  get isWelcome(): boolean {
    return this.isAccepted && this.action !== none && this.#source !== null;
  }

  drop(): void {
    this.isDropped = true;
    this.isAsked = this.action === ask;
    if (this.#source !== null) events.wl_data_source.dnd_drop_performed(this.#source.resource);
  }

  /** The pointer is elsewhere: it is nobody's any more. */
  leave(): void {
    const source = this.#detach();
    if (source === null || source.resource.isDestroyed) return;
    if (this.isAccepted) events.wl_data_source.target(source.resource, null);
    if (this.action !== none) events.wl_data_source.action(source.resource, none);
  }

  #detach(): DraggedSource | null {
    const source = this.#source;
    this.#source = null;
    if (source !== null) source.offer = null;
    return source;
  }

  sourceGone(): void {
    this.#detach();
  }

  #finish(): void {
    const source = this.#detach();
    if (source === null) return;
    if (this.isAsked) events.wl_data_source.action(source.resource, this.action);
    events.wl_data_source.dnd_finished(source.resource);
  }

  #gone(): void {
    if (!this.isDropped) return this.leave();
    // Who does not know of `finish` is done by that.
    if (this.resource.version < ACTIONS_SINCE) return this.#finish();
    this.#detach()?.cancelled();
  }

  static {
    savedClass(
      "DragOffer",
      this,
      {
        resource: a("Resource"),
        drags: (value) => value instanceof Drags,
        actions: action,
        preferred: action,
        isAccepted: flag,
        action,
        isDropped: flag,
        isFinished: flag,
        isAsked: flag,
        "#source": maybe(a("DataSource")),
      },
      {
        save: (it) => ({ source: it.#source?.isKept === true ? it.#source : null }),
        load: (it, from) => ({ source: it.#source } = from),
      },
    );
  }
}
