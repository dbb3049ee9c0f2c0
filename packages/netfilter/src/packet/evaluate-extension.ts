import type { Expression } from "../rules/ruleset.ts";
import type { PacketView } from "../track/packet-view.ts";
import { NOT_MATCHED } from "./outcome.ts";
import type { Surroundings } from "./surroundings.ts";

export function evaluateExtension(_it: Expression, _packet: PacketView, _around: Surroundings): number {
  return NOT_MATCHED;
}
