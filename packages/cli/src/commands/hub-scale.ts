/** `stratos hub scale`: starts and stops workers as a hub's queue asks for. */
import { setTimeout as sleep } from "node:timers/promises";
import { Option, type Command } from "commander";
import { userHome } from "@stratos/host-node/home";
import { hubFailure } from "@stratos/hub/client";
import {
  CommandMachines,
  findApiPlace,
  HostRoom,
  isPoolName,
  JobClient,
  KubernetesMachines,
  KubernetesProblem,
  plainTemplate,
  ProcessMachines,
  Scaler,
  templateFault,
  workerJob,
  type Machines,
  type Queue,
  type ScaleSettings,
} from "@stratos/hub/scale";
import { HubProblem, type HostView, type HubClient } from "@stratos/hub-api";
import { parse } from "yaml";
import { CommandError, UsageError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";
import { openHub, type HubOptions } from "../hub/hub-client.ts";
import { listenForStop } from "../stop-signals.ts";
import { parseCount, parseMebibytes, parseSecondsTo, repeatable, row } from "./hub-options.ts";
import type { Finish } from "./row-options.ts";

interface ScaleOptions extends HubOptions {
  readonly pool: string;
  readonly channel: readonly string[];
  readonly capability: readonly string[];
  readonly capacity: number;
  readonly min: number;
  readonly max: number;
  readonly up: number;
  readonly down: number;
  readonly idle: number;
  readonly startLimit: number;
  readonly hoursPerDay?: number;
  readonly hostCpu?: number;
  readonly hostMemory?: number;
  readonly every: number;
  readonly workerTokenFile?: string;
  readonly startCommand?: string;
  readonly stopCommand?: string;
  readonly kubernetes?: true;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly jobTemplate?: string;
  readonly image?: string;
}

/** Where the Secret `stratos-worker` lies in a pod of no template; its `key` is the worker's. */
const KEY_FOLDER = "/run/secrets/stratos";

export function scaleCommand(finish: Finish): Command {
  const time = (flags: string, words: string, seconds: number, shown: string): Option =>
    new Option(flags, words).argParser(parseSecondsTo(7 * 86_400, "a week")).default(seconds, shown);
  return row(
    "scale",
    "start and stop workers as the queue asks for",
    "Looks at a hub's queue until SIGINT or SIGTERM, and keeps as many workers as its tasks need, within bounds. " +
      "Workers are processes of this host, which end with it, what two commands start and stop, or Jobs of a " +
      "Kubernetes cluster. One that goes " +
      "takes no more tasks first, and ends when it has none. It takes status:read, host:read and host:change, which " +
      "operators have.",
  )
    .option("--pool <name>", "workers are the hosts NAME-1, NAME-2 and so on", "auto")
    .addOption(repeatable("--channel <name>", "whose tasks are counted, and taken; default: default"))
    .addOption(repeatable("--capability <word>", "what workers offer"))
    .addOption(
      new Option("--capacity <n>", "of each worker: units of work at once").argParser(parseCount(1, 10_000)).default(1),
    )
    .addOption(new Option("--min <n>", "so many workers at least").argParser(parseCount(0, 10_000)).default(0))
    .addOption(new Option("--max <n>", "so many workers at most").argParser(parseCount(1, 10_000)).default(2))
    .addOption(time("--up <time>", "between two additions", 30, "30s"))
    .addOption(time("--down <time>", "from any change to a removal", 120, "2m"))
    .addOption(time("--idle <time>", "a worker without work for so long may go", 300, "5m"))
    .addOption(time("--start-limit <time>", "a worker that is silent for so long has failed", 300, "5m"))
    .addOption(time("--every <time>", "how often the queue is looked at", 10, "10s"))
    .addOption(
      new Option(
        "--hours-per-day <n>",
        "hours of workers in any 24; when they are spent, --min workers stay (default: no limit)",
      ).argParser(parseCount(1, 1_000_000)),
    )
    .addOption(
      new Option(
        "--host-cpu <percent>",
        "add no process while this host's processors are busier (default: no limit)",
      ).argParser(parseCount(1, 100)),
    )
    .addOption(
      new Option(
        "--host-memory <size>",
        "add no process while this host has less free memory: 4G, or a number of MiB (default: no limit)",
      ).argParser(parseMebibytes(1)),
    )
    .option("--worker-token-file <file>", "a file with the key for workers (default: what `hub login` kept)")
    .option("--start-command <line>", "for sh: starts the worker $STRATOS_WORKER, and ends")
    .option("--stop-command <line>", "for sh: ends the worker $STRATOS_WORKER")
    .option("--kubernetes", "workers are Jobs of the cluster of this pod, or of a kubeconfig")
    .option("--namespace <name>", "with --kubernetes: where (default: the pod's, or the kubeconfig's)")
    .option("--kubeconfig <file>", "with --kubernetes (default: $KUBECONFIG, this pod's, ~/.kube/config)")
    .option("--job-template <file>", "with --kubernetes: a Job in YAML, whose pod is a worker")
    .option("--image <name>", "with --kubernetes: the pod's image, where there is no template")
    .allowExcessArguments(false)
    .action(async (options: ScaleOptions) => finish(await scaleWorkers(options)));
}

async function scaleWorkers(options: ScaleOptions): Promise<number> {
  const { min, max, startCommand: start, stopCommand: stop } = options;
  if (min > max) throw new UsageError("--min", `${min} is more than --max ${max}`);
  if ((start === undefined) !== (stop === undefined))
    throw new UsageError("--start-command", "it and --stop-command go together");
  const { hostCpu = null, hostMemory = null } = options;
  if (start !== undefined && (hostCpu ?? hostMemory) !== null)
    throw new UsageError("--start-command", "--host-cpu and --host-memory are for processes of this host");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(options.pool))
    throw new UsageError("--pool", "expected a name of letters, digits, dots, dashes and underscores");
  const client = openHub(options);
  const channels = options.channel.length > 0 ? options.channel : ["default"];
  await requireChannels(client, channels);
  const tell = (message: string): void => void process.stderr.write(`stratos hub scale: ${message}\n`);
  const bounds = { cpuPercentMax: hostCpu, memoryBytesMin: hostMemory === null ? null : hostMemory * (1 << 20) };
  const room = (hostCpu ?? hostMemory) === null ? null : new HostRoom(bounds);
  const argv = (name: string): readonly string[] => workerArgv(name, client.url, channels, options);
  const program = [process.execPath, ...process.execArgv, process.argv[1]!];
  const processes = new ProcessMachines((name) => [...program, ...argv(name)], room);
  const cluster = openCluster(options, { url: client.url, argv, tell });
  const machines: Machines =
    cluster ?? (start === undefined || stop === undefined ? processes : new CommandMachines({ start, stop }));
  const scaler = new Scaler(settingsOf(options), queueOf(client, channels), machines, tell);
  const signals = listenForStop();
  let failed = "";
  try {
    // What is wrong from the first ends it; what comes later is told, and waited for.
    for (let ticks = 0; !signals.signal.aborted; ticks++) {
      try {
        await scaler.tick(performance.now());
        if (failed !== "") tell("it goes on");
        failed = "";
      } catch (error) {
        const failure = failureOf(error, client.url);
        if (ticks === 0) throw failure;
        if (failure.message !== failed) tell(failure.message);
        failed = failure.message;
      }
      await sleep(options.every * 1_000, undefined, { signal: signals.signal }).catch(() => {});
    }
  } finally {
    await processes.stopAll();
    cluster?.close();
    signals.close();
  }
  return signals.status ?? 0;
}

