/** Scrubbing with its progress, and the audit log. */
import { type AuditPage, scrubAction } from "@stratos/panels/volumes";
import type { ScrubState } from "@stratos/volumes/listed";
import { button } from "../button.ts";
import { element, meter, row, table } from "../elements.ts";
import { ask } from "./rest.ts";
import { actionButtons, type View } from "./view.ts";
import { moment, size } from "../language.ts";
import { say } from "./words.ts";

export const scrubView: View = async (context) => {
  const { at } = context;
  const state = await ask<ScrubState | null>("GET", `${at}/scrub`);
  const parts: HTMLElement[] = [element("h2", {}, say("scrub")), element("p", {}, say("scrubHelp"))];
  if (state === null) parts.push(element("p", {}, say("scrubNever")));
  else
    parts.push(
      row(
        meter(say("scrub"), state.verifiedBytes, state.finished ? state.verifiedBytes : state.totalBytes),
        `${size(state.verifiedBytes)} ${say("of")} ${size(state.totalBytes)}, ` +
          `${say("repaired")}: ${state.repairedBlocks}, ${say("lost")}: ${state.lostBlocks}; ` +
          say(state.running ? "running" : state.finished ? "finished" : "paused"),
      ),
    );
  parts.push(row(...actionButtons(context, () => [scrubAction(at, state?.running === true)])));
  return parts;
};

/** `rest` is the block that the page begins with. */
export const auditView: View = async ({ at, rest, attempt, go, notice }) => {
  const { entries, next } = await ask<AuditPage>("GET", `${at}/audit${/^\d+$/.test(rest) ? `?from=${rest}` : ""}`);
  const bar = row(
    button(say("verdict"), () =>
      attempt(async () => notice(JSON.stringify(await ask<object>("GET", `${at}/audit/verdict`)))),
    ),
  );
  if (next !== null) bar.append(button(say("more"), () => go(String(next))));
  return [
    element("h2", {}, say("audit")),
    bar,
    table(
      say("audit"),
      [say("when"), say("what"), ""],
      entries.map(({ time, operation, block: _, ...facts }) => [moment(time), operation, JSON.stringify(facts)]),
    ),
  ];
};
