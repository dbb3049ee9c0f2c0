/** The way out of what a network passes on: pages load it when something first goes there. */
import { Uplink } from "@stratos/netstack/uplink";

export function makeUplink(...given: ConstructorParameters<typeof Uplink>): Uplink {
  return new Uplink(...given);
}
