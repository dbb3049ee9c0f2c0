/**
 * What the kernel tells of devices that come, go and change: NETLINK_KOBJECT_UEVENT, by which udev and its like learn
 * of them (udevadm(8), monitor). Source: lib/kobject_uevent.c.
 */
import { byteStringOf, stateClass } from "@stratos/base";

interface UeventListener {
  /** Where it listens: devices of a network are told there alone. */
  readonly network: object;
  /** @param message  `ACTION@PATH`, then `NAME=VALUE`, each with a NUL behind it */
  ueventCame(message: Uint8Array): void;
}

interface Uevent {
  readonly action: "add" | "remove" | "change" | "move";
  /** Below /sys. */
  readonly path: string;
  readonly subsystem: string;
  readonly variables: readonly string[];
}

export class Uevents {
  /** Of the last one; /sys/kernel/uevent_seqnum. */
  sequence = 0;
  /** Bound: open sockets. */
  readonly listeners = new Set<UeventListener>();

  /** Work: one message for each listener. @param network  whose device it is; null: the machine's, told everywhere */
  tell({ action, path, subsystem, variables }: Uevent, network: object | null): void {
    this.sequence++;
    if (this.listeners.size === 0) return;
    const lines = [
      `${action}@${path}`,
      `ACTION=${action}`,
      `DEVPATH=${path}`,
      `SUBSYSTEM=${subsystem}`,
      ...variables,
      `SEQNUM=${this.sequence}`,
    ];
    const message = byteStringOf(lines.map((line) => `${line}\0`).join(""));
    for (const listener of this.listeners)
      if (network === null || listener.network === network) listener.ueventCame(message);
  }

  static {
    stateClass("Uevents", this);
  }
}
