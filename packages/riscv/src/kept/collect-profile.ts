import type { TranslatedCodeCache, TranslatedRegion } from "../code-cache.ts";
import type { PhysicalMemory } from "../physical-memory.ts";
import type { ProcessorTally } from "../processor-tally.ts";
import { RECORD_SIZE, RecordOp } from "../record.ts";
import type { RegionProfile } from "../archive/run-profile.ts";

/** Heat (interpreter.ts) of what the run has translated: more than what it hasn't can have. */
const TRANSLATED_HEAT = 16_384;
/** A profile is handed over when the targets that no archive has are together as hot as this. */
export const NEWS_MIN = 4 * TRANSLATED_HEAT;
/** Pages of all regions: 4096 bytes each. */
const PAGES_MAX = 4096;

/** What the run has learned that no archive has, since the last time. Nothing when it is too little. */
export function collectProfile(
  physical: PhysicalMemory,
  cache: TranslatedCodeCache,
  tally: ProcessorTally,
  newsMin: number,
): RegionProfile[] {
  const found: { readonly region: TranslatedRegion; readonly targets: RegionProfile["targets"] }[] = [];
  let news = 0;
  let pages = 0;
  for (const region of cache.regions) {
    if (region.name === null) continue;
    const targets = targetsOf(region);
    if (targets.length === 0) continue;
    for (const code of region.pages) if (code !== 0 && cache.frameOf(code) !== 0) pages++;
    if (pages > PAGES_MAX) break;
    for (const { heat } of targets) news += heat;
    found.push({ region, targets });
  }
  // Most runs have learned little, and looking through all pages is the dearest part.
  if (news < newsMin) return [];
  const profiles = found.map(({ region, targets }) => profileOf(physical, cache, tally, region, targets));
  for (const region of cache.regions)
    if (region.name !== null) for (const { offset } of targetsOf(region)) region.submitted.add(offset);
  return profiles;
}

function targetsOf(region: TranslatedRegion): RegionProfile["targets"] {
  const targets = region.translations
    .filter((translation) => translation.kept === null)
    .map(({ entry }) => ({ offset: entry - region.start, heat: TRANSLATED_HEAT, isTranslated: true }));
  for (const [pc, heat] of region.heat) targets.push({ offset: pc - region.start, heat, isTranslated: false });
  return targets.filter(({ offset }) => !region.submitted.has(offset));
}

function profileOf(
  physical: PhysicalMemory,
  cache: TranslatedCodeCache,
  tally: ProcessorTally,
  region: TranslatedRegion,
  targets: RegionProfile["targets"],
): RegionProfile {
  const { u8 } = physical;
  const pages: { index: number; bytes: Uint8Array; known: Uint8Array }[] = [];
  region.pages.forEach((code, index) => {
    const frame = code === 0 ? 0 : cache.frameOf(code);
    if (frame === 0) return;
    const known = region.knownIn(index);
    for (let halfword = 0; halfword < 2048; halfword++)
      if (u8[code + halfword * RECORD_SIZE] !== RecordOp.UNDECODED) known[halfword >>> 3]! |= 1 << (halfword & 7);
    pages.push({ index, bytes: u8.slice(frame, frame + 4096), known });
  });
  const isInside = (pc: number): boolean => pc >= region.start && pc < region.end;
  const jumps: [number, number[]][] = [];
  for (const [pc, found] of tally.hot(region.mode).indirectTargets)
    if (isInside(pc)) jumps.push([pc - region.start, found.filter(isInside).map((target) => target - region.start)]);
  return {
    ...region.name!,
    label: region.name!.detail,
    mode: region.mode,
    start: region.start,
    end: region.end,
    pages,
    targets,
    used: region.translations.filter(({ kept }) => kept !== null).map(({ entry }) => entry - region.start),
    jumps,
  };
}
