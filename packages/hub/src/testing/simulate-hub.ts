/**
 * `npm run sim:hub -- [--rounds N] [--seed S] [--jobs N] [--minutes N] [--database memory|URL] [--steps N]`: rounds of
 * hubs, workers and connections that die (simulated-round.ts). With `--hosts` and `--batch` it is many of them, under
 * virtual time (simulate-scale.ts).
 */
import { parseArgs } from "node:util";
import { SCALE_SETTINGS, simulateScale } from "./simulate-scale.ts";
import { ROUND_SETTINGS, SimulationRounds } from "./simulation-rounds.ts";
import { startPostgres, type TestServer } from "./test-database.ts";

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "20" },
      seed: { type: "string" },
      steps: { type: "string", default: "300" },
      database: { type: "string", default: "postgres" },
      hosts: { type: "string" },
      capacity: { type: "string", default: "8" },
      moment: { type: "string", default: "5" },
      batch: { type: "string", default: "1000" },
      tasks: { type: "string", default: "10000" },
      failovers: { type: "string", default: "1" },
      jobs: { type: "string", default: "1" },
      minutes: { type: "string", default: "Infinity" },
    },
  });
  const first = Number(values.seed ?? Date.now() % 1_000_000);
  let server: TestServer | null = null;
  let rounds: SimulationRounds | null = null;
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  // A server that is left behind has its folder for ever.
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const)
    process.once(signal, () => {
      if (rounds !== null) tell(rounds.summary());
      server?.stop();
      process.exit(128 + number);
    });
  const isScale = values.hosts !== undefined;
  if (isScale || values.database === "postgres") server = startPostgres(isScale ? SCALE_SETTINGS : ROUND_SETTINGS);
  try {
    rounds = isScale
      ? null
      : new SimulationRounds({
          first,
          rounds: Number(values.rounds),
          steps: Number(values.steps),
          jobs: Number(values.jobs),
          minutes: Number(values.minutes),
          server,
          place: values.database,
          tell,
        });
    process.exitCode = (await (rounds?.run() ?? scale(server!))) ? 0 : 1;
  } finally {
    server?.stop();
  }

  async function scale(server: TestServer): Promise<boolean> {
    const [hosts, batch, tasks] = [Number(values.hosts), Number(values.batch), Number(values.tasks)];
    const [capacity, momentSeconds] = [Number(values.capacity), Number(values.moment)];
    const words =
      `--hosts ${hosts} --capacity ${capacity} --moment ${momentSeconds} --batch ${batch} --tasks ${tasks} ` +
      `--failovers ${values.failovers}`;
    try {
      const failovers = Number(values.failovers);
      const result = await simulateScale({
        seed: first,
        server,
        hosts,
        capacity,
        momentSeconds,
        batch,
        tasks,
        failovers,
        tell,
      });
      const { events, seconds, virtualSeconds, faults } = result;
      tell(
        `seed ${first}: ${tasks} tasks on ${hosts} hosts in ${(virtualSeconds / 3_600).toFixed(2)} virtual hours, ` +
          `${seconds.toFixed(1)} s (${(tasks / seconds).toFixed(0)}/s); ${events} events; ` +
          Object.entries(faults)
            .map(([name, count]) => `${count} ${name}`)
            .join(", "),
      );
      const { checkSeconds, ownCpuSeconds, serverCpuSeconds, ownMebibytes } = result;
      const perTask = (cpuSeconds: number): string => `${((1_000 * cpuSeconds) / tasks).toFixed(2)} ms`;
      tell(
        `processor time of a task: ${perTask(serverCpuSeconds)} in the database, ${perTask(ownCpuSeconds)} here; ` +
          `${ownMebibytes.toFixed(0)} MiB here at most; checked in ${checkSeconds.toFixed(1)} s`,
      );
      const times = Object.entries(result.statements).map(
        ([name, { count, meanMs }]) => `${count} ${name} (${meanMs.toFixed(1)} ms)`,
      );
      tell(times.join(", "));
      tell("1 passed, 0 failed");
      return true;
    } catch (error) {
      tell(`${(error as Error).stack ?? String(error)}\nnpm run sim:hub -- --seed ${first} ${words}`);
      tell("0 passed, 1 failed");
      return false;
    }
  }
}
