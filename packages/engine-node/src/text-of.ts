import type { Place } from "@stratos/sdk";
import { StratosError } from "@stratos/sdk/api";

/** On this host images have names, volumes and recordings paths. @throws StratosError */
export function textOf(place: Place, option: string): string {
  if (typeof place === "string") return place;
  throw new StratosError("option", `${option}: text is expected`, { option });
}
