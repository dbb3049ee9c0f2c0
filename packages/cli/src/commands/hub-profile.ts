/** `stratos hub profile`: where the time of a hub, or of a worker, goes. */
import { existsSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Option, type Command } from "commander";
import type { HubClient, ProfileView } from "@stratos/hub-api";
import {
  compareTimes,
  hottest,
  parseCpuProfile,
  profileTimes,
  type ComparedFunction,
  type HotFunction,
  type HotOrder,
  type ProfileTimes,
} from "@stratos/hub/profiling";
import { CommandError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { formatSize } from "@stratos/operation";
import { writeOutput } from "../output-file.ts";
import { formatTable } from "../text-table.ts";
import { noun, parseCount, row } from "./hub-options.ts";
import { parseProfileTime } from "./hub-profile-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface TopOptions extends Listing {
  readonly sort: HotOrder;
  readonly limit: number;
  readonly beside?: string;
}

const LAST = "last";
const PROFILE_BYTES_MAX = 512 << 20;

export function profileCommand(finish: Finish): Command {
  const profile = noun("profile", "see where a hub's time and memory go");
  profile.addCommand(
    row(
      "ls",
      "list profiles",
      "Lists the profiles that the hub which answers has taken of itself, the newest first: by the clock " +
        "(`stratos hub --profile-every`), and when somebody asked.",
    )
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listOf<ProfileView>("/profiles", options, COLUMNS))),
  );
  profile.addCommand(
    row(
      "take",
      "take a profile now",
      "Takes a profile of the hub that answers, which works on meanwhile; waits, and prints what the profile is " +
        "called.",
    )
      .addOption(
        new Option("--time <time>", "how long to look, a minute at most (default: the hub's --profile-time)").argParser(
          parseProfileTime,
        ),
      )
      .addOption(jsonOption())
      .action(async (options: Listing & { time?: number }) => finish(await take(options))),
  );
  profile.addCommand(
    row(
      "get",
      "write a profile into a file",
      "Writes a profile into a file, as Chrome's developer tools (Performance), VS Code and speedscope open it.",
    )
      .argument("[profile]", "its name, or last", LAST)
      .option("-o, --output <file>", "where to; - is standard output (default: NAME.cpuprofile here)")
      .action(async (name: string, options: HubOptions & { output?: string }) => finish(await get(name, options))),
  );
  profile.addCommand(
    row(
      "top",
      "tell which functions took a profile's time",
      "Tells which functions took the time of a profile: in themselves, and with what they called. With --beside: " +
        "what has changed since another one, in milliseconds of each second.",
    )
      .argument("[profile]", "its name, last, or a file NAME.cpuprofile, such as a worker keeps", LAST)
      .option("--beside <profile>", "another one, of before, named likewise")
      .addOption(
        new Option("--sort <by>", "by the time in functions themselves, or with what they called")
          .choices(["self", "total"])
          .default("self"),
      )
      .addOption(new Option("--limit <n>", "so many functions").argParser(parseCount(1, 10_000)).default(20))
      .addOption(jsonOption())
      .action(async (name: string, options: TopOptions) => finish(await top(name, options))),
  );
  profile.addCommand(
    row("heap", "tell what was on the heap", "Tells what a profile says of memory, and who made what stayed.")
      .argument("[profile]", "its name, or last", LAST)
      .addOption(jsonOption())
      .action(async (name: string, options: Listing) => finish(await heap(name, options))),
  );
  profile.addCommand(
    row("rm", "remove profiles", "Removes profiles.")
      .argument("<profile...>", "their names")
      .action(async (names: readonly string[], options: HubOptions) => finish(await remove(names, options))),
  );
  return profile;
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

const COLUMNS: Readonly<Record<string, (view: ProfileView) => string>> = {
  PROFILE: ({ id }) => id,
  PROCESS: ({ process: of }) => of,
  TOOK: ({ seconds }) => `${seconds.toFixed(1)} s`,
  "CPU TIME": ({ cpuSeconds }) => `${cpuSeconds.toFixed(2)} s`,
  BUSY: ({ loopBusy }) => percent(loopBusy),
  HEAP: ({ heap: { used } }) => formatSize(used),
  RSS: ({ heap: { rss } }) => formatSize(rss),
  SIZE: ({ bytes }) => formatSize(bytes),
  BY: ({ by }) => by ?? "the clock",
};

function take(options: Listing & { time?: number }): Promise<number> {
  return withHub(options, async (client) => {
    const wanted = options.time === undefined ? {} : { seconds: options.time };
    const view = await client.call<ProfileView>("POST", "/profiles", wanted);
    if (options.json === true) return printJson(view);
    process.stdout.write(`${view.id}\n`);
  });
}

async function nameAt(client: HubClient, name: string): Promise<string> {
  if (name !== LAST) return name;
  const { items } = await client.call<{ items: readonly ProfileView[] }>("GET", "/profiles");
  if (items.length === 0)
    throw new CommandError(LAST, "this hub has no profiles: `stratos hub profile take` takes one");
  return items[0]!.id;
}

const placeOf = (id: string): string => `/profiles/${encodeURIComponent(id)}`;

