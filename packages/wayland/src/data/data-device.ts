/**
 * wl_data_device_manager and zwp_primary_selection_device_manager_v1: the clipboard between programs, and what the
 * middle button pastes. A pipe that the reader made is handed to who copied. What is dragged: drag.ts.
 */
import { flag, list, maybe, record, text, whole } from "@stratos/base/value-check";
import type { SharedFile } from "../core/ports.ts";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { areResources, keptClient, keptOf } from "../surface/kept.ts";
import { ALL_ACTIONS, type DraggedSource, type DragOffer, Drags, type DragsOwner } from "./drag.ts";
import { type Copied, GONE, isSavedCopied, type Selection } from "./selection.ts";

/** Types that one source may offer; more is no_memory. */
const TYPES_MAX = 256;

/** What the two protocols say differently. */
interface Dialect {
  createOffer(device: Resource): Resource;
  serveOffer(offer: Resource, receive: (type: string, file: SharedFile) => void): void;
  tellOffer(device: Resource, offer: Resource): void;
  tellType(offer: Resource, type: string): void;
  /** An offer, with its types, is what there is to paste; null: nothing is. */
  tellSelection(device: Resource, offer: Resource | null): void;
  serveSource(source: DataSource, offer: (type: string) => void): void;
  send(source: Resource, type: string, file: SharedFile): void;
  cancelled(source: Resource): void;
}

const CLIPBOARD: Dialect = {
  createOffer: (device) => device.client.createForEvent("wl_data_offer", device.version),
  serveOffer: (offer, receive) =>
    implement(offer, "wl_data_offer", {
      accept: () => {},
      receive,
      destroy: () => {},
      finish: () => offer.fail(enums.wl_data_offer.error.invalid_finish, "nothing was dragged"),
      set_actions: () => offer.fail(enums.wl_data_offer.error.invalid_offer, "nothing was dragged"),
    }),
  tellOffer: (device, offer) => events.wl_data_device.data_offer(device, offer),
  tellType: (offer, type) => events.wl_data_offer.offer(offer, type),
  tellSelection: (device, offer) => events.wl_data_device.selection(device, offer),
  serveSource: (source, offer) =>
    implement(source.resource, "wl_data_source", {
      offer,
      set_actions: (actions) => source.setActions(actions),
      destroy: () => {},
    }),
  send: (source, type, file) => events.wl_data_source.send(source, type, file),
  cancelled: (source) => events.wl_data_source.cancelled(source),
};

const PRIMARY: Dialect = {
  createOffer: (device) => device.client.createForEvent("zwp_primary_selection_offer_v1", device.version),
  serveOffer: (offer, receive) => implement(offer, "zwp_primary_selection_offer_v1", { receive, destroy: () => {} }),
  tellOffer: (device, offer) => events.zwp_primary_selection_device_v1.data_offer(device, offer),
  tellType: (offer, type) => events.zwp_primary_selection_offer_v1.offer(offer, type),
  tellSelection: (device, offer) => events.zwp_primary_selection_device_v1.selection(device, offer),
  serveSource: ({ resource }, offer) =>
    implement(resource, "zwp_primary_selection_source_v1", { offer, destroy: () => {} }),
  send: (source, type, file) => events.zwp_primary_selection_source_v1.send(source, type, file),
  cancelled: (source) => events.zwp_primary_selection_source_v1.cancelled(source),
};

export class DataDevices {
  readonly clipboard: Devices;
  readonly primary: Devices;
  readonly drags: Drags;

  constructor(clipboard: Selection, primary: Selection, dragsOwner: DragsOwner) {
    const sourceGone = (source: DraggedSource): void => this.drags.sourceGone(source);
    this.clipboard = new Devices(CLIPBOARD, clipboard, sourceGone);
    this.primary = new Devices(PRIMARY, primary, sourceGone);
    this.drags = new Drags(dragsOwner, this.clipboard.devices);
  }

