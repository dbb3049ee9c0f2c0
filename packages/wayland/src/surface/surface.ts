/**
 * wl_surface: what a client shows at one place. Requests gather in `#pending`; commit applies them at once, or, of a
 * synchronized sub-surface, lets them wait for the parent's commit (`#cached`).
 *
 *     attach, damage …  ──►  #pending  ──commit──►  (#cached  ──parent's commit──►)  current state
 *                                                                                     │ next frame
 *     the client's memory  ─────────────── damaged rows are copied ──────────────►  #pixels
 *
 * Pixels are copied when a frame is made, not at the commit: a client that commits a thousand times between two frames
 * costs one copy. It gets its buffer back then.
 */
import { coordinate, flag, list, maybe, record, text, whole } from "@stratos/base/value-check";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { a, point, savedClass } from "../saved/saved-class.ts";
import { Damage, type Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { bufferOf, type ClientBuffer, isSavedBuffer, SIDE_MAX } from "./client-buffer.ts";
import { isSavedShape, type RegionShape, shapeContains, shapeOf } from "./region.ts";
import { areSavedWaiters, isSavedView, SurfaceState, type View } from "./surface-state.ts";

const { error } = enums.wl_surface;

/** Of one client; more is no_memory. */
const SURFACES_MAX = 1024;

/** What a surface is for; given once, and for ever (wl_surface, "role"). */
export interface Role {
  readonly name: string;
  /** What the program says of offsets moves it (wl_surface.offset). */
  readonly isMovedByOffset?: boolean;
  /** Before a commit is applied: may refuse it. @param buffer  undefined: none is attached or taken away */
  checkCommit(buffer: ClientBuffer | null | undefined): void;
  committed(): void;
  /** The wl_surface goes before the role's object. */
  surfaceGone(): void;
}

/** What shows surfaces. */
export interface SurfaceOwner {
  /** Something is to be shown, or somebody waits for a frame. */
  surfaceChanged(surface: Surface): void;
  surfaceGone(surface: Surface): void;
}

export interface Content {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

/** Sub-surfaces of one, and itself. */
const STACK_MAX = 258;
const side = whole(1, SIDE_MAX);

export function surfaceOf(resource: Resource): Surface {
  return resource.part as Surface;
}

export class Surface {
  readonly resource: Resource;
  readonly client: Client;
  #owner: SurfaceOwner;
  #pending = { state: new SurfaceState() };
  #cached: SurfaceState | null = null;
  #roleName: string | null = null;
  role: Role | null = null;
  /** As a sub-surface: its parent, and whether it waits for that one's commits. */
  parent: Surface | null = null;
  isSynchronized = false;
  /** Sub-surfaces from the bottom, with the surface itself among them, as shown and as the next commit makes them. */
  stack: Surface[] = [this];
  pendingStack: Surface[] | null = null;
  /** Within the parent. */
  x = 0;
  y = 0;
  pendingPosition: { readonly x: number; readonly y: number } | null = null;
  /** Attached and not copied yet. */
  #fresh: ClientBuffer | null = null;
  #freshDamage = new Damage();
  #bufferSize: { readonly width: number; readonly height: number } | null = null;
  #content: Content | null = null;
  /** In surface coordinates, since the last frame. */
  readonly damage = new Damage();
  #input: RegionShape | null = null;
  transform = 0;
  scale = 1;
  #view: View = { source: null, destination: null };
  #callbacks: Resource[] = [];
  #feedbacks: Resource[] = [];
  hasViewport = false;
  /** wp_fractional_scale_v1 */
  fractionalScale: Resource | null = null;
  /** Of the monitor that it lies on, which its program may draw for. */
  preferredScale: number;
  /** Monitors that it has entered and not left, by their names. */
  monitors: readonly number[] = [];

  constructor(resource: Resource, owner: SurfaceOwner, preferredScale: number) {
    this.resource = resource;
    this.client = resource.client;
    this.#owner = owner;
    this.preferredScale = preferredScale;
  }

  /** @throws ProtocolError: its client has too many */
  serve(): void {
    const { resource, client } = this;
    if (client.surfaceCount >= SURFACES_MAX) client.refuseMemory(`more than ${SURFACES_MAX} surfaces`);
    client.surfaceCount++;
    const pending = this.#pending;
    implement(resource, "wl_surface", {
      destroy: () => this.#mayDestroy(),
      attach: (buffer, x, y) => this.#attach(buffer, x, y),
      damage: (x, y, width, height) => pending.state.damage.add({ x, y, width, height }),
      damage_buffer: (x, y, width, height) => pending.state.bufferDamage.add({ x, y, width, height }),
      frame: (callback) => void pending.state.callbacks.push(callback),
      // Everything is drawn from the bottom: what an opaque region would spare is not needed for the right picture.
      set_opaque_region: () => {},
      set_input_region: (region) => void (pending.state.input = region === null ? null : shapeOf(region)),
      set_buffer_transform: (transform) => {
        if (transform < 0 || transform > 7) resource.fail(error.invalid_transform, `transform ${transform}`);
        pending.state.transform = transform;
      },
      set_buffer_scale: (scale) => {
        if (scale < 1) resource.fail(error.invalid_scale, `scale ${scale}`);
        pending.state.scale = scale;
      },
      offset: (x, y) => {
        pending.state.dx += x;
        pending.state.dy += y;
      },
      commit: () => this.#commit(),
    });
    resource.onDestroy(() => this.#gone());
  }

  /** @throws ProtocolError `code` of `by` when it has another role, or still has an object of this one */
  takeRole(role: Role, by: Resource, code: number): void {
    if (this.role !== null || (this.#roleName !== null && this.#roleName !== role.name))
      by.fail(code, `wl_surface#${this.resource.id} has the role ${this.#roleName} already`);
    this.#roleName = role.name;
    this.role = role;
  }

  get hasBuffer(): boolean {
    return this.#bufferSize !== null;
  }

  get hasPendingBuffer(): boolean {
    return this.#pending.state.buffer != null;
  }

  #attach(buffer: Resource | null, x: number, y: number): void {
    const { state } = this.#pending;
    if (this.resource.version >= 5 && (x !== 0 || y !== 0))
      this.resource.fail(error.invalid_offset, "attach with an offset, which wl_surface.offset is for");
    state.attach(buffer === null ? null : bufferOf(buffer));
    state.dx += x;
    state.dy += y;
  }

  setView(view: Partial<View>): void {
    const { state } = this.#pending;
    state.view = { ...(state.view ?? this.#cached?.view ?? this.#view), ...view };
  }

  addFeedback(feedback: Resource): void {
    this.#pending.state.feedbacks.push(feedback);
  }

  get #waitsForParent(): boolean {
    return this.parent !== null && (this.isSynchronized || this.parent.#waitsForParent);
  }

  #commit(): void {
    const { state } = this.#pending;
    this.role?.checkCommit(state.buffer);
    this.#pending.state = new SurfaceState();
    if (this.#cached !== null) this.#cached.merge(state);
    else if (this.#waitsForParent) this.#cached = state;
    const applied = this.#cached ?? state;
    if (this.#waitsForParent) return;
    this.#cached = null;
    this.#apply(applied);
  }

  preferScale(scale: number): void {
    if (scale === this.preferredScale) return;
    this.preferredScale = scale;
    events.wl_surface.preferred_buffer_scale(this.resource, Math.ceil(scale));
    this.tellFractionalScale();
  }

  /** In 120ths. */
  tellFractionalScale(): void {
    if (this.fractionalScale !== null)
      events.wp_fractional_scale_v1.preferred_scale(this.fractionalScale, Math.round(this.preferredScale * 120));
  }

  /** It lies elsewhere, or is shown no more, without a commit. */
  changed(): void {
    this.#owner.surfaceChanged(this);
  }

  /** It waits no more, unless its parent does. */
  setDesynchronized(): void {
    this.isSynchronized = false;
    if (!this.#waitsForParent) this.applyCached();
  }

  /** What it committed counts now: its parent's commit has been applied. */
  applyCached(): void {
    const cached = this.#cached;
    this.#cached = null;
    if (cached !== null) this.#apply(cached);
  }

  #apply(state: SurfaceState): void {
    this.transform = state.transform ?? this.transform;
    this.scale = state.scale ?? this.scale;
    this.#view = state.view ?? this.#view;
    if (state.input !== undefined) this.#input = state.input;
    if (state.buffer !== undefined) this.#show(state.buffer);
    this.#checkView();
    if (this.#bufferSize !== null) this.#addDamage(state);
    for (const feedback of this.#feedbacks.splice(0)) discard(feedback);
    this.#callbacks.push(...state.callbacks);
    this.#feedbacks.push(...state.feedbacks);
    if (this.parent !== null || this.role?.isMovedByOffset === true) {
      this.x += state.dx;
      this.y += state.dy;
    }
    if (this.pendingStack !== null) this.stack = this.pendingStack;
    this.pendingStack = null;
    for (const child of this.stack) {
      if (child === this) continue;
      if (child.pendingPosition !== null) ({ x: child.x, y: child.y } = child.pendingPosition);
      child.pendingPosition = null;
      child.applyCached();
    }
    this.role?.committed();
    this.#owner.surfaceChanged(this);
  }

  #show(buffer: ClientBuffer | null): void {
    this.#fresh?.release();
    this.#fresh = buffer;
    this.#bufferSize = buffer === null ? null : { width: buffer.width, height: buffer.height };
    if (buffer === null) this.#setContent(null);
  }

  #addDamage(state: SurfaceState): void {
    const { width, height } = this.#bufferSize!;
    for (const part of state.bufferDamage.parts) this.damage.add(this.#toSurface(part));
    this.damage.addAll(state.damage);
    this.damage.clip({ x: 0, y: 0, width: this.width, height: this.height });
    this.#freshDamage.addAll(state.bufferDamage);
    const { scale } = this;
    for (const { x, y, width: w, height: h } of state.damage.parts)
      // Where pixels lie otherwise, all of them are copied.
      this.#freshDamage.add(
        this.#isOnlyScaled
          ? { x: x * scale, y: y * scale, width: w * scale, height: h * scale }
          : { x: 0, y: 0, width, height },
      );
    this.#freshDamage.clip({ x: 0, y: 0, width, height });
  }

  /** Its coordinates are those of the buffer, divided by its scale. */
  get #isOnlyScaled(): boolean {
    return this.transform === 0 && this.#view.source === null && this.#view.destination === null;
  }

  #toSurface(part: Rectangle): Rectangle {
    if (!this.#isOnlyScaled) return { x: 0, y: 0, width: this.width, height: this.height };
    const x = Math.floor(part.x / this.scale),
      y = Math.floor(part.y / this.scale);
    return {
      x,
      y,
      width: Math.ceil((part.x + part.width) / this.scale) - x,
      height: Math.ceil((part.y + part.height) / this.scale) - y,
    };
  }

  /** Of the buffer, turned and divided by its scale: surface coordinates without a viewport. */
  get #turnedSize(): { width: number; height: number } {
    const { width, height } = this.#bufferSize!;
    const isSideways = (this.transform & 1) === 1;
    return { width: (isSideways ? height : width) / this.scale, height: (isSideways ? width : height) / this.scale };
  }

  #checkView(): void {
    const { source, destination } = this.#view;
    if (source === null || this.#bufferSize === null) return;
    const { bad_size, out_of_buffer } = enums.wp_viewport.error;
    const { width, height } = this.#turnedSize;
    if (destination === null && !(Number.isInteger(source.width) && Number.isInteger(source.height)))
      this.resource.fail(bad_size, "a source of a size that is not whole, and no destination");
    if (source.x + source.width > width || source.y + source.height > height)
      this.resource.fail(out_of_buffer, "a source beyond the buffer");
  }

  /** Size in surface coordinates; 0 without a buffer. */
  get width(): number {
    if (this.#bufferSize === null) return 0;
    const { source, destination } = this.#view;
    return Math.max(1, Math.floor(destination?.width ?? source?.width ?? this.#turnedSize.width));
  }

  get height(): number {
    if (this.#bufferSize === null) return 0;
    const { source, destination } = this.#view;
    return Math.max(1, Math.floor(destination?.height ?? source?.height ?? this.#turnedSize.height));
  }

  /** The part of the turned and scaled buffer that is shown. */
  get source(): Rectangle {
    return this.#view.source ?? { x: 0, y: 0, ...this.#turnedSize };
  }

  /** As the last `refresh` left them. */
  get content(): Content | null {
    return this.#content;
  }

  takesInput(x: number, y: number): boolean {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return false;
    return this.#input === null || shapeContains(this.#input, x, y);
  }

  /** Copies what the client has drawn since, and gives it its buffer back. @throws ProtocolError */
  refresh(): void {
    const buffer = this.#fresh;
    if (buffer === null) return;
    this.#fresh = null;
    try {
      const bounds = { x: 0, y: 0, width: buffer.width, height: buffer.height };
      if (this.#content?.width !== buffer.width || this.#content.height !== buffer.height) {
        this.#setContent(buffer);
        this.#freshDamage.take();
        this.#freshDamage.add(bounds);
      }
      for (const part of this.#freshDamage.take()) buffer.copy(this.#content!.pixels, part);
    } finally {
      buffer.release();
    }
  }

  #setContent(size: { readonly width: number; readonly height: number } | null): void {
    const { client } = this;
    if (this.#content !== null) client.givePixels(this.#content.pixels.byteLength);
    this.#content = null;
    if (size === null) return;
    const { width, height } = size;
    client.takePixels(4 * width * height);
    this.#content = { width, height, pixels: new Uint32Array(width * height) };
  }

  /** What waits for a frame that shows this surface: the next one may be drawn. */
  takeFrameWaiters(): { readonly callbacks: Resource[]; readonly feedbacks: Resource[] } {
    return { callbacks: this.#callbacks.splice(0), feedbacks: this.#feedbacks.splice(0) };
  }

  #mayDestroy(): void {
    if (this.role !== null && this.#roleName!.startsWith("xdg_"))
      this.resource.fail(error.defunct_role_object, `its ${this.#roleName} is still there`);
  }

  #gone(): void {
    this.client.surfaceCount--;
    this.role?.surfaceGone();
    this.#owner.surfaceGone(this);
    this.#pending.state.drop();
    this.#cached?.drop();
    this.#fresh?.release();
    this.#fresh = null;
    this.#bufferSize = null;
    this.#setContent(null);
    for (const feedback of this.#feedbacks.splice(0)) discard(feedback);
    for (const child of [...this.stack, ...(this.pendingStack ?? [])]) if (child !== this) child.parent = null;
  }

  static {
    const surfaces = list(a("Surface"), STACK_MAX);
    savedClass(
      "Surface",
      this,
      {
        resource: a("Resource"),
        client: a("Client"),
        role: maybe(isRole),
        parent: maybe(a("Surface")),
        isSynchronized: flag,
        stack: surfaces,
        pendingStack: maybe(surfaces),
        x: coordinate,
        y: coordinate,
        pendingPosition: maybe(point),
        damage: a("Damage"),
        transform: whole(0, 7),
        scale: whole(1, 2 ** 31 - 1),
        hasViewport: flag,
        fractionalScale: maybe(a("Resource")),
        preferredScale: (value) => typeof value === "number" && value > 0 && value <= 1000,
        monitors: list(whole(0, 2 ** 31), 1 << 8),
        "#owner": isOwner,
        "#pending": record({ state: a("SurfaceState") }),
        "#cached": maybe(a("SurfaceState")),
        "#roleName": maybe(text(64)),
        "#fresh": maybe(isSavedBuffer),
        "#freshDamage": a("Damage"),
        "#bufferSize": maybe(record({ width: side, height: side })),
        "#content": maybe(isContent),
        "#input": maybe(isSavedShape),
        "#view": isSavedView,
        "#callbacks": areSavedWaiters,
        "#feedbacks": areSavedWaiters,
      },
      {
        save: (it) => ({
          owner: it.#owner,
          pending: it.#pending,
          cached: it.#cached,
          roleName: it.#roleName,
          fresh: it.#fresh,
          freshDamage: it.#freshDamage,
          bufferSize: it.#bufferSize,
          content: it.#content,
          input: it.#input,
          view: it.#view,
          callbacks: it.#callbacks,
          feedbacks: it.#feedbacks,
        }),
        load: (it, from) =>
          ({
            owner: it.#owner,
            pending: it.#pending,
            cached: it.#cached,
            roleName: it.#roleName,
            fresh: it.#fresh,
            freshDamage: it.#freshDamage,
            bufferSize: it.#bufferSize,
            content: it.#content,
            input: it.#input,
            view: it.#view,
            callbacks: it.#callbacks,
            feedbacks: it.#feedbacks,
          } = from),
      },
      { loaded: (it) => it.#loaded() },
    );
  }

  /** What is counted of it where it belongs. */
  #loaded(): void {
    this.#fresh?.retain();
    if (this.#content !== null) this.client.takePixels(this.#content.pixels.byteLength);
  }
}

function isContent(value: unknown): boolean {
  const { width, height, pixels } = value as Partial<Content>;
  return (
    record({ width: side, height: side, pixels: () => true })(value) &&
    pixels instanceof Uint32Array &&
    pixels.length === width! * height!
  );
}

function isRole(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as Partial<Role>).checkCommit === "function";
}

function isOwner(value: unknown): boolean {
  return typeof value === "object" && value !== null && "surfaceGone" in value;
}

function discard(feedback: Resource): void {
  events.wp_presentation_feedback.discarded(feedback);
  feedback.destroy();
}
