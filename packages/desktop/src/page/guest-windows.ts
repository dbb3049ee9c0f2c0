/**
 * Windows of programs: their pictures, drawn by the machine's compositor, each on a canvas of its own within a frame of
 * the desktop (serve/display-socket.ts has the messages).
 */
import type { ProgramNotification } from "@stratos/dbus";
import type { ArrangedWindow } from "../arrange/arrangement.ts";
import type { Placement, Rectangle } from "../arrange/place.ts";
import type { Desktop, WindowContent } from "./desktop.ts";
import { DisplayInput } from "@stratos/console/page/display-input";
import { readParts } from "@stratos/display/read-parts";
import type { ShownTrayItem } from "../machine/guest-bus.ts";
import type { PageMonitor } from "./monitors.ts";
import type { Notifications } from "./notifications.ts";
import { openSocket, type PageConnection } from "./service.ts";
import type { TrayArea } from "./tray.ts";
import { create } from "./widgets/containers.ts";
import type { WindowFrame } from "./window-frame.ts";
import { say } from "./words.ts";

interface ToldWindow {
  readonly id: number;
  readonly title: string;
  readonly appId: string;
  readonly width: number;
  readonly height: number;
  readonly drawsFrame: boolean;
  readonly filling: "" | "maximized" | "fullscreen";
}

interface ToldPicture extends Rectangle {
  readonly id: number;
  /** Its own pixels for one of the desktop. */
  readonly scale: number;
  readonly window: number | null;
  readonly role: "window" | "overlay" | "cursor" | "dragged";
}

interface Wish {
  readonly id: number;
  readonly kind: "raise" | "minimize" | "fill" | "drag";
  readonly filling?: "" | "maximized" | "fullscreen";
  /** Null: that on which it lies. */
  readonly monitor?: number | null;
  readonly edges?: number;
}

type Told = Partial<{
  present: { readonly windows: readonly number[]; readonly notifications: readonly ProgramNotification[] };
  window: ToldWindow;
  closed: number;
  wish: Wish;
  picture: ToldPicture;
  dropped: number;
  frame: true;
  cursor: string;
  text: Rectangle | null;
  locked: boolean;
  copied: string;
  notification: ProgramNotification;
  withdrawn: number;
  tray: readonly ShownTrayItem[];
}>;

const AGAIN_MS = 1000;
const HIDDEN_MS = 1000;
/** As the service takes it. */
const SCALE_MIN = 0.25,
  SCALE_MAX = 8;

export class GuestWindows {
  readonly #desktop: Desktop;
  readonly #windows = new Map<number, GuestWindow>();
  readonly #pictures = new Map<number, { readonly canvas: HTMLCanvasElement; told: ToldPicture }>();
  readonly #notifications: Notifications;
  readonly input: DisplayInput;
  #socket: PageConnection | null = null;
  #cursorPicture: HTMLCanvasElement | null = null;
  #isLost = false;
  #sentMonitors = "";
  #cursor = "default";
  #focus: number | null = null;

  readonly #tray: TrayArea;