/** A name that was mistyped has no tasks, for ever. A key that may not see channels is believed. */
async function requireChannels(client: HubClient, channels: readonly string[]): Promise<void> {
  for (const channel of channels)
    try {
      await client.call("GET", `/channels/${encodeURIComponent(channel)}`);
    } catch (error) {
      if (!(error instanceof HubProblem && error.status === 403)) throw hubFailure(error, client.url);
    }
}

function failureOf(error: unknown, hub: string): Error {
  if (error instanceof KubernetesProblem) return new CommandError("--kubernetes", error.message, { cause: error });
  const failure = hubFailure(error, hub);
  return failure instanceof Error ? failure : new Error(String(failure));
}

/** @returns null: workers are none of a cluster's */
function openCluster(
  options: ScaleOptions,
  hub: {
    readonly url: string;
    readonly argv: (name: string) => readonly string[];
    readonly tell: (message: string) => void;
  },
): KubernetesMachines | null {
  const { pool, kubernetes, namespace, kubeconfig, jobTemplate, image } = options;
  const given = { "--namespace": namespace, "--kubeconfig": kubeconfig, "--job-template": jobTemplate };
  const of = Object.entries({ ...given, "--image": image }).find(([, value]) => value !== undefined)?.[0];
  if (kubernetes === undefined) {
    if (of !== undefined) throw new UsageError(of, "it is for --kubernetes");
    return null;
  }
  if ((options.startCommand ?? options.hostCpu ?? options.hostMemory) !== undefined)
    throw new UsageError("--kubernetes", "--start-command, --host-cpu and --host-memory are for other workers");
  if (!isPoolName(pool))
    throw new UsageError("--pool", "with --kubernetes: expected up to 40 small letters, digits and dashes");
  if ((jobTemplate === undefined) === (image === undefined))
    throw new UsageError("--kubernetes", "expected --job-template FILE, or --image NAME");
  const choice = { environment: process.env, home: userHome() };
  let client: JobClient;
  try {
    const place = findApiPlace({
      ...choice,
      ...(namespace === undefined ? {} : { namespace }),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
    });
    client = new JobClient(place);
  } catch (error) {
    throw new CommandError("--kubernetes", (error as Error).message, { cause: error });
  }
  const template = jobTemplate === undefined ? plainTemplate(image!, KEY_FOLDER) : readTemplate(jobTemplate);
  const fault = templateFault(template, client.namespace);
  if (fault !== null) throw new CommandError(jobTemplate ?? "--image", fault);
  const pod = { pool, hub: hub.url, args: hub.argv, namespace: client.namespace };
  return new KubernetesMachines(pool, client, { tell: hub.tell, job: (name) => workerJob(template, name, pod) });
}

