/**
 * Signs of programs that stand in the panel (StatusNotifierItem, as KDE and Ayatana have it): who has one says so to
 * the watcher, which the host is. What a sign shows is asked of its program, anew each time that it says that it
 * changed.
 */
import { list, record, text } from "@stratos/base/value-check";
import type { Bus, HostService } from "../bus/bus.ts";
import type { HostObject } from "../bus/host-object.ts";
import { MatchRule } from "../bus/match-rule.ts";
import { BusError } from "../bus/peer.ts";
import type { Message } from "../wire/message.ts";
import { BUS_NAME, isPath } from "../wire/names.ts";
import type { Value } from "../wire/value-reader.ts";
import { isVariant, type MenuNode, menuNodes } from "./tray-menu.ts";

const WATCHER = "org.kde.StatusNotifierWatcher";
const PATH = "/StatusNotifierWatcher";
const ITEM = "org.kde.StatusNotifierItem";
const ITEM_PATH = "/StatusNotifierItem";
const MENU = "com.canonical.dbusmenu";
const PROPERTIES = "org.freedesktop.DBus.Properties";

const ITEMS_MAX = 64;
const TEXT_MAX = 256;
/** Pixels of a side. */
const PICTURE_MAX = 256,
  PICTURE_WANTED = 32;

interface TrayPicture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha of each pixel. */
  readonly pixels: Uint8Array;
}

export interface TrayItem {
  /** Its own as long as it is there. */
  readonly id: number;
  readonly title: string;
  readonly status: "Passive" | "Active" | "NeedsAttention";
  /** Of a theme, or a path; empty: its picture. */
  readonly iconName: string;
  /** A folder where that is, before those of themes; empty: none. */
  readonly iconFolder: string;
  readonly picture: TrayPicture | null;
  readonly hasMenu: boolean;
  /** It has nothing but that. */
  readonly isMenu: boolean;
}

interface Registered {
  readonly id: number;
  /** As programs know it: the name or number of its program, and its path. */
  readonly service: string;
  readonly owner: string;
  readonly path: string;
  /** A path; empty: it has no menu. */
  menu: string;
  shown: TrayItem | null;
  /** What it shows was asked, and is to be asked again when that was answered. */
  isAsked: boolean;
  isStale: boolean;
}

const areSavedItems = list(record({ service: text(512), owner: text(64), path: text(512) }), ITEMS_MAX);

interface TrayPorts {
  /** Those that are shown, or what they show, are others. */
  changed(): void;
}

export class Tray {
  readonly #ports: TrayPorts;
  readonly #bus: Bus;
  readonly #service: HostService;
  readonly #items = new Map<number, Registered>();
  #last = 0;

