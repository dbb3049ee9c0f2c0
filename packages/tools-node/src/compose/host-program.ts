/**
 * Runs a program of the host for a compose: as the user's own, in a process group of its own, so that what it has
 * started ends with it when its time is over or the compose is stopped.
 */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ScriptError, type HostProgram } from "@stratos/compose";
import { endOfProcess, findProgram } from "@stratos/host-node/home";

const LAST_LINES = 20;
const LINE_LENGTH_MAX = 500;
/** A program's output that holds no line's end is cut at this length. */
const REST_MAX = 1 << 20;
/** What of the user's environment programs get. */
const KEPT = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME"] as const;

/**
 * @param folders  of the compose
 * @throws ScriptError  it is not there, has not ended in time, or has failed: with its last words
 */
export async function runHostProgram(
  { command, directory, environment, timeoutSeconds, signal, onLine }: HostProgram,
  folders: { readonly treefile: string; readonly output: string },
): Promise<void> {
  signal.throwIfAborted();
  const [name, ...words] = command as [string, ...string[]],
    folder = resolve(dirname(folders.treefile), directory);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new ScriptError(`${name}: its folder ${directory} is not there`);
  const program = name.includes("/") ? resolve(folder, name) : findProgram(name, process.env["PATH"] ?? "");
  if (program === undefined || statSync(program, { throwIfNoEntry: false })?.isFile() !== true)
    throw new ScriptError(`${name}: there is no such program ${name.includes("/") ? `in ${folder}` : "in PATH"}`);
  const own = KEPT.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]!] as const]));
  const child = spawn(program, words, {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...Object.fromEntries(own),
      STRATOS_TREEFILE: resolve(folders.treefile),
      STRATOS_OUTPUT: resolve(folders.output),
      ...environment,
    },
  });
  const last: string[] = [];
  let isLate = false;
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of them have ended.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutSeconds * 1000);
  signal.addEventListener("abort", kill, { once: true });
  try {
    for (const stream of [child.stdout!, child.stderr!])
      eachLine(stream, (line) => {
        last.push(line);
        if (last.length > LAST_LINES) last.shift();
        onLine(line);
      });
    // All of its output has come, and of what it has left behind: that ends with its time, if not before.
    const status = await endOfProcess(child).catch(({ code, message }: NodeJS.ErrnoException) => {
      const why = code === "EACCES" ? "it is not executable" : (code ?? message);
      throw new ScriptError(`${name}: cannot be run: ${why}`);
    });
    signal.throwIfAborted();
    const told = last.map((line) => `\n  ${line.slice(0, LINE_LENGTH_MAX)}`).join("");
    if (isLate) throw new ScriptError(`${name}: has not ended within ${timeoutSeconds} seconds${told}`);
    if (status !== 0) throw new ScriptError(`${name}: ended with status ${status}${told}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    kill();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (piece: Buffer) => {
    const parts = (rest + piece.toString("utf8")).split("\n");
    rest = parts.pop()!;
    for (const line of parts) onLine(line);
    if (rest.length > REST_MAX) {
      onLine(rest);
      rest = "";
    }
  });
  stream.on("error", () => {});
}
