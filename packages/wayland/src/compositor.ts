/** One screen with its programs: the composition root of this package. */
import type { Client } from "./core/client.ts";
import { type ClientEnd, Display, type Global } from "./core/display.ts";
import type { CompositorPorts, Connection } from "./core/ports.ts";
import type { Resource } from "./core/resource.ts";
import { DataDevices } from "./data/data-device.ts";
import { Damage, isSameRectangle, type Rectangle } from "./geometry/rectangle.ts";
import { Output, type OutputMode } from "./output/output.ts";
import { enums, events, implement, type InterfaceName, INTERFACES } from "./protocol/protocol.ts";
import { type Canvas, compose } from "./render/compose.ts";
import { bindCursorShapes } from "./seat/cursor-shape.ts";
import { keymapBytes } from "./seat/keyboard.ts";
import type { Cursor } from "./seat/pointer.ts";
import { Seat } from "./seat/seat.ts";
import { bindDecorations } from "./shell/decoration.ts";
import { addTree, type SceneNode, Screen } from "./shell/screen.ts";
import type { Toplevel } from "./shell/toplevel.ts";
import { bindWmBase } from "./shell/xdg-surface.ts";
import { bindFractionalScale, bindPresentation, bindViewporter } from "./surface/extensions.ts";
import { createRegion } from "./surface/region.ts";
import { bindShm } from "./surface/shm.ts";
import { bindSinglePixelBuffers } from "./surface/single-pixel.ts";
import { bindSubcompositor } from "./surface/subsurface.ts";
import { Surface } from "./surface/surface.ts";

export interface CompositorOptions extends OutputMode {
  /** The keyboard's layout, as setxkbmap(1) takes it. */
  readonly layout: string;
  /** 0xAARRGGBB, behind all windows. */
  readonly background: number;
  /** What windows of all programs may take of the host, beside the limit of the guest's memory; else 512 MiB. */
  readonly pixelBytesMax?: number;
}

const PIXEL_BYTES_MAX = 1 << 29;

/** A surface of the last frame, and what it covered. */
interface ShownNode {
  readonly surface: Surface;
  readonly place: Rectangle;
}

/** A window that follows the pointer. */
interface Drag {
  readonly window: Toplevel;
  /** xdg_toplevel.resize_edge; 0: it is moved. */
  readonly edges: number;
  readonly pointerX: number;
  readonly pointerY: number;
  readonly place: Rectangle;
}

const SECOND_MS = 1000;

export class Compositor {
  readonly #ports: CompositorPorts;
  readonly #options: CompositorOptions;
  readonly #display: Display;
  readonly #output: Output;
  readonly #seat: Seat;
  readonly #screen: Screen;
  readonly #data = new DataDevices();
  readonly #canvas: Canvas;
  #shown: ShownNode[] = [];
  #lastPicture: Uint32Array | null = null;
  /** Frames that were composed, as presentation feedback counts them. */
  #frames = 0;
  #isFrameWanted = false;
  #cursor: Cursor | null = null;
  #pointerX = 0;
  #pointerY = 0;
  #drag: Drag | null = null;