  serve(resource: Resource): void {
    const { clipboard } = this;
    implement(resource, "wl_data_device_manager", {
      create_data_source: (id) => stand(id, new DataSource(id, clipboard)),
      get_data_device: (id) => {
        this.serveDevice(id);
        clipboard.add(id);
      },
    });
  }

  serveDevice(resource: Resource): void {
    const { clipboard, drags } = this;
    implement(resource, "wl_data_device", {
      start_drag: (source, _origin, icon) =>
        drags.start(resource, source === null ? null : (source.part as DataSource), icon),
      set_selection: (source) => {
        (source?.part as DataSource | undefined)?.refuseDragged(resource);
        clipboard.select(resource.client, source);
      },
      release: () => {},
    });
    clipboard.watch(resource);
    resource.onDestroy(() => drags.deviceGone(resource));
  }

  servePrimary(resource: Resource): void {
    const { primary } = this;
    implement(resource, "zwp_primary_selection_device_manager_v1", {
      create_source: (id) => stand(id, new DataSource(id, primary)),
      get_device: (id) => {
        this.servePrimaryDevice(id);
        primary.add(id);
      },
      destroy: () => {},
    });
  }

  servePrimaryDevice(resource: Resource): void {
    const { primary } = this;
    implement(resource, "zwp_primary_selection_device_v1", {
      set_selection: (source) => primary.select(resource.client, source),
      destroy: () => {},
    });
    primary.watch(resource);
  }

  /** Who has the keyboard learns what there is to paste. */
  setFocus(client: Client | null): void {
    this.clipboard.setFocus(client);
    this.primary.setFocus(client);
  }
}

interface SavedDevices {
  readonly devices: readonly Resource[];
  readonly focus: Client | null;
}

export const areSavedDevices = record({ devices: areResources, focus: maybe(a("Client")) });

/** Of one selection. */
export class Devices {
  readonly dialect: Dialect;
  readonly selection: Selection;
  readonly sourceGone: (source: DataSource) => void;
  readonly devices = new Set<Resource>();
  #focus: Client | null = null;

