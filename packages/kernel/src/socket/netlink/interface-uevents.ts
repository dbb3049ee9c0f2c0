import { stateClass } from "@stratos/base";
import type { Uevents } from "../../ground/uevents.ts";
import type { NetworkObserver } from "../interface-network.ts";
import type { NetworkInterface } from "../network-interface.ts";

/** Tells of a network's interfaces as devices: they come, go, and have other names. */
export class InterfaceUevents implements NetworkObserver {
  #network: { readonly kernel: { readonly uevents: Uevents } };
  /** Names that were told, by index. Bound: interfaces. */
  #names = new Map<number, string>();

  constructor(network: { readonly kernel: { readonly uevents: Uevents } }) {
    this.#network = network;
  }

  interfaceChanged({ index, name }: NetworkInterface, isGone: boolean): void {
    const before = this.#names.get(index);
    if (!isGone && before === name) return;
    const path = `/devices/virtual/net/${name}`;
    const { uevents } = this.#network.kernel;
    const variables = [`INTERFACE=${name}`, `IFINDEX=${index}`];
    if (isGone) this.#names.delete(index);
    else this.#names.set(index, name);
    if (isGone) {
      this.#tellQueues("remove", path);
      uevents.tell({ action: "remove", path, subsystem: "net", variables }, this.#network);
    } else if (before === undefined) {
      uevents.tell({ action: "add", path, subsystem: "net", variables }, this.#network);
      this.#tellQueues("add", path);
    } else {
      const old = `DEVPATH_OLD=/devices/virtual/net/${before}`;
      uevents.tell({ action: "move", path, subsystem: "net", variables: [...variables, old] }, this.#network);
    }
  }

  /** They come after it, and go before it. */
  #tellQueues(action: "add" | "remove", path: string): void {
    for (const queue of ["rx-0", "tx-0"])
      this.#network.kernel.uevents.tell(
        { action, path: `${path}/queues/${queue}`, subsystem: "queues", variables: [] },
        this.#network,
      );
  }

  addressChanged(): void {}

  routeChanged(): void {}

  neighbourChanged(): void {}

  ruleChanged(): void {}

  static {
    stateClass("InterfaceUevents", this, {
      save: (it) => ({ network: it.#network, names: it.#names }),
      load: (it, from) => ({ network: it.#network, names: it.#names } = from),
    });
  }
}