  constructor(desktop: Desktop, notifications: Notifications, tray: TrayArea) {
    this.#desktop = desktop;
    this.#tray = tray;
    this.#notifications = notifications;
    this.input = new DisplayInput(
      (message) => this.send(message),
      () => notifications.add(say("pasteTooLong")),
    );
    const { monitors } = desktop;
    monitors.first.element.append(this.input.field);
    desktop.onChange(() => this.#tellFocus());
    desktop.onChange(() => this.#tellMonitors());
    monitors.each((monitor) =>
      monitor.view.addEventListener("pointermove", (event) => {
        monitor.element.style.setProperty("--guest-cursor", this.#cursor);
        const picture = this.#cursorPicture;
        if (picture === null) return;
        if (picture.parentElement !== monitor.element) monitor.element.append(picture);
        const { x, y } = monitor.placeOf(event);
        picture.style.transform = `translate(${x - monitor.x}px, ${y - monitor.y}px)`;
      }),
    );
  }

  connect(): void {
    const socket = openSocket("/display", () => {
      if (this.#isLost) this.#notifications.add(say("connectionBack"));
      this.#isLost = false;
      this.#sentMonitors = "";
      this.#tellMonitors();
      this.#focus = null;
      this.#tellFocus();
    });
    this.#socket = socket;
    socket.onmessage = ({ data }) =>
      typeof data === "string" ? this.#take(JSON.parse(data) as Told) : this.#draw(data as ArrayBuffer);
    socket.onclose = ({ code }) => {
      this.#socket = null;
      for (const id of [...this.#pictures.keys()]) this.#dropPicture(id);
      // 1008: it is locked, or the key is another; who unlocks connects again. 1005: another page has our place.
      if (code === 1008 || code === 1005) return;
      if (!this.#isLost) this.#notifications.add(say("connectionGone"));
      this.#isLost = true;
      setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** When there are others, or they are larger or sharper. */
  #tellMonitors(): void {
    const monitors = this.#desktop.monitors.all.map(({ id, x, y, width, height, zoom, view }) => {
      const scale = Math.max(SCALE_MIN, Math.min(SCALE_MAX, view.devicePixelRatio * zoom));
      return { id, x, y, width, height, scale };
    });
    const text = JSON.stringify(monitors);
    if (text === this.#sentMonitors) return;
    this.#sentMonitors = text;
    this.send({ monitors });
  }

  #tellFocus(): void {
    const active = this.#desktop.arrangement.active;
    const focus = [...this.#windows].find(([, window]) => window.key === active)?.[0] ?? null;
    if (focus === this.#focus) return;
    this.#focus = focus;
    this.send({ focus });
  }

  #take(told: Told): void {
    const { window, closed, wish, picture, dropped, frame, cursor, text, locked, copied, notification, withdrawn } =
      told;
    if (told.present !== undefined) {
      const { windows, notifications } = told.present;
      for (const id of [...this.#windows.keys()]) if (!windows.includes(id)) this.#closed(id);
      for (const known of this.#windows.values()) known.tellAnew();
      this.#notifications.are(notifications);
    }
    if (window !== undefined) this.#windowIs(window);
    if (closed !== undefined) this.#closed(closed);
    if (wish !== undefined) this.#wished(wish);
    if (picture !== undefined) this.#pictureIs(picture);
    if (dropped !== undefined) this.#dropPicture(dropped);
    if (cursor !== undefined) {
      this.#cursor = cursor;
      for (const { element } of this.#desktop.monitors.all) element.style.setProperty("--guest-cursor", cursor);
    }
    if (text !== undefined) this.input.takeText(text === null ? null : this.#inWindow(text));
    if (locked !== undefined) this.input.keepPointer(locked);
    if (copied !== undefined) this.input.copied(copied);
    if (notification !== undefined) this.#notifications.addOf(notification);
    if (withdrawn !== undefined) this.#notifications.withdraw(withdrawn);
    if (told.tray !== undefined) this.#tray.items = told.tray;
    if (frame === true) {
      const shown = (): void => this.send({ shown: true });
      const { seen } = this.#desktop.monitors;
      if (seen === null) setTimeout(shown, HIDDEN_MS);
      else seen.view.requestAnimationFrame(shown);
    }
  }

  #monitorOf({ x, y }: Rectangle): PageMonitor {
    const { monitors, arrangement } = this.#desktop;
    return monitors.find(arrangement.monitorAt(x, y).id) ?? monitors.first;
  }

  /** Where in its window a part of the desktop is. */
  #inWindow(place: Rectangle): Rectangle {
    const { x, y } = this.#monitorOf(place);
    return { ...place, x: place.x - x, y: place.y - y };
  }

  /** Keys are heard in the window that has them. */
  focusIn(element: Element): void {
    const { field } = this.input;
    if (field.ownerDocument !== element.ownerDocument) (element.closest("main") ?? element).append(field);
    this.input.focus();
  }

  #closed(id: number): void {
    const gone = this.#windows.get(id);
    this.#windows.delete(id);
    if (gone !== undefined) this.#desktop.closed(gone.key);
  }

  #windowIs(told: ToldWindow): void {
    const present = this.#windows.get(told.id);
    if (present !== undefined) return present.update(told);
    const window = new GuestWindow(told, this, this.#desktop);
    this.#windows.set(told.id, window);
    window.open();
    this.#tellFocus();
  }

  #wished({ id, kind, filling = "", monitor = null, edges = 0 }: Wish): void {
    const key = this.#windows.get(id)?.key;
    if (key === undefined) return;
    const { arrangement } = this.#desktop;
    if (kind === "raise") arrangement.focus(key);
    else if (kind === "minimize") arrangement.minimize(key);
    else if (kind === "fill") {
      if (filling !== "" && monitor !== null) arrangement.toMonitor(key, monitor);
      arrangement.setPlacement(key, filling === "" ? "free" : filling);
    } else {
      const pressed = this.input.takePress();
      if (pressed !== null) this.#desktop.drag(key, edges, pressed);
    }
  }

  #pictureIs(told: ToldPicture): void {
    const { id, window, role, width, height, scale } = told;
    const present = this.#pictures.get(id);
    const canvas = present?.canvas ?? create("canvas", `picture ${role}`);
    const pixels = { width: Math.ceil(width * scale), height: Math.ceil(height * scale) };
    if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
    // Its last pixel may be but a part of one of the desktop's.
    const size = { width: `${pixels.width / scale}px`, height: `${pixels.height / scale}px` };
    const { x, y } = window === null && role !== "cursor" ? this.#inWindow(told) : told;
    Object.assign(canvas.style, size, { left: `${x}px`, top: `${y}px` });
    if (present !== undefined) {
      present.told = told;
      return;
    }
    this.#pictures.set(id, { canvas, told });
    const owner = window === null ? undefined : this.#windows.get(window);
    canvas.setAttribute("aria-hidden", "true");
    if (role === "cursor") this.#cursorPicture = canvas;
    else if (role !== "dragged") {
      canvas.addEventListener("pointerdown", () => this.focusIn(canvas));
      this.input.listen(canvas, (event) => this.#desktop.monitors.of(event).placeWithin(event));
    }
    if (owner !== undefined) owner.hold.append(canvas);
    else this.#monitorOf(told).element.append(canvas);
  }

  #dropPicture(id: number): void {
    const picture = this.#pictures.get(id);
    this.#pictures.delete(id);
    picture?.canvas.remove();
    if (picture?.canvas === this.#cursorPicture) this.#cursorPicture = null;
  }

  #draw(data: ArrayBuffer): void {
    const context = this.#pictures.get(new DataView(data).getUint32(0, true))?.canvas.getContext("2d");
    if (context == null) return;
    readParts(new Uint8Array(data), 4, (x, y, width, height, pixels) =>
      context.putImageData(new ImageData(pixels, width, height), x, y),
    );
  }
}

class GuestWindow implements WindowContent {
  readonly kept = null;
  readonly key: string;
  /** Where its canvas lies: the corner of its geometry. */
  readonly hold = create("div", "guest");
  #told: ToldWindow;
  readonly #owner: GuestWindows;
  readonly #desktop: Desktop;
  #sentArrange = "";
  #sentPlace = "";
  #sentHidden: boolean | null = false;

  constructor(told: ToldWindow, owner: GuestWindows, desktop: Desktop) {
    this.#told = told;
    this.#owner = owner;
    this.#desktop = desktop;
    this.key = `guest-${told.id}`;
    this.hold.setAttribute("role", "img");
  }

  get drawsFrame(): boolean {
    return this.#told.drawsFrame;
  }

  open(): void {
    const { title, appId, width, height, filling } = this.#told;
    const placement: Placement = filling === "" ? "free" : filling;
    const barHeight = this.drawsFrame ? 0 : 33;
    this.#desktop.open((_, frame) => this.#in(frame), {
      id: this.key,
      title: title || appId,
      size: { width, height: height + barHeight },
      placement,
    });
    this.update(this.#told);
  }

  #in(frame: WindowFrame): this {
    frame.content.append(this.hold);
    frame.element.classList.add("of-guest");
    return this;
  }

  update(told: ToldWindow): void {
    const isSize = told.width !== this.#told.width || told.height !== this.#told.height;
    const wasFramed = this.#told.drawsFrame;
    this.#told = told;
    const title = told.title || told.appId;
    this.hold.setAttribute("aria-label", say("windowOf", title));
    const { arrangement } = this.#desktop;
    arrangement.retitle(this.key, title);
    const window = arrangement.find(this.key);
    if (window === undefined) return;
    if (wasFramed !== told.drawsFrame) arrangement.focus(this.key);
    if (window.placement !== "free") return;
    const outer = this.#desktop.outerSize(this.key, told);
    if (!isSize && outer.width === window.free.width && outer.height === window.free.height) return;
    // What the program has chosen is not asked of it.
    this.#sentArrange = arrangeKey("", told.width, told.height, this.#desktop.isResizing(this.key));
    arrangement.sizeIs(this.key, outer, this.#desktop.edgesOf(this.key));
  }

  /** What was said while nobody listened was not heard. */
  tellAnew(): void {
    this.#sentArrange = this.#sentPlace = "";
    this.#sentHidden = null;
    const { arrangement } = this.#desktop;
    const window = arrangement.find(this.key);
    if (window !== undefined) this.arranged(window, arrangement.place(window));
  }

  arranged(window: ArrangedWindow, place: Rectangle): void {
    const { id } = this.#told;
    const barHeight = this.#desktop.frame(this.key)?.barHeight ?? 0;
    const isHidden = !this.#desktop.arrangement.isShown(window);
    if (isHidden !== this.#sentHidden) this.#owner.send({ hide: { id, hidden: isHidden } });
    this.#sentHidden = isHidden;
    if (isHidden) return;
    const at = { id, x: Math.round(place.x), y: Math.round(place.y + barHeight) };
    if (JSON.stringify(at) !== this.#sentPlace) this.#owner.send({ place: at });
    this.#sentPlace = JSON.stringify(at);
    const { placement } = window;
    // Halves and quarters are no state of Wayland's: the program has a size, and keeps its frame.
    const filling = placement === "maximized" || placement === "fullscreen" ? placement : "";
    const width = Math.round(place.width),
      height = Math.round(place.height - barHeight);
    const resizing = this.#desktop.isResizing(this.key);
    const key = arrangeKey(filling, width, height, resizing);
    if (key === this.#sentArrange) return;
    this.#sentArrange = key;
    this.#owner.send({ arrange: { id, filling, width, height, resizing } });
  }

  focus(): void {
    this.#owner.focusIn(this.hold);
  }

  close(): void {
    this.#owner.send({ close: this.#told.id });
  }
}

function arrangeKey(filling: string, width: number, height: number, isResizing: boolean): string {
  return `${filling} ${width} ${height} ${isResizing}`;
}
