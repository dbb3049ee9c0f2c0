/** ALPM packages at a terminal: progress and questions. */
import { createInterface } from "node:readline/promises";
import { byteStringToUtf8 } from "@stratos/base";
import { ProgressDisplay } from "../progress-display.ts";
import type { AlpmEvent, AlpmListener, AlpmQuestion } from "@stratos/pkg";
import { withAlpm, type AlpmPlace, type AlpmSession, type AlpmSettings } from "@stratos/systems/alpm";
import { undoOnSignal } from "../undo-on-signal.ts";

/** @param settings  `yes`: asks nothing. @throws OperationError  whatever goes wrong that is not a defect */
export function alpmAtTerminal<T = number>(
  place: AlpmPlace,
  settings: Omit<AlpmSettings, "progress" | "listener" | "guard"> & { readonly yes?: boolean },
  work: (session: AlpmSession) => Promise<T>,
): Promise<T> {
  const progress = new ProgressDisplay(process.stderr);
  const listener = terminalListener(progress, settings.yes === true || process.stdin.isTTY !== true);
  return withAlpm(place, { ...settings, progress, listener, guard: undoOnSignal }, work);
}

/** Progress and questions on the terminal. @param isSilent  asks nothing, and takes the standard answers */
export function terminalListener(progress: ProgressDisplay, isSilent: boolean): AlpmListener {
  const ask = async (text: string): Promise<string> => {
    progress.clear();
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await lines.question(text)).trim();
    } finally {
      lines.close();
    }
  };
  return {
    event: (event) => show(progress, event),
    async confirm(question) {
      const { text, standard } = questionText(question);
      if (isSilent) {
        if (!standard) progress.note(`${text} no`);
        return standard;
      }
      const answer = await ask(`${text} [${standard ? "Y/n" : "y/N"}] `);
      return answer === "" ? standard : /^y(es)?$/i.test(answer);
    },
    async chooseProvider(dependency, neededBy, providers) {
      if (isSilent) return 0;
      const list = providers
        .map((one, index) => `  ${index + 1}) ${one.package.name} ${one.package.version} (${one.origin})`)
        .join("\n");
      const answer = await ask(
        `${neededBy.package.name} needs ${dependency}, which these provide:\n${list}\nwhich one? [1] `,
      );
      const number = answer === "" ? 1 : Number(answer);
      return Number.isInteger(number) && number >= 1 && number <= providers.length ? number - 1 : 0;
    },
    async chooseMembers(group, members) {
      const all = members.map((_, index) => index);
      if (isSilent) return all;
      const list = members.map((one, index) => `  ${index + 1}) ${one.package.name}`).join("\n");
      const answer = await ask(`${group} is a group of:\n${list}\nwhich ones? [all] `);
      return answer === ""
        ? all
        : answer
            .split(/[\s,]+/)
            .map((word) => Number(word) - 1)
            .filter((index) => members[index] !== undefined);
    },
  };
}

function questionText(question: AlpmQuestion): { text: string; standard: boolean } {
  switch (question.kind) {
    case "conflict":
      return {
        text:
          `${question.incoming.name} and ${question.installed.name} cannot be installed together. Remove ` +
          `${question.installed.name}?`,
        standard: false,
      };
    case "replace":
      return {
        text:
          `Replace ${question.installed.name} with ` +
          `${question.replacement.repository}/${question.replacement.name}?`,
        standard: true,
      };
    case "ignored":
      return {
        text: `${question.package.name} is to be ignored (IgnorePkg, IgnoreGroup). Install it anyway?`,
        standard: true,
      };
    case "hold":
      return { text: `${question.package.name} is a held package (HoldPkg). Remove it anyway?`, standard: false };
    case "keep-back":
      return {
        text:
          `Not everything can be upgraded:\n${question.explanation.map((line) => `  ${line}`).join("\n")}\nUpgrade ` +
          "the rest?",
        standard: false,
      };
    case "overwrite":
      return {
        text:
          `${question.package}: /${byteStringToUtf8(question.path)} ` +
          `${question.owner === undefined ? "exists and belongs to no package" : `belongs to ${question.owner}`}. ` +
          "Overwrite it?",
        standard: false,
      };
  }
}

function show(progress: ProgressDisplay, event: AlpmEvent): void {
  switch (event.kind) {
    case "refresh":
      if (event.state === "failed") progress.note(`warning: ${event.repository}: ${event.why ?? "failed"}`);
      else progress.update(`Fetching ${event.repository}`, 0, 0);
      return;
    case "download":
      progress.update("Downloading", event.doneBytes, event.totalBytes, "bytes");
      return;
    case "check":
      progress.update(event.what === "integrity" ? "Checking packages" : "Checking files", 0, 0);
      return;
    case "package":
      progress.update(event.operation === "remove" ? "Removing" : "Preparing", event.index, event.total);
      return;
    case "hook":
      if (event.description !== "") progress.note(event.description);
      return;
    case "output":
      for (const line of event.text.replace(/\n$/, "").split("\n")) progress.note(line);
      return;
    case "saved":
      progress.note(
        `/${byteStringToUtf8(event.path)}: ` +
          `${event.as.endsWith(".pacnew") ? "was changed here; the new one is" : "was changed here and is kept as"}` +
          ` /${byteStringToUtf8(event.as)}`,
      );
      return;
    case "optional":
      progress.note(
        `${event.package} can use:\n${event.dependencies.map((line) => `  ${byteStringToUtf8(line)}`).join("\n")}`,
      );
      return;
    case "recovered":
      progress.note(`an interrupted transaction was finished: ${event.title}`);
      return;
    case "warning":
      progress.note(`warning: ${event.text}`);
      return;
    case "resolve":
    case "scriptlet":
      return;
  }
}
