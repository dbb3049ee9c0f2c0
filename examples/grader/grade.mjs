/**
 * Grades programs that nobody trusts: each case of each submission runs in a fork of one prepared system, without a
 * network, as a user without rights, within limits. A submission sees its input and nothing else: neither what is
 * expected, nor what others have left.
 *
 *     node grade.mjs TASK.json SUBMISSION.py…
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { LimitError, Sandbox } from "stratos";

const [taskPath, ...paths] = process.argv.slice(2);
const task = JSON.parse(await readFile(taskPath, "utf8"));

const prepared = await Sandbox.create({
  image: process.env.IMAGE ?? "debian",
  memoryBytes: 512 * 2 ** 20,
  limits: { processes: 32, diskBytes: 64 * 2 ** 20, outputBytes: 64 * 1024 },
});
// Once for all: python3 and what it reads at its start are in memory then.
await prepared.run("python3 -c pass");

for (const path of paths) {
  const source = await readFile(path);
  const verdicts = [];
  for (const each of task.cases) verdicts.push(await judge(source, each));
  const passed = verdicts.filter((verdict) => verdict === "passed").length;
  console.log(`${basename(path)}: ${passed}/${verdicts.length} ${verdicts.join(", ")}`);
}
await prepared.close();

/** @returns `passed`, or what is wrong */
async function judge(source, { stdin, stdout }) {
  const [fork] = await prepared.fork();
  try {
    await fork.fs.write("/srv/submission.py", source);
    const { exitCode, ...said } = await fork.run(["python3", "-I", "/srv/submission.py"], {
      stdin,
      user: "nobody",
      timeoutMs: task.timeoutMs,
    });
    if (exitCode !== 0) return `status ${exitCode}`;
    return said.stdout.trim() === stdout.trim() ? "passed" : "wrong";
  } catch (error) {
    // Which limit it has reached. What is no fault of the submission's is nobody's verdict.
    if (error instanceof LimitError) return error.which;
    throw error;
  } finally {
    await fork.close();
  }
}