async function download(client: HubClient, id: string): Promise<Buffer> {
  return Buffer.from(await (await client.raw("GET", `${placeOf(id)}/file`, {})).arrayBuffer());
}

function get(name: string, options: HubOptions & { readonly output?: string }): Promise<number> {
  return withHub(options, async (client) => {
    const id = await nameAt(client, name);
    const bytes = await download(client, id);
    const path = options.output ?? `${id}.cpuprofile`;
    const isFile = path !== "-";
    await writeOutput(isFile ? path : undefined, (stream) => pipeline(Readable.from([bytes]), stream, { end: isFile }));
    if (isFile) process.stdout.write(`${path}\n`);
  });
}

/** A file needs no hub. */
function isFile(name: string): boolean {
  return name.endsWith(".cpuprofile") || (name.includes("/") && existsSync(name));
}

async function top(name: string, options: TopOptions): Promise<number> {
  const { beside, sort, limit, json } = options;
  const read = async (which: string): Promise<ProfileTimes> => {
    if (isFile(which)) return timesOf(which, readFile(which));
    let text = "";
    await withHub(options, async (client) => {
      text = (await download(client, await nameAt(client, which))).toString("utf8");
    });
    return timesOf(which, text);
  };
  const times = await read(name);
  if (beside === undefined) {
    const functions = hottest(times, sort, limit);
    if (json === true) printJson({ spanMs: times.spanMs, busyMs: times.busyMs, functions });
    else printTop(times, functions);
    return 0;
  }
  const before = await read(beside);
  const functions = compareTimes(times, before, sort, limit);
  if (json === true) printJson({ now: spanOf(times), before: spanOf(before), functions });
  else printCompared(times, before, functions);
  return 0;
}

const spanOf = ({ spanMs, busyMs }: ProfileTimes): object => ({ spanMs, busyMs });

function readFile(path: string): string {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > PROFILE_BYTES_MAX)
    throw new CommandError(path, "too large for a profile");
  return readGivenFile(path).toString("utf8");
}

function timesOf(name: string, text: string): ProfileTimes {
  try {
    return profileTimes(parseCpuProfile(text));
  } catch (error) {
    throw new CommandError(name, (error as Error).message, { cause: error });
  }
}

const busyWords = ({ spanMs, busyMs }: ProfileTimes): string =>
  `busy for ${(busyMs / 1_000).toFixed(2)} s of ${(spanMs / 1_000).toFixed(2)} s` +
  (spanMs > 0 ? ` (${percent(busyMs / spanMs)})` : "");

function printTop(times: ProfileTimes, functions: readonly HotFunction[]): void {
  process.stdout.write(`${busyWords(times)}\n`);
  const share = (ms: number): string => percent(times.busyMs > 0 ? ms / times.busyMs : 0);
  process.stdout.write(
    formatTable(
      ["SELF MS", "SELF", "TOTAL MS", "TOTAL", "FUNCTION", "WHERE"],
      functions.map((one) => [
        one.selfMs.toFixed(1),
        share(one.selfMs),
        one.totalMs.toFixed(1),
        share(one.totalMs),
        one.function,
        one.where,
      ]),
    ),
  );
}

function printCompared(now: ProfileTimes, before: ProfileTimes, functions: readonly ComparedFunction[]): void {
  process.stdout.write(`now:    ${busyWords(now)}\nbefore: ${busyWords(before)}\nms of each second:\n`);
  process.stdout.write(
    formatTable(
      ["CHANGE", "NOW", "BEFORE", "FUNCTION", "WHERE"],
      functions.map((one) => [
        `${one.now >= one.before ? "+" : ""}${(one.now - one.before).toFixed(2)}`,
        one.now.toFixed(2),
        one.before.toFixed(2),
        one.function,
        one.where,
      ]),
    ),
  );
}

function heap(name: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const view = await client.call<ProfileView>("GET", placeOf(await nameAt(client, name)));
    if (options.json === true) return printJson(view.heap);
    const { rss, used, total, limit, external, arrayBuffers, contexts, detachedContexts, spaces, allocated } =
      view.heap;
    const facts: readonly (readonly [string, string])[] = [
      ["resident", formatSize(rss)],
      ["heap", `${formatSize(used)} of ${formatSize(total)}, ${formatSize(limit)} at most`],
      ["outside", `${formatSize(external)}, of it ${formatSize(arrayBuffers)} buffers`],
      ["contexts", `${contexts}, of them ${detachedContexts} detached`],
      ...spaces.map((space) => [space.name, `${formatSize(space.used)} of ${formatSize(space.size)}`] as const),
    ];
    const width = Math.max(...facts.map(([what]) => what.length));
    for (const [what, value] of facts) process.stdout.write(`${what.padEnd(width)}  ${value}\n`);
    process.stdout.write(`\nmade within ${view.seconds.toFixed(1)} s and still there (sampled):\n`);
    printItems(
      allocated,
      {},
      {
        BYTES: ({ bytes }) => formatSize(bytes),
        FUNCTION: (one) => one.function,
        WHERE: ({ where }) => where,
      },
    );
  });
}

function remove(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", placeOf(name));
  });
}
