/** Manual pages in the `man` macros (groff_man(7)), derived from the command tree. */
import type { Command } from "commander";
import { VERSION } from "@stratos/sdk/version";
import { allCommands, optionValueName, shownOptions, type CommandPlace } from "./command-tree.ts";

/** The page of the command at `path` (`[]`: the overview), or null when there is no such command. */
export function manPage(program: Command, path: readonly string[]): string | null {
  const places = allCommands(program);
  const place = places.find((candidate) => candidate.path.join(" ") === path.join(" "));
  return place === undefined ? null : render(place, places);
}

/** Name of each page, without its section: `stratos-image-build`. */
export function manPageNames(program: Command): { name: string; path: readonly string[] }[] {
  return allCommands(program).map(({ path }) => ({ name: ["stratos", ...path].join("-"), path }));
}

function render({ path, command }: CommandPlace, places: readonly CommandPlace[]): string {
  const name = ["stratos", ...path].join("-");
  const lines = [`.TH ${name.toUpperCase()} 1 "" "Stratos ${VERSION}" "Stratos Manual"`, ".SH NAME"];
  lines.push(`${roff(name)} \\- ${roff(firstSentence(command.description()))}`);
  lines.push(".SH SYNOPSIS", roff(command.createHelp().commandUsage(command)));
  lines.push(".SH DESCRIPTION", roff(command.description()));
  const args = command.registeredArguments;
  if (args.length > 0) {
    lines.push(".SH ARGUMENTS");
    for (const argument of args)
      lines.push(".TP", `.I ${roff(argument.name().toUpperCase())}`, roff(argument.description));
  }
  lines.push(".SH OPTIONS");
  for (const option of shownOptions(command)) {
    const value = optionValueName(option);
    const flags = [option.short, option.long]
      .filter((flag) => flag !== undefined && flag !== null)
      .map((flag) => `\\fB${roff(flag!)}\\fR`);
    const standard =
      option.defaultValue !== undefined && option.defaultValueDescription === undefined && option.defaultValue !== false
        ? ` (default: ${String(option.defaultValue)})`
        : "";
    lines.push(
      ".TP",
      `${flags.join(", ")}${value === null ? "" : ` \\fI${roff(value)}\\fR`}`,
      roff(option.description + standard),
    );
  }
  const below = places.filter(
    (other) => other.path.length === path.length + 1 && path.every((word, index) => other.path[index] === word),
  );
  if (below.length > 0) {
    lines.push(".SH COMMANDS");
    for (const other of below) lines.push(".TP", `.B ${roff(other.path.join(" "))}`, roff(other.command.description()));
  }
  if (path.length === 0) lines.push(...OVERVIEW);
  const others = places
    .filter((other) => other.command !== command && other.path.length <= 1)
    .map((other) => `.BR ${roff(["stratos", ...other.path].join("-"))} (1)`);
  lines.push(".SH SEE ALSO", others.join(",\n"));
  return `${lines.join("\n")}\n`;
}

const OVERVIEW = [
  ".SH EXIT STATUS",
  ".TP",
  "0",
  "Success; for a program that was run, its own status.",
  ".TP",
  "1",
  "An error, told on standard error as \\(oqstratos: what: why\\(cq; of commands that run a program, 125.",
  ".TP",
  "2",
  "The command line makes no sense.",
  ".TP",
  "124",
  "The time of \\fB\\-\\-timeout\\fR is over.",
  ".TP",
  "125",
  "Stratos itself failed.",
  ".TP",
  "126, 127",
  "The program cannot be executed; is not found.",
  ".TP",
  "128+N",
  "Signal N ended the program.",
  ".SH ENVIRONMENT",
  ".TP",
  ".B STRATOS_HOME",
  "Where images, downloads and settings (\\fIconfig.json\\fR) are kept; default \\fI$XDG_DATA_HOME/stratos\\fR.",
  ".TP",
  ".B STRATOS_INTERPRET",
  "When set and not empty, programs are interpreted and nothing is translated: to tell whether a fault is the",
  "translator's. A run of one \\fB--seed\\fR is the same, and many times slower.",
  ".TP",
  ".B STRATOS_MIRROR",
  "Debian mirror for building images.",
  ".TP",
  ".B STRATOS_NO_CACHE",
  "When set and not empty, runs neither use nor keep translations, as with \\fB--no-cache\\fR; with \\fBfill\\fR, they",
  "use what is kept and add nothing.",
  ".TP",
  ".B NODE_COMPILE_CACHE",
  "Where compiled code of Stratos itself is kept, as Node's own; default \\fIcompile-cache\\fR in STRATOS_HOME.",
  ".TP",
  ".B NO_COLOR",
  "When set and not empty, nothing is coloured.",
];

function firstSentence(text: string): string {
  return text.replace(/[.:](\s.*)?$/s, "");
}

/** Protects what roff would read as its own: backslashes, hyphens, and a dot or quote that begins a line. */
function roff(text: string): string {
  return text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/…/g, "...")
    .replace(/^([.'])/gm, "\\&$1");
}