function readTemplate(path: string): unknown {
  const text = readGivenFile(path).toString("utf8");
  try {
    return parse(text);
  } catch (error) {
    throw new CommandError(path, (error as Error).message, { cause: error });
  }
}

const settingsOf = (options: ScaleOptions): ScaleSettings => ({
  pool: options.pool,
  capacity: options.capacity,
  workersMin: options.min,
  workersMax: options.max,
  upSeconds: options.up,
  downSeconds: options.down,
  idleSeconds: options.idle,
  startSeconds: options.startLimit,
  hoursPerDay: options.hoursPerDay ?? null,
});

function workerArgv(
  name: string,
  url: string,
  channels: readonly string[],
  { capacity, capability, workerTokenFile, image }: ScaleOptions,
): readonly string[] {
  const tokenFile = workerTokenFile ?? (image === undefined ? undefined : `${KEY_FOLDER}/key`);
  return [
    ...["worker", "--hub", url, "--name", name],
    ...["--capacity", String(capacity), "--channel", channels.join(",")],
    ...(capability.length === 0 ? [] : ["--capability", capability.join(",")]),
    ...(tokenFile === undefined ? [] : ["--token-file", tokenFile]),
  ];
}

function queueOf(client: HubClient, channels: readonly string[]): Queue {
  const path = (host: string): string => `/hosts/${encodeURIComponent(host)}`;
  // A host that somebody removed meanwhile is as it should be.
  const unlessGone = async (call: Promise<unknown>): Promise<void> => {
    try {
      await call;
    } catch (error) {
      if (!(error instanceof HubProblem) || error.status !== 404) throw error;
    }
  };
  return {
    hosts: async () => (await client.call<{ items: HostView[] }>("GET", "/hosts")).items,
    waiting: async () => {
      const { queue } = await client.call<{
        queue: { states: { channel: string; state: string; count: number }[] };
      }>("GET", "/status");
      const counted = queue.states.filter(({ channel, state }) => state === "FREE" && channels.includes(channel));
      return counted.reduce((sum, { count }) => sum + count, 0);
    },
    disable: (host) => unlessGone(client.call("PATCH", path(host), { enabled: false })),
    remove: (host) => unlessGone(client.call("DELETE", path(host))),
  };
}
