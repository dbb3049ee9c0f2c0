/**
 * wl_data_device_manager and zwp_primary_selection_device_manager_v1: the clipboard between programs, and what the
 * middle button pastes. A pipe that the reader made is handed to who copied. Dragging between windows is refused by
 * cancelling it.
 */
import type { SharedFile } from "../core/ports.ts";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import type { Copied, Selection } from "./selection.ts";

/** Types that one source may offer; more is no_memory. */
const TYPES_MAX = 256;

/** What the two protocols say differently. */
interface Dialect {
  /** An offer, with its types, is what there is to paste. */
  tell(device: Resource, copied: Copied, receive: (type: string, file: SharedFile) => void): void;
  tellNothing(device: Resource): void;
  send(source: Resource, type: string, file: SharedFile): void;
  cancelled(source: Resource): void;
}

const CLIPBOARD: Dialect = {
  tell: (device, { types }, receive) => {
    const offer = device.client.createForEvent("wl_data_offer", device.version);
    events.wl_data_device.data_offer(device, offer);
    implement(offer, "wl_data_offer", {
      accept: () => {},
      receive,
      destroy: () => {},
      finish: () => offer.fail(enums.wl_data_offer.error.invalid_finish, "nothing was dragged"),
      set_actions: () => offer.fail(enums.wl_data_offer.error.invalid_offer, "nothing was dragged"),
    });
    for (const type of types) events.wl_data_offer.offer(offer, type);
    events.wl_data_device.selection(device, offer);
  },
  tellNothing: (device) => events.wl_data_device.selection(device, null),
  send: (source, type, file) => events.wl_data_source.send(source, type, file),
  cancelled: (source) => events.wl_data_source.cancelled(source),
};

const PRIMARY: Dialect = {
  tell: (device, { types }, receive) => {
    const offer = device.client.createForEvent("zwp_primary_selection_offer_v1", device.version);
    events.zwp_primary_selection_device_v1.data_offer(device, offer);
    implement(offer, "zwp_primary_selection_offer_v1", { receive, destroy: () => {} });
    for (const type of types) events.zwp_primary_selection_offer_v1.offer(offer, type);
    events.zwp_primary_selection_device_v1.selection(device, offer);
  },
  tellNothing: (device) => events.zwp_primary_selection_device_v1.selection(device, null),
  send: (source, type, file) => events.zwp_primary_selection_source_v1.send(source, type, file),
  cancelled: (source) => events.zwp_primary_selection_source_v1.cancelled(source),
};

export class DataDevices {
  readonly #clipboard: Devices;
  readonly #primary: Devices;

  constructor(clipboard: Selection, primary: Selection) {
    this.#clipboard = new Devices(CLIPBOARD, clipboard);
    this.#primary = new Devices(PRIMARY, primary);
  }

  bind(resource: Resource): void {
    const devices = this.#clipboard;
    implement(resource, "wl_data_device_manager", {
      create_data_source: (id) => {
        const offer = devices.addSource(id);
        implement(id, "wl_data_source", { offer, set_actions: () => {}, destroy: () => {} });
      },
      get_data_device: (id) => {
        implement(id, "wl_data_device", {
          start_drag: (source) => {
            if (source !== null) events.wl_data_source.cancelled(source);
          },
          set_selection: (source) => devices.select(id.client, source),
          release: () => {},
        });
        devices.add(id);
      },
    });
  }

  bindPrimary(resource: Resource): void {
    const devices = this.#primary;
    implement(resource, "zwp_primary_selection_device_manager_v1", {
      create_source: (id) => {
        const offer = devices.addSource(id);
        implement(id, "zwp_primary_selection_source_v1", { offer, destroy: () => {} });
      },
      get_device: (id) => {
        implement(id, "zwp_primary_selection_device_v1", {
          set_selection: (source) => devices.select(id.client, source),
          destroy: () => {},
        });
        devices.add(id);
      },
      destroy: () => {},
    });
  }

  /** Who has the keyboard learns what there is to paste. */
  setFocus(client: Client | null): void {
    this.#clipboard.setFocus(client);
    this.#primary.setFocus(client);
  }
}

/** Of one selection. */
class Devices {
  readonly #dialect: Dialect;
  readonly #selection: Selection;
  readonly #devices = new Set<Resource>();
  readonly #sources = new WeakMap<Resource, Copied>();
  #focus: Client | null = null;

  constructor(dialect: Dialect, selection: Selection) {
    this.#dialect = dialect;
    this.#selection = selection;
    selection.watch(() => this.#tellFocus());
  }

  /** @returns its request to offer a type */
  addSource(resource: Resource): (type: string) => void {
    const types: string[] = [];
    const source: Copied = {
      types,
      send: (type, file, release) => {
        this.#dialect.send(resource, type, file);
        // The file goes with the bytes: then it is the program's alone.
        resource.client.flush();
        release();
      },
      cancelled: () => this.#dialect.cancelled(resource),
    };
    this.#sources.set(resource, source);
    resource.onDestroy(() => this.#selection.drop(source));
    return (type) => {
      if (types.length >= TYPES_MAX) resource.client.refuseMemory(`more than ${TYPES_MAX} types of data`);
      types.push(type);
    };
  }

  add(device: Resource): void {
    this.#devices.add(device);
    device.onDestroy(() => this.#devices.delete(device));
    if (device.client === this.#focus) this.#tell(device);
  }

  /** Only who has the keyboard may copy: others would do so behind a person's back. */
  select(client: Client, source: Resource | null): void {
    if (client !== this.#focus) {
      if (source !== null) this.#dialect.cancelled(source);
    } else this.#selection.set(source === null ? null : this.#sources.get(source)!);
  }

  setFocus(client: Client | null): void {
    if (client === this.#focus) return;
    this.#focus = client;
    this.#tellFocus();
  }

  #tellFocus(): void {
    for (const device of [...this.#devices]) if (device.client === this.#focus) this.#tell(device);
  }

  #tell(device: Resource): void {
    const { copied } = this.#selection;
    device.client.guard(() => {
      if (copied === null) return this.#dialect.tellNothing(device);
      this.#dialect.tell(device, copied, (type, file) => {
        const release = (): void => device.client.release(file);
        // What was copied since is not what was offered.
        if (this.#selection.copied === copied) copied.send(type, file, release);
        else release();
      });
    });
  }
}
