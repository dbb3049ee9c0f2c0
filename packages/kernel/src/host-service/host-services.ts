/** Which services of the host a machine has: where it is saved and goes on elsewhere, they may serve again. */
import { stateClass } from "@stratos/base";
import type { HostListener } from "./host-listener.ts";

export class HostServices {
  /** Where services listen that may go on, by the services' names. */
  readonly listeners = new Map<string, HostListener>();
  /**
   * What a service needs to go on, by its name: put there as the machine is saved or forked. Of a service that has none
   * here, programs read ECONNRESET in the machine that goes on.
   */
  readonly records = new Map<string, Uint8Array>();
  /** What services do soon: time that is counted in instructions does not pass before that. */
  dueCount = 0;

  /** The service goes on: it has what was its own. @returns null: nothing was kept of it */
  take(service: string): { readonly record: Uint8Array; readonly listener: HostListener } | null {
    const record = this.records.get(service);
    const listener = this.listeners.get(service);
    if (record === undefined || listener === undefined) return null;
    this.records.delete(service);
    return { record, listener };
  }

  /** Those that nobody has taken do not go on. */
  end(): void {
    for (const service of [...this.records.keys()]) this.listeners.get(service)?.end();
    this.records.clear();
  }

  static {
    stateClass("HostServices", this, undefined, { keeps: ["dueCount"] });
  }
}
