/**
 * wl_data_device_manager: the clipboard between programs. What one copies goes straight to the other: a pipe that the
 * reader made is handed to the writer. Dragging between windows is refused by cancelling it.
 */
import type { SharedFile } from "../core/ports.ts";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";

/** Types that one source may offer; more is no_memory. */
const TYPES_MAX = 256;

interface Source {
  readonly resource: Resource;
  readonly types: string[];
}

export class DataDevices {
  readonly #devices = new Set<Resource>();
  readonly #sources = new WeakMap<Resource, Source>();
  #selection: Source | null = null;
  #focus: Client | null = null;

  bind(resource: Resource): void {
    implement(resource, "wl_data_device_manager", {
      create_data_source: (id) => this.#addSource(id),
      get_data_device: (id) => this.#addDevice(id),
    });
  }

  #addSource(resource: Resource): void {
    const source: Source = { resource, types: [] };
    this.#sources.set(resource, source);
    implement(resource, "wl_data_source", {
      offer: (type) => {
        if (source.types.length >= TYPES_MAX) resource.client.refuseMemory(`more than ${TYPES_MAX} types of data`);
        source.types.push(type);
      },
      set_actions: () => {},
      destroy: () => {},
    });
    resource.onDestroy(() => {
      if (this.#selection === source) this.#select(null);
    });
  }

  #addDevice(resource: Resource): void {
    this.#devices.add(resource);
    resource.onDestroy(() => this.#devices.delete(resource));
    implement(resource, "wl_data_device", {
      start_drag: (source) => {
        if (source !== null) events.wl_data_source.cancelled(source);
      },
      set_selection: (source) => {
        if (resource.client !== this.#focus) {
          if (source !== null) events.wl_data_source.cancelled(source);
        } else this.#select(source === null ? null : this.#sources.get(source)!);
      },
      release: () => {},
    });
    if (resource.client === this.#focus) this.#offer(resource);
  }

  #select(source: Source | null): void {
    const before = this.#selection;
    this.#selection = source;
    if (before !== null && before !== source) events.wl_data_source.cancelled(before.resource);
    this.#offerToFocus();
  }

  /** Who has the keyboard learns what there is to paste. */
  setFocus(client: Client | null): void {
    if (client === this.#focus) return;
    this.#focus = client;
    this.#offerToFocus();
  }

  #offerToFocus(): void {
    for (const device of [...this.#devices]) if (device.client === this.#focus) this.#offer(device);
  }

  #offer(device: Resource): void {
    device.client.guard(() => this.#tellOf(this.#selection, device));
  }

  #tellOf(source: Source | null, device: Resource): void {
    if (source === null) return events.wl_data_device.selection(device, null);
    const offer = device.client.createForEvent("wl_data_offer", device.version);
    events.wl_data_device.data_offer(device, offer);
    implement(offer, "wl_data_offer", {
      accept: () => {},
      receive: (type, file) => this.#send(offer.client, source, type, file),
      destroy: () => {},
      finish: () => offer.fail(enums.wl_data_offer.error.invalid_finish, "nothing was dragged"),
      set_actions: () => offer.fail(enums.wl_data_offer.error.invalid_offer, "nothing was dragged"),
    });
    for (const type of source.types) events.wl_data_offer.offer(offer, type);
    events.wl_data_device.selection(device, offer);
  }

  /** The reader's pipe goes to the writer, and is ours no more. */
  #send(reader: Client, { resource }: Source, type: string, file: SharedFile): void {
    events.wl_data_source.send(resource, type, file);
    resource.client.flush();
    reader.release(file);
  }
}
