/**
 * A loop of tool calls that tries several at once and keeps the best: each proposal runs in a fork of the system as it
 * stands, a command tells how good the outcome is, and the best fork is the system from then on. Files, processes and
 * memory of the others are gone with them.
 *
 *     node attempt.mjs FOLDER        with `proposals.json`, and the files of the task in `files/`
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Sandbox, StratosError } from "stratos";

const [folder] = process.argv.slice(2);
/** In the place of a model: for each round, commands that may be good ideas. */
const {
  score: scoreCommand,
  best: bestScore,
  rounds,
} = JSON.parse(await readFile(join(folder, "proposals.json"), "utf8"));
const propose = (round, _soFar) => rounds[round] ?? [];
const WORK = { cwd: "/srv", timeoutMs: 60_000 };

let box = await Sandbox.create({ image: process.env.IMAGE ?? "debian", memoryBytes: 512 * 2 ** 20 });
for (const name of await readdir(join(folder, "files")))
  await box.fs.write(`/srv/${name}`, await readFile(join(folder, "files", name)));
await box.snapshot("begun");

let best = await scoreOf(box);
console.log(`begun: ${best}`);
const history = [];
for (let round = 0; best < bestScore; round++) {
  const commands = propose(round, history);
  if (commands.length === 0) break;
  const forks = await box.fork({ count: commands.length });
  const outcomes = await Promise.all(forks.map((fork, index) => attempt(fork, commands[index])));
  for (const { command, score } of outcomes) console.log(`round ${round + 1}: ${score} ${command}`);
  history.push(...outcomes);

  const winner = outcomes.reduce((one, other) => (other.score > one.score ? other : one));
  if (winner.score > best) {
    best = winner.score;
    forks.push(box);
    box = winner.fork;
  }
  await Promise.all(forks.filter((each) => each !== box).map((each) => each.close()));
}
console.log(`kept: ${best}`);
for (const { kind, path } of await box.fs.diff("begun")) console.log(`${kind} ${path}`);
await box.close();

/** A command that fails or takes too long is a bad idea, and no more than that. */
async function attempt(fork, command) {
  try {
    await fork.run(command, { ...WORK, check: true });
    return { fork, command, score: await scoreOf(fork) };
  } catch (error) {
    if (!(error instanceof StratosError && ["status", "limit"].includes(error.kind))) throw error;
    return { fork, command, score: -1 };
  }
}

async function scoreOf(each) {
  const { stdout } = await each.run(scoreCommand, { ...WORK, check: true });
  return Number(stdout);
}