  constructor(dialect: Dialect, selection: Selection, sourceGone: (source: DataSource) => void) {
    this.dialect = dialect;
    this.selection = selection;
    this.sourceGone = sourceGone;
    selection.watch(() => this.#tellFocus());
  }

  add(device: Resource): void {
    this.devices.add(device);
    if (device.client === this.#focus) this.#tell(device);
  }

  /** It is told nothing any more when it is no more. */
  watch(device: Resource): void {
    device.onDestroy(() => this.devices.delete(device));
  }

  /** Only who has the keyboard may copy: others would do so behind a person's back. */
  select(client: Client, source: Resource | null): void {
    if (client !== this.#focus) {
      if (source !== null) this.dialect.cancelled(source);
    } else {
      const chosen = source === null ? null : (source.part as DataSource);
      if (chosen !== null) chosen.isUsed = true;
      this.selection.set(chosen);
    }
  }

  setFocus(client: Client | null): void {
    if (client === this.#focus) return;
    this.#focus = client;
    this.#tellFocus();
  }

  save(): SavedDevices {
    return { devices: keptOf(this.devices), focus: keptClient(this.#focus) };
  }

  goOn({ devices, focus }: SavedDevices): void {
    for (const device of devices) this.devices.add(device);
    this.#focus = focus;
  }

  #tellFocus(): void {
    for (const device of [...this.devices]) if (device.client === this.#focus) this.#tell(device);
  }

  #tell(device: Resource): void {
    const { dialect } = this;
    const { copied } = this.selection;
    device.client.guard(() => {
      if (copied === null) return dialect.tellSelection(device, null);
      const offer = dialect.createOffer(device);
      dialect.tellOffer(device, offer);
      stand(offer, new DataOffer(offer, this, copied));
      for (const type of copied.types) dialect.tellType(offer, type);
      dialect.tellSelection(device, offer);
    });
  }
}

/** What there was to paste when it was told. */
class DataOffer {
  readonly resource: Resource;
  readonly owner: Devices;
  #copied: Copied;

  constructor(resource: Resource, owner: Devices, copied: Copied) {
    this.resource = resource;
    this.owner = owner;
    this.#copied = copied;
  }

  /** What can't be pasted any more need not be known. */
  get #kept(): Copied {
    const isThere = this.#copied === this.owner.selection.copied && this.#copied.isKept;
    return isThere ? this.#copied : GONE;
  }

  serve(): void {
    const { resource, owner } = this;
    owner.dialect.serveOffer(resource, (type, file) => {
      const release = (): void => resource.client.release(file);
      const { copied } = owner.selection;
      // What was copied since is not what was offered.
      if (copied === this.#copied) copied.send(type, file, release);
      else release();
    });
  }

  static {
    savedClass(
      "DataOffer",
      this,
      { resource: a("Resource"), owner: (value) => value instanceof Devices, "#copied": isSavedCopied },
      {
        save: (it) => ({ copied: it.#kept }),
        load: (it, from) => ({ copied: it.#copied } = from),
      },
    );
  }
}

/** A program's: for one selection, or for one drag. */
class DataSource implements DraggedSource {
  readonly resource: Resource;
  readonly owner: Devices;
  readonly types: string[] = [];
  /** Of wl_data_device_manager.dnd_action, if it is to be dragged; null: nothing was said. */
  actions: number | null = null;
  isUsed = false;
  #offer: DragOffer | null = null;

  constructor(resource: Resource, owner: Devices) {
    this.resource = resource;
    this.owner = owner;
  }

  serve(): void {
    const { resource, owner, types } = this;
    resource.onDestroy(() => {
      owner.selection.drop(this);
      this.#offer?.sourceGone();
      owner.sourceGone(this);
    });
    owner.dialect.serveSource(this, (type) => {
      if (types.length >= TYPES_MAX) resource.client.refuseMemory(`more than ${TYPES_MAX} types of data`);
      types.push(type);
    });
  }

  get offer(): DragOffer | null {
    return this.#offer;
  }

  set offer(offer: DragOffer | null) {
    this.#offer = offer;
  }

  setActions(actions: number): void {
    const { error } = enums.wl_data_source;
    if ((actions & ~ALL_ACTIONS) !== 0) this.resource.fail(error.invalid_action_mask, `actions ${actions}`);
    if (this.actions !== null || this.isUsed)
      this.resource.fail(error.invalid_source, "its actions come once, and first");
    this.actions = actions;
  }

  /** One that has actions is for dragging alone. */
  refuseDragged(device: Resource): void {
    if (this.actions !== null)
      this.resource.fail(enums.wl_data_source.error.invalid_source, "a source with actions is no selection");
    if (this.isUsed && this.owner.selection.copied !== this)
      device.fail(enums.wl_data_device.error.used_source, "the source has been used before");
  }

  get isKept(): boolean {
    return this.resource.client.isKept;
  }

  send(type: string, file: SharedFile, release: () => void): void {
    this.owner.dialect.send(this.resource, type, file);
    // The file goes with the bytes: then it is the program's alone.
    this.resource.client.flush();
    release();
  }

  cancelled(): void {
    this.owner.dialect.cancelled(this.resource);
  }

  static {
    savedClass(
      "DataSource",
      this,
      {
        resource: a("Resource"),
        owner: (value) => value instanceof Devices,
        types: list(text(4096), TYPES_MAX),
        actions: maybe(whole(0, ALL_ACTIONS)),
        isUsed: flag,
        "#offer": maybe(a("DragOffer")),
      },
      {
        save: (it) => ({ offer: it.#offer?.resource.client.isKept === true ? it.#offer : null }),
        load: (it, from) => ({ offer: it.#offer } = from),
      },
    );
  }
}
