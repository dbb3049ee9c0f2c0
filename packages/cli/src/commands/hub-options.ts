/** What rows of `stratos hub` have in common. */
import { isIP } from "node:net";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { Command, InvalidArgumentError, Option } from "commander";

/** A client's command. */
export const row = (name: string, summary: string, description: string): Command =>
  hubOptions(new Command(name)).summary(summary).description(description);
export const noun = (name: string, summary: string): Command =>
  new Command(name)
    .enablePositionalOptions()
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .usage("COMMAND");

/** What each client of a hub takes. */
export function hubOptions(command: Command): Command {
  return command
    .option("--hub <url>", "the hub (default: $STRATOS_HUB, else http://127.0.0.1:7470)")
    .option("--token-file <file>", "a file with the key (default: what `hub login` kept)");
}

export function parseCount(minimum: number, maximum = 2_000_000_000): (text: string) => number {
  return (text) => {
    if (!/^-?\d{1,10}$/.test(text) || Number(text) < minimum || Number(text) > maximum)
      throw new InvalidArgumentError(`expected a number from ${minimum} to ${maximum}`);
    return Number(text);
  };
}

/** Of what is counted in MiB: a number alone is so many of them, a size with a unit the whole ones in it. */
export function parseMebibytes(minimum: number, maximum = 2_000_000_000): (text: string) => number {
  return (text) => {
    const size = mebibytesOf(text);
    if (size === undefined || size < minimum || size > maximum)
      throw new InvalidArgumentError(
        `expected a size such as 512M or 4G, or a number of MiB, ${minimum} to ${maximum}`,
      );
    return size;
  };
}

/** Undefined: it is no size. */
export function mebibytesOf(text: string): number | undefined {
  const bytes = bytesOfSize(/^\d+$/.test(text) ? `${text}M` : text);
  return bytes === undefined ? undefined : Math.floor(bytes / 2 ** 20);
}

/** What is said for no limit; commander takes null for a value that is missing. */
const NONE = Symbol("none");
export type OrNone = number | typeof NONE;

/** A number, or a word by which there is none. */
export function orNone(word: string, parse: (text: string) => number): (text: string) => OrNone {
  return (text) => {
    if (text === word) return NONE;
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(`${error.message}, or ${word}`);
    }
  };
}

/** As the hub has it; undefined: it was not said. */
export const limitOf = (said: OrNone | undefined): number | null | undefined => (said === NONE ? null : said);

/** `30s`, `15m`, `12h`, `90d`; seconds without a unit. */
export function parseSeconds(text: string): number {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text);
  if (match === null || Number(match[1]) === 0)
    throw new InvalidArgumentError("expected a time, such as 30s, 15m, 12h or 90d");
  return Number(match[1]) * { "": 1, s: 1, m: 60, h: 3_600, d: 86_400 }[match[2]!]!;
}

/** With a bound, which is said in words: a timer of months would be over at once. */
export function parseSecondsTo(maximum: number, words: string): (text: string) => number {
  return (text) => {
    const seconds = parseSeconds(text);
    if (seconds > maximum) throw new InvalidArgumentError(`expected ${words} at most`);
    return seconds;
  };
}

/** Values that commas part; given several times, all of them. */
export const collectList = (text: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...text.split(",").filter((part) => part !== ""),
];
export const repeatable = (flags: string, description: string): Option =>
  new Option(flags, `${description} (repeatable)`).argParser(collectList).default([], "none");

/** An address, or a network with its bits. */
export function parseNetwork(text: string): string {
  const [address = "", bits = "0", ...more] = text.split("/");
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (more.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most)
    throw new InvalidArgumentError("expected an address or a network, such as 127.0.0.1 or 10.0.0.0/8");
  return text;
}

export function databaseOptions(command: Command): Command {
  return command
    .option(
      "--database <place>",
      "memory, a folder, or postgres://USER@HOST/NAME (default: a folder of the state folder)",
    )
    .option("--state <folder>", "where the hub keeps its files (default: hub in $STRATOS_HOME)");
}