  constructor(ports: CompositorPorts, options: CompositorOptions) {
    const { width, height, layout, background, pixelBytesMax = PIXEL_BYTES_MAX } = options;
    this.#ports = ports;
    this.#options = options;
    this.#canvas = { width, height, pixels: new Uint32Array(width * height).fill(background) };
    this.#display = new Display(INTERFACES, this.#globals(), (error) => ports.onDefect(error), pixelBytesMax);
    const nextSerial = (): number => this.#display.nextSerial();
    this.#output = new Output(options);
    this.#screen = new Screen(options, {
      nextSerial,
      screenChanged: () => this.#screenChanged(),
      windowGoes: () => this.#windowGoes(),
      beginDrag: (window, _seat, edges) => this.#beginDrag(window, edges),
    });
    const keymap = keymapBytes(layout);
    const file = ports.makeFile("keymap", keymap);
    this.#seat = new Seat({ file, sizeBytes: keymap.length }, nextSerial, (cursor) => {
      this.#cursor = cursor;
      this.#wantFrame();
    });
  }

  /** What programs can bind, by the versions that we speak. */
  #globals(): Global[] {
    const global = (name: InterfaceName, version: number, bind: (resource: Resource) => void): Global => ({
      interface: INTERFACES.get(name)!,
      version,
      bind,
    });
    return [
      global("wl_compositor", 6, (resource) => this.#bindCompositor(resource)),
      global("wl_subcompositor", 1, bindSubcompositor),
      global("wl_shm", 2, bindShm),
      global("wl_seat", 7, (resource) => this.#seat.bind(resource)),
      global("wl_output", 4, (resource) => this.#output.bind(resource)),
      global("wl_data_device_manager", 3, (resource) => this.#data.bind(resource)),
      global("xdg_wm_base", 6, (resource) => bindWmBase(resource, this.#screen)),
      global("zxdg_decoration_manager_v1", 1, bindDecorations),
      global("wp_viewporter", 1, bindViewporter),
      global("wp_single_pixel_buffer_manager_v1", 1, bindSinglePixelBuffers),
      global("wp_presentation", 1, bindPresentation),
      global("wp_cursor_shape_manager_v1", 1, (resource) => bindCursorShapes(resource, this.#seat.pointer)),
      global("wp_fractional_scale_manager_v1", 1, (resource) => bindFractionalScale(resource, this.#options.scale)),
    ];
  }

  #bindCompositor(resource: Resource): void {
    implement(resource, "wl_compositor", {
      create_surface: (id) => {
        new Surface(id, {
          surfaceChanged: () => this.#wantFrame(),
          surfaceGone: (surface) => this.#surfaceGone(surface),
        });
        events.wl_surface.preferred_buffer_scale(id, this.#options.scale);
      },
      create_region: (id) => createRegion(id),
    });
  }

  /** A program has connected. */
  connect(connection: Connection): ClientEnd {
    return this.#display.connect(connection);
  }

  /** The screen as the last frame left it. The array is used again. */
  get canvas(): Canvas {
    return this.#canvas;
  }

  get windows(): readonly Toplevel[] {
    return this.#screen.windows;
  }

  /** What the screen showed before its last window went; null: none has. */
  get lastPicture(): Uint32Array | null {
    return this.#lastPicture;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  #wantFrame(): void {
    if (this.#isFrameWanted) return;
    this.#isFrameWanted = true;
    this.#ports.onFrameNeeded();
  }

  #screenChanged(): void {
    const focus = this.#screen.keyboardFocus;
    this.#seat.keyboard.setFocus(focus);
    this.#data.setFocus(focus?.client ?? null);
    this.#wantFrame();
  }

  #windowGoes(): void {
    if (this.#screen.windows.length > 1) return;
    this.#compose();
    this.#lastPicture = this.#canvas.pixels.slice();
  }

  #surfaceGone(surface: Surface): void {
    if (this.#seat.pointer.focus === surface) this.#seat.pointer.dropFocus();
    if (this.#cursor?.surface === surface) this.#cursor = null;
    this.#wantFrame();
  }

  /**
   * Shows what has changed since the last frame, and tells those who wait that they may draw the next one.
   *
   * @returns what differs from the last frame
   */
  frame(): readonly Rectangle[] {
    this.#isFrameWanted = false;
    const changed = this.#compose();
    this.#frames++;
    const nowMs = this.#ports.nowMs();
    for (const { surface } of this.#shown) this.#tellFrame(surface, nowMs);
    this.#display.flush();
    return changed;
  }

  #compose(): readonly Rectangle[] {
    for (const { surface } of this.#scene()) refresh(surface.client, surface);
    // A client whose memory was gone is gone now, too.
    const layers = this.#scene();
    const shown = layers.map(({ surface, x, y }) => {
      const { width, height } = surface;
      return { surface, place: { x, y, width, height } };
    });
    const { width, height } = this.#canvas;
    const damage = damageBetween(this.#shown, shown);
    damage.clip({ x: 0, y: 0, width, height });
    this.#tellOutputs(shown);
    this.#shown = shown;
    const parts = damage.take();
    compose(this.#canvas, parts, layers, this.#options.background);
    return parts;
  }

  #scene(): SceneNode[] {
    const nodes = this.#screen.scene();
    const { surface, hotspotX, hotspotY } = this.#cursor ?? { surface: null, hotspotX: 0, hotspotY: 0 };
    if (surface !== null)
      addTree(nodes, surface, Math.floor(this.#pointerX) - hotspotX, Math.floor(this.#pointerY) - hotspotY);
    return nodes;
  }

  /** Surfaces that come into sight are on the output, and leave it again. */
  #tellOutputs(shown: readonly ShownNode[]): void {
    const before = new Set(this.#shown.map(({ surface }) => surface));
    for (const { surface } of shown)
      if (!before.delete(surface))
        for (const output of this.#output.of(surface.resource)) events.wl_surface.enter(surface.resource, output);
    for (const surface of before)
      for (const output of this.#output.of(surface.resource)) events.wl_surface.leave(surface.resource, output);
  }

  #tellFrame(surface: Surface, nowMs: number): void {
    const { callbacks, feedbacks } = surface.takeFrameWaiters();
    const time = Math.floor(nowMs) >>> 0;
    for (const callback of callbacks) {
      events.wl_callback.done(callback, time);
      callback.destroy();
    }
    if (feedbacks.length === 0) return;
    const seconds = Math.floor(nowMs / SECOND_MS);
    const nanoseconds = Math.floor((nowMs - seconds * SECOND_MS) * 1e6);
    const refreshNs = Math.round(1e9 / this.#options.refreshHz);
    for (const feedback of feedbacks) {
      for (const output of this.#output.of(feedback)) events.wp_presentation_feedback.sync_output(feedback, output);
      events.wp_presentation_feedback.presented(
        feedback,
        Math.floor(seconds / 2 ** 32),
        seconds >>> 0,
        nanoseconds,
        refreshNs,
        Math.floor(this.#frames / 2 ** 32),
        this.#frames >>> 0,
        0,
      );
      feedback.destroy();
    }
  }

  /** A key of input-event-codes.h. */
  key(key: number, isDown: boolean): void {
    this.#seat.keyboard.press(key, isDown, this.#timeMs);
    this.#display.flush();
  }

  get #timeMs(): number {
    return Math.floor(this.#ports.nowMs()) >>> 0;
  }

  /** The pointer is there now, in pixels of the screen. */
  movePointer(x: number, y: number): void {
    this.#pointerX = x;
    this.#pointerY = y;
    if (this.#drag !== null) this.#follow(this.#drag);
    else this.#pointAt();
    if (this.#cursor?.surface != null) this.#wantFrame();
    this.#display.flush();
  }

  #pointAt(): void {
    const { pointer } = this.#seat;
    const nodes = this.#screen.scene();
    const held = pointer.isPressed ? pointer.focus : null;
    const node =
      held !== null
        ? nodes.find(({ surface }) => surface === held)
        : nodes.findLast(({ surface, x, y }) => surface.takesInput(this.#pointerX - x, this.#pointerY - y));
    const place =
      node === undefined ? null : { surface: node.surface, x: this.#pointerX - node.x, y: this.#pointerY - node.y };
    pointer.move(place, this.#timeMs);
  }

  /** A button of input-event-codes.h: BTN_LEFT is 0x110. */
  button(button: number, isDown: boolean): void {
    if (this.#drag !== null) {
      if (!isDown) this.#endDrag();
      return;
    }
    const { pointer } = this.#seat;
    if (isDown && !pointer.isPressed) this.#pressed(pointer.focus);
    pointer.press(button, isDown, this.#timeMs);
    if (!isDown && !pointer.isPressed) this.#pointAt();
    this.#display.flush();
  }

  /** The window below comes to the top, popups of others go. */
  #pressed(surface: Surface | null): void {
    for (const popup of this.#screen.grabbingPopups().reverse())
      if (surface?.client !== popup.resource.client) popup.dismiss();
    const window = this.#screen.windows.find((each) => containsSurface(each, surface));
    if (window !== undefined) this.#screen.raise(window);
  }

  /** @param dx  in pixels, as `dy`: to the right and down */
  scroll(dx: number, dy: number): void {
    this.#seat.pointer.scroll(dx, dy, this.#timeMs);
    this.#display.flush();
  }

  #beginDrag(window: Toplevel, edges: number): void {
    const { pointer } = this.#seat;
    if (!pointer.isPressed || pointer.focus?.client !== window.resource.client || window.isFilling) return;
    const { width, height } = window.xdgSurface.geometry;
    const place = { x: window.x, y: window.y, width, height };
    this.#drag = { window, edges, pointerX: this.#pointerX, pointerY: this.#pointerY, place };
    window.isResizing = edges !== 0;
    pointer.takeButtons();
    pointer.dropFocus();
  }

  #follow({ window, edges, pointerX, pointerY, place }: Drag): void {
    const dx = Math.round(this.#pointerX - pointerX),
      dy = Math.round(this.#pointerY - pointerY);
    if (!window.xdgSurface.isMapped) this.#drag = null;
    else if (edges === 0) window.moveTo(place.x + dx, place.y + dy);
    else {
      const { left, right, top, bottom } = enums.xdg_toplevel.resize_edge;
      const by = (before: number, after: number, change: number): number =>
        (edges & before) !== 0 ? -change : (edges & after) !== 0 ? change : 0;
      const width = Math.max(1, place.width + by(left, right, dx)),
        height = Math.max(1, place.height + by(top, bottom, dy));
      window.moveTo(
        (edges & left) !== 0 ? place.x + place.width - width : place.x,
        (edges & top) !== 0 ? place.y + place.height - height : place.y,
      );
      window.resizeTo(width, height);
    }
  }

  #endDrag(): void {
    const { window } = this.#drag!;
    this.#drag = null;
    window.isResizing = false;
    if (window.xdgSurface.isMapped) window.xdgSurface.configure();
    this.#pointAt();
    this.#display.flush();
  }
}

function refresh(client: Client, surface: Surface): void {
  if (!client.isGone) return client.guard(() => surface.refresh());
  try {
    surface.refresh();
  } catch {
    // Its last picture is asked for as it goes: what it has taken away with it is not there.
  }
}

function containsSurface(window: Toplevel, surface: Surface | null): boolean {
  const nodes: SceneNode[] = [];
  addTree(nodes, window.xdgSurface.surface, 0, 0);
  return nodes.some((node) => node.surface === surface);
}

/** Of two scenes: what one shows and the other does not, and what was drawn in those that are in both. */
function damageBetween(before: readonly ShownNode[], after: readonly ShownNode[]): Damage {
  const damage = new Damage();
  const isSameOrder =
    before.length === after.length && before.every(({ surface }, at) => surface === after[at]!.surface);
  if (!isSameOrder) for (const { place } of [...before, ...after]) damage.add(place);
  for (const [at, { surface, place }] of after.entries()) {
    const drawn = surface.damage.take();
    if (!isSameOrder) continue;
    const was = before[at]!.place;
    if (isSameRectangle(was, place))
      for (const part of drawn) damage.add({ ...part, x: place.x + part.x, y: place.y + part.y });
    else {
      damage.add(was);
      damage.add(place);
    }
  }
  return damage;
}