  constructor(bus: Bus, ports: TrayPorts) {
    this.#bus = bus;
    this.#ports = ports;
    this.#service = bus.serve(WATCHER, PATH, this.#object(), {
      rules: [
        MatchRule.parse(`type='signal',interface='${ITEM}'`)!,
        MatchRule.parse(`type='signal',sender='${BUS_NAME}',member='NameOwnerChanged'`)!,
      ],
      onSignal: (message, values) => this.#heard(message, values),
    });
  }

  save(): object {
    return [...this.#items.values()].map(({ service, owner, path }) => ({ service, owner, path }));
  }

  /** What programs had here where the bus goes on from. @returns false: it cannot have been so */
  goOn(saved: unknown): boolean {
    if (!areSavedItems(saved)) return false;
    for (const { service, owner, path } of saved as readonly Registered[])
      if (this.#bus.find(owner) !== null) this.#add(service, owner, path);
    return true;
  }

  /** Those that want to be seen, as their programs have said of them. */
  get items(): readonly TrayItem[] {
    return [...this.#items.values()].flatMap(({ shown }) =>
      shown === null || shown.status === "Passive" ? [] : [shown],
    );
  }

  /** The person has pressed it. @returns false: it is not there */
  activate(id: number, onDone: (isTaken: boolean) => void): boolean {
    return this.#call(id, ITEM, "Activate", "ii", [0, 0], (values) => onDone(values !== null));
  }

  /** @param onMenu  told of what is in its menu now; null: it has none, or says nothing. @returns false: not there */
  openMenu(id: number, onMenu: (menu: readonly MenuNode[] | null) => void): boolean {
    const item = this.#items.get(id);
    if (item === undefined || item.menu === "") return false;
    const asked = { path: item.menu, interface: MENU };
    // Programs that fill their menu only then do that before they answer; others need not know the call.
    this.#service.call(item.owner, { ...asked, member: "AboutToShow", signature: "i", values: [0] }, () =>
      this.#service.call(
        item.owner,
        { ...asked, member: "GetLayout", signature: "iias", values: [0, -1, []] },
        (values) => onMenu(values === null ? null : menuNodes(values[1]!)),
      ),
    );
    return true;
  }

  /** @param node  of its menu. @returns false: it is not there */
  choose(id: number, node: number): boolean {
    const item = this.#items.get(id);
    if (item === undefined || item.menu === "") return false;
    const values = [node, "clicked", { signature: "i", value: 0 }, 0];
    const called = { path: item.menu, interface: MENU, member: "Event", signature: "isvu", values };
    this.#service.call(item.owner, called, () => {});
    return true;
  }

  #call(
    id: number,
    interfaceName: string,
    member: string,
    signature: string,
    values: readonly Value[],
    onAnswer: (values: readonly Value[] | null) => void,
  ): boolean {
    const item = this.#items.get(id);
    if (item === undefined) return false;
    this.#service.call(item.owner, { path: item.path, interface: interfaceName, member, signature, values }, onAnswer);
    return true;
  }

  #object(): HostObject {
    return {
      [WATCHER]: {
        methods: {
          RegisterStatusNotifierItem: {
            takes: "s",
            gives: "",
            call: ([service], { sender = "" }) => {
              this.#register(String(service), sender);
              return [];
            },
          },
          RegisterStatusNotifierHost: { takes: "s", gives: "", call: () => [] },
        },
        signals: {
          StatusNotifierItemRegistered: "s",
          StatusNotifierItemUnregistered: "s",
          StatusNotifierHostRegistered: "",
        },
        properties: {
          RegisteredStatusNotifierItems: {
            type: "as",
            get: () => [...this.#items.values()].map(({ service }) => service),
          },
          IsStatusNotifierHostRegistered: { type: "b", get: () => true },
          ProtocolVersion: { type: "i", get: () => 0 },
        },
      },
    };
  }

  /** @param service  the name of who has it, which may be another program's, or a path of the sender's */
  #register(service: string, sender: string): void {
    const isItsPath = service.startsWith("/");
    if (isItsPath && !isPath(service)) throw new BusError("InvalidArgs", `${service}: no path`);
    const owner = isItsPath ? sender : (this.#bus.find(service)?.unique ?? null);
    if (owner === null) throw new BusError("ServiceUnknown", `${service}: nobody has that name`);
    const path = isItsPath ? service : ITEM_PATH;
    for (const item of this.#items.values()) if (item.owner === owner && item.path === path) return;
    if (this.#items.size >= ITEMS_MAX) throw new BusError("LimitsExceeded", `${ITEMS_MAX} are in the panel`);
    const said = isItsPath ? sender + service : service;
    this.#add(said, owner, path);
    this.#service.tell(WATCHER, "StatusNotifierItemRegistered", [said]);
  }

  #add(service: string, owner: string, path: string): void {
    const numbers = { id: ++this.#last, service, owner, path };
    const item: Registered = { ...numbers, menu: "", shown: null, isAsked: false, isStale: false };
    this.#items.set(item.id, item);
    this.#read(item);
  }

  #heard({ sender, path, member }: Message, values: readonly Value[]): void {
    if (member === "NameOwnerChanged") {
      const [name, , after] = values;
      if (after !== "") return;
      for (const item of [...this.#items.values()]) if (item.owner === name) this.#remove(item);
      return;
    }
    // NewTitle, NewIcon, NewStatus …: all is asked again.
    for (const item of this.#items.values()) if (item.owner === sender && item.path === path) this.#read(item);
  }

  #remove(item: Registered): void {
    this.#items.delete(item.id);
    this.#service.tell(WATCHER, "StatusNotifierItemUnregistered", [item.service]);
    this.#ports.changed();
  }

  #read(item: Registered): void {
    item.isStale = item.isAsked;
    if (item.isAsked) return;
    item.isAsked = true;
    this.#call(item.id, PROPERTIES, "GetAll", "s", [ITEM], (values) => {
      item.isAsked = false;
      if (item.isStale) this.#read(item);
      const pairs = values?.[0];
      if (!Array.isArray(pairs) || !this.#items.has(item.id)) return;
      const said = new Map<unknown, unknown>(
        (pairs as readonly (readonly [string, unknown])[]).map(([key, value]) => [
          key,
          isVariant(value) ? value.value : null,
        ]),
      );
      const words = (key: string): string => {
        const value = said.get(key);
        return typeof value === "string" ? value.slice(0, TEXT_MAX) : "";
      };
      const status = (["Passive", "NeedsAttention"] as const).find((each) => each === said.get("Status")) ?? "Active";
      const wanted =
        status === "NeedsAttention" && words("AttentionIconName") !== "" ? "AttentionIconName" : "IconName";
      // KDE says "/NO_DBUSMENU" for none.
      const menu = words("Menu");
      item.menu = isPath(menu) && menu !== "/" && menu !== "/NO_DBUSMENU" ? menu : "";
      item.shown = {
        id: item.id,
        title: words("Title") || tooltipOf(said.get("ToolTip")) || words("Id"),
        status,
        iconName: words(wanted),
        iconFolder: words("IconThemePath"),
        picture: pictureOf(said.get("IconPixmap")),
        hasMenu: item.menu !== "",
        isMenu: said.get("ItemIsMenu") === true,
      };
      this.#ports.changed();
    });
  }
}

/** Of type (sa(iiay)ss): its title. */
function tooltipOf(value: unknown): string {
  return Array.isArray(value) && typeof value[2] === "string" ? value[2].slice(0, TEXT_MAX) : "";
}

/** Of type a(iiay), with alpha first in each pixel: that one whose size is nearest to what is shown. */
function pictureOf(value: unknown): TrayPicture | null {
  let best: readonly [number, number, Uint8Array] | null = null;
  for (const each of Array.isArray(value) ? (value as readonly unknown[]) : []) {
    const [width, height, bytes] = each as [number, number, Uint8Array];
    const isPicture = width > 0 && height > 0 && width <= PICTURE_MAX && height <= PICTURE_MAX;
    if (!isPicture || !(bytes instanceof Uint8Array) || bytes.length !== 4 * width * height) continue;
    if (best === null || Math.abs(width - PICTURE_WANTED) < Math.abs(best[0] - PICTURE_WANTED))
      best = [width, height, bytes];
  }
  if (best === null) return null;
  const [width, height, bytes] = best;
  const pixels = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 4) {
    pixels.set(bytes.subarray(at + 1, at + 4), at);
    pixels[at + 3] = bytes[at]!;
  }
  return { width, height, pixels };
}
