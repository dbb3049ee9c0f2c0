/** How full a volume is, how its devices are, and on demand where the space went. */
import { BLOCK_BYTES, type VolumeHealth } from "@stratos/panels/volumes";
import type { VolumeSpace } from "@stratos/volumes/listed";
import { button } from "../button.ts";
import { element, meter, row, table } from "../elements.ts";
import { ask } from "./rest.ts";
import type { View } from "./view.ts";
import { size } from "../language.ts";
import { say } from "./words.ts";

export const overviewView: View = async ({ at, attempt }) => {
  const [space, health] = await Promise.all([ask<VolumeSpace>("GET", at), ask<VolumeHealth>("GET", `${at}/health`)]);
  const statistics = element("div", { id: "statistics" });
  const explain = button(say("explain"), () =>
    attempt(async () => {
      const told = await ask<Readonly<Record<string, unknown>>>("GET", `${at}/statistics`);
      shown.set(at, told);
    }),
  );
  const told = shown.get(at);
  if (told !== undefined) statistics.append(statisticsTable(told));
  return [
    element("h2", {}, space.label === "" ? space.volume : `${space.volume} (${space.label})`),
    row(
      meter(say("used"), space.usedBytes, space.sizeBytes),
      `${size(space.usedBytes)} ${say("of")} ${size(space.sizeBytes)} ${say("used")}, ` +
        `${size(space.freeBytes)} ${say("free")}`,
    ),
    element("p", {}, `${space.files} ${say("filesCount")}; ${space.snapshots} ${say("snapshots")}`),
    element("p", { id: "health" }, `${say("health")}: ${health.state}; ${health.copies} ${say("copies")}`),
    table(
      say("device"),
      ["device", "kind", "size", "state", "readErrors", "writeErrors", "corrupt", "repaired", "lost"].map((word) =>
        say(word as "device"),
      ),
      health.devices.map(({ index, uuid, state, class: kind, blocks, errors }) => [
        `${index} ${uuid.slice(0, 8)}`,
        kind === "fast" ? say("fast") : say("slow"),
        size(blocks * BLOCK_BYTES),
        state,
        String(errors.readErrors),
        String(errors.writeErrors),
        String(errors.corruptBlocks),
        String(errors.repairedBlocks),
        String(errors.lostBlocks),
      ]),
    ),
    row(explain),
    statistics,
  ];
};

/** Reading all metadata takes its time: what was asked for stays. */
const shown = new Map<string, Readonly<Record<string, unknown>>>();

function statisticsTable(told: Readonly<Record<string, unknown>>): HTMLElement {
  return table(
    say("explain"),
    [say("name"), say("size")],
    Object.entries(told)
      .filter(([, value]) => typeof value === "number")
      .map(([name, value]) => [name, name.endsWith("Bytes") ? size(value as number) : String(value)]),
  );
}
