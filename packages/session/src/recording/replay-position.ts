/** Places of a recorded run as people name them. */
import type { Recording } from "./recording-format.ts";
import type { Timeline } from "./timeline.ts";

/** A place of a recording: after so many instructions, events or lines of output, or before its last instruction. */
export type ReplayPosition =
  | { readonly kind: "instruction" | "event" | "line"; readonly number: number }
  | { readonly kind: "end" };

export const POSITIONS = "N (instructions), event:N, line:N or end";

/** @returns null: it is none of POSITIONS */
export function readPosition(text: string): ReplayPosition | null {
  if (text === "end") return { kind: "end" };
  const found = /^(?:(event|line):)?(\d{1,15})$/.exec(text.replace(/(?<=\d)[_,](?=\d)/g, ""));
  if (found === null) return null;
  return { kind: (found[1] ?? "instruction") as "instruction" | "event" | "line", number: Number(found[2]) };
}

/** @returns false when the recording ends before; then it stands at its end */
export async function goToPosition(timeline: Timeline, to: ReplayPosition, { events }: Recording): Promise<boolean> {
  switch (to.kind) {
    case "instruction":
      return timeline.seekInstruction(to.number);
    case "event": {
      const event = to.number > 0 ? events.at(to.number - 1) : undefined;
      if (to.number > 0 && event === undefined) {
        await timeline.seekEnd();
        return false;
      }
      return timeline.seekInstruction(event?.instructions ?? 0);
    }
    case "line":
      return timeline.seekLine(to.number);
    case "end":
      await timeline.seekEnd();
      return true;
  }
}

export function positionText(to: ReplayPosition): string {
  return to.kind === "end" ? "its end" : `${to.kind} ${to.number}`;
}
