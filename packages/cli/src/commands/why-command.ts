/** `stratos why`: where a byte of a recorded run came from, in words. */
import { printable } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import { replayFailure, withTimeline } from "@stratos/images/replay";
import type { ReplayPosition } from "@stratos/session/replay-position";
import { goToPosition, type Timeline, UNSEEN_OUTPUT } from "@stratos/session";
import {
  type Answer,
  type Hop,
  NoSuchByte,
  type PrintedStream,
  Provenance,
  type WantedByte,
} from "@stratos/session/provenance";
import { UsageError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";

export interface WhyOptions {
  readonly file?: WantedByte;
  readonly output?: WantedByte;
  readonly address?: number;
  readonly pid?: number;
  readonly at?: ReplayPosition;
  readonly stream?: PrintedStream;
  readonly json?: true;
}

/** Functions that are told of a stack: where it is, and who wanted it. */
const FRAMES_SHOWN = 4;

export function why(file: string, argument: WantedByte | undefined, options: WhyOptions): Promise<number> {
  const { address, pid, at, stream = null } = options;
  const named = [argument, options.file, options.output].filter((each) => each !== undefined);
  const [byte] = named;
  if (named.length + (address === undefined ? 0 : 1) !== 1)
    throw new UsageError(
      "why",
      "one byte is asked about: --file PATH[:OFFSET], --output LINE, output:OFFSET, or --address A",
    );
  if (pid !== undefined && address === undefined) throw new UsageError("--pid", "goes with --address");
  if (stream !== null && (byte === undefined || byte.kind === "file"))
    throw new UsageError("--stream", "goes with output:OFFSET or line:N");
  if (at !== undefined && byte !== undefined && byte.kind !== "file")
    throw new UsageError("--at", "goes with a file or --address: output stays as it was written");
  return withTimeline({ file, home: stratosHome(), output: UNSEEN_OUTPUT }, async (timeline, recording) => {
    let position: number | null = null;
    if (at !== undefined && at.kind !== "end") {
      if (!(await goToPosition(timeline, at, recording))) throw replayFailure(file, "the recording ends before --at");
      position = timeline.position.instructions;
    }
    const wanted: WantedByte = byte ?? { kind: "memory", address: address!, pid: pid ?? null };
    const answer = await answered(file, timeline, (provenance) => provenance.of(wanted, position, stream));
    process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : wordsOf(answer));
    return EXIT_SUCCESS;
  });
}

async function answered(
  file: string,
  timeline: Timeline,
  ask: (provenance: Provenance) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(await Provenance.open(timeline));
  } catch (error) {
    if (error instanceof NoSuchByte) throw replayFailure(file, error.message);
    throw error;
  }
}

function wordsOf({ what, value, hops }: Answer): string {
  const hex = value === null ? "" : ` is 0x${value.toString(16).padStart(2, "0")}`;
  const letter = value !== null && value > 0x20 && value < 0x7f ? ` '${String.fromCharCode(value)}'` : "";
  return [`${printable(what)}${hex}${letter}`, ...hops.flatMap(linesOf)].map((line) => `${line}\n`).join("");
}

function linesOf({ position, pid, program, text, stack }: Hop): string[] {
  const who = pid === 0 ? "" : `  process ${pid} (${printable(program)})`;
  const places = stack.slice(0, FRAMES_SHOWN).map(({ object, name, source, pc }) => {
    const line = source === null ? "" : ` ${source.file.split("/").at(-1)}:${source.line}`;
    return `${name ?? `0x${pc.toString(16)}`} (${object.split("/").at(-1)}${line})`;
  });
  return [
    `  ${String(position).padStart(12)}${who}  ${printable(text)}`,
    ...(places.length === 0 ? [] : [`${" ".repeat(16)}in ${printable(places.join(" < "))}`]),
  ];
}
