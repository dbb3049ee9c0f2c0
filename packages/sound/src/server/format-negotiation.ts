/** Which of the formats that a program offers its stream has: the first of plain samples, as PulseAudio has it. */
import { defaultMap, isChannelMap, positionsNamed } from "../audio/channels.ts";
import { CHANNELS_MAX, formatName, formatNamed, isRate, isSampleSpec } from "../audio/formats.ts";
import { type FormatInfo, propertyText, type SampleSpec, textProperties } from "../wire/tags.ts";

/** pa_encoding_t */
const ENCODING_PCM = 1;

interface StreamFormat {
  readonly spec: SampleSpec;
  readonly positions: readonly number[];
}

/**
 * @param fallback  what the program says beside its formats
 * @returns null: none of them can be played
 */
export function negotiateFormat(formats: readonly FormatInfo[], fallback: StreamFormat): StreamFormat | null {
  if (formats.length === 0) return isPlayable(fallback) ? fallback : null;
  for (const { encoding, properties } of formats) {
    if (encoding !== ENCODING_PCM) continue;
    const said = (key: string): unknown => jsonValue(propertyText(properties, `format.${key}`));
    const spec = {
      format: chosen(said("sample_format"), fallback.spec.format, formatOf),
      rate: chosen(said("rate"), fallback.spec.rate, (value) => (isWhole(value) && isRate(value) ? value : null)),
      channels: chosen(said("channels"), fallback.spec.channels, (value) =>
        isWhole(value) && value >= 1 && value <= CHANNELS_MAX ? value : null,
      ),
    };
    const map = said("channel_map");
    const named = typeof map === "string" ? positionsNamed(map) : null;
    const known = named ?? fallback.positions;
    const found = { spec, positions: known.length === spec.channels ? known : defaultMap(spec.channels) };
    if (isPlayable(found)) return found;
  }
  return null;
}

function isPlayable({ spec, positions }: StreamFormat): boolean {
  return isSampleSpec(spec) && positions.length === spec.channels && isChannelMap(positions);
}

/** Of several that would do the first; what is not said is as it is otherwise. */
function chosen(said: unknown, otherwise: number, of: (value: unknown) => number | null): number {
  if (said === undefined) return otherwise;
  for (const each of Array.isArray(said) ? said : [said]) {
    const found = of(each);
    if (found !== null) return found;
  }
  return otherwise;
}

function formatOf(name: unknown): number | null {
  const found = typeof name === "string" ? formatNamed(name) : -1;
  return found < 0 ? null : found;
}

function isWhole(value: unknown): value is number {
  return Number.isInteger(value);
}

/** Properties of formats are JSON. */
function jsonValue(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As it is told: the program's own, or that of its samples. */
export function formatInfo({ format, rate, channels }: SampleSpec): FormatInfo {
  return {
    encoding: ENCODING_PCM,
    properties: textProperties({
      "format.sample_format": JSON.stringify(formatName(format)),
      "format.rate": String(rate),
      "format.channels": String(channels),
    }),
  };
}

/** Of an answer to who has offered none (pa_format_info_new). */
export const NO_FORMAT: FormatInfo = { encoding: 0, properties: new Map() };
/** What a sink takes. */
export const ANY_SAMPLES: FormatInfo = { encoding: ENCODING_PCM, properties: new Map() };
