/** The tools, each with what it takes, what it answers, and what a client may think of it. */
import type { CallToolResult, McpServer, ToolAnnotations } from "@modelcontextprotocol/server";
import { MEMORY_BYTES_MAX } from "@stratos/machine";
import { MACHINE_MEMORY_MIN } from "@stratos/session/limits";
import { z } from "zod";
import { boundedBody } from "./bounded-body.ts";
import type { Box, Boxes } from "./boxes.ts";
import { wrong } from "./boxes.ts";
import { answer, longAnswer, processAnswer, refusal } from "./tool-answer.ts";

/** A command that takes longer becomes a process to ask for, before clients give up. */
const WAIT_MS_DEFAULT = 8_000,
  WAIT_MS_MAX = 60_000;
const SEARCH_MS = 30_000;
const FORKS_MAX = 16;
const MEMORY_MB_MIN = MACHINE_MEMORY_MIN / 2 ** 20,
  MEMORY_MB_MAX = Math.floor(MEMORY_BYTES_MAX / 2 ** 20);
const READS: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };
const CHANGES: ToolAnnotations = { readOnlyHint: false, destructiveHint: true, openWorldHint: false };
const ADDS: ToolAnnotations = { readOnlyHint: false, destructiveHint: false, openWorldHint: false };

const sandbox = z.string().describe("The sandbox, as create named it");
const path = z.string().describe("Absolute path in the sandbox");
const wait_ms = z
  .number()
  .int()
  .min(0)
  .max(WAIT_MS_MAX)
  .optional()
  .describe(`How long to wait, in milliseconds; default: ${WAIT_MS_DEFAULT}`);

export function addTools(server: McpServer, boxes: Boxes): void {
  /** Failures are answers: the model may do something about them. */
  const tool = <Shape extends z.ZodRawShape>(
    name: string,
    { description, annotations, input }: { description: string; annotations: ToolAnnotations; input: Shape },
    act: (given: z.infer<z.ZodObject<Shape>>) => Promise<CallToolResult>,
  ): void => {
    const known = Object.keys(input);
    const inputSchema = z.strictObject(input, {
      error: ({ code, keys }) => (code === "unrecognized_keys" ? unknownArguments(keys as string[], known) : undefined),
    });
    server.registerTool(name, { description, annotations, inputSchema }, async (given) => {
      try {
        return await act(given as z.infer<z.ZodObject<Shape>>);
      } catch (error) {
        return refusal(error);
      }
    });
  };
  addSandboxTools(tool, boxes);
  addProgramTools(tool, boxes);
  addFileTools(tool, boxes);
  addPastTools(tool, boxes);
}

function unknownArguments(names: readonly string[], known: readonly string[]): string {
  const there = known.length === 0 ? "it takes none" : `there are ${known.join(", ")}`;
  return `${names.join(", ")}: no such argument; ${there}`;
}

type AddTool = <Shape extends z.ZodRawShape>(
  name: string,
  about: { description: string; annotations: ToolAnnotations; input: Shape },
  act: (given: z.infer<z.ZodObject<Shape>>) => Promise<CallToolResult>,
) => void;

function addSandboxTools(tool: AddTool, boxes: Boxes): void {
  tool(
    "create",
    {
      description:
        "Makes a sandbox: a Linux system of its own (Debian, riscv64) over a clone of an image. What changes in it " +
        "is gone when it is stopped.",
      annotations: ADDS,
      input: {
        image: z.string().optional().describe("Default: the server's"),
        memory_mb: z.number().int().min(MEMORY_MB_MIN).max(MEMORY_MB_MAX).optional(),
        env: z.record(z.string(), z.string()).optional().describe("Environment of all its programs"),
        cwd: z.string().optional().describe("Folder that its programs start in; default: /"),
      },
    },
    async ({ image, memory_mb, env, cwd }) => {
      const box = await boxes.create({
        ...(image === undefined ? {} : { image }),
        ...(memory_mb === undefined ? {} : { memoryBytes: memory_mb * 2 ** 20 }),
        ...(env === undefined ? {} : { env }),
        ...(cwd === undefined ? {} : { cwd }),
      });
      const network = boxes.hasNetwork ? "" : " It has no network: nothing outside it can be reached.";
      return answer(`Sandbox ${box.id} is ready.${network}`, { sandbox: box.id });
    },
  );
  tool(
    "list",
    { description: "Names the sandboxes, what they use, and their checkpoints.", annotations: READS, input: {} },
    async () => {
      const rows = await Promise.all(boxes.all.map(describeBox));
      const lines = rows.map(({ sandbox, state, memoryBytes, processes, checkpoints }) =>
        [sandbox, state, `${memoryBytes >> 20} MiB`, `${processes} processes`, checkpoints.join(",")].join("\t"),
      );
      return answer(lines.join("\n") || "There is no sandbox; create makes one.", { sandboxes: rows });
    },
  );
  tool(
    "stop",
    {
      description: "Ends a sandbox and all that is in it.",
      annotations: { ...CHANGES, idempotentHint: false },
      input: { sandbox },
    },
    async ({ sandbox: id }) => {
      await boxes.stop(id);
      return answer(`Sandbox ${id} is stopped.`);
    },
  );
}

interface BoxRow {
  readonly sandbox: string;
  readonly state: string;
  readonly memoryBytes: number;
  readonly processes: number;
  readonly checkpoints: readonly string[];
}

async function describeBox(box: Box): Promise<BoxRow> {
  const row = { sandbox: box.id, checkpoints: [...box.labels] };
  return box.sandbox.stats().then(
    ({ memory, processes }) => ({ ...row, state: "running", memoryBytes: memory.usedBytes, processes }),
    (error: Error) => ({ ...row, state: `gone: ${error.message}`, memoryBytes: 0, processes: 0 }),
  );
}

function addProgramTools(tool: AddTool, boxes: Boxes): void {
  tool(
    "run",
    {
      description:
        "Runs a shell line in a sandbox, both outputs together. A line that is not over after wait_ms goes on as a " +
        "process, which the tool process reads, writes and signals; so do servers.",
      annotations: CHANGES,
      input: {
        sandbox,
        command: z.string().min(1).describe("For sh -c"),
        stdin: z.string().optional().describe("What it reads, and then the end; absent: the input stays open"),
        cwd: z.string().optional(),
        env: z.record(z.string(), z.string()).optional(),
        user: z.string().optional().describe("USER[:GROUP]; default: root"),
        wait_ms,
        timeout_ms: z.number().int().min(1).optional().describe("Ends it, and all that it has started, after so long"),
      },
    },
    async ({ sandbox: id, command, stdin, cwd, env, user, wait_ms: waitMs = WAIT_MS_DEFAULT, timeout_ms }) => {
      const box = boxes.get(id);
      const options = {
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env }),
        ...(user === undefined ? {} : { user }),
      };
      const process = await box.start(command, options, timeout_ms);
      if (stdin !== undefined) {
        // It may read slowly, or not at all.
        void process.write(stdin);
        process.endInput();
      }
      await process.wait(waitMs);
      return processAnswer(box, process, 0);
    },
  );
  tool(
    "process",
    {
      description:
        "What goes on of run: list names all; read waits for more output than the cursor, or the end; write gives it " +
        "input; signal sends SIGTERM or another.",
      annotations: CHANGES,
      input: {
        sandbox,
        action: z.enum(["read", "write", "signal", "list"]),
        process: z.string().optional().describe("As run named it; all actions but list need it"),
        cursor: z.number().int().min(0).optional().describe("read: where the last answer ended; default: 0"),
        text: z.string().optional().describe("write: what it reads"),
        end: z.boolean().optional().describe("write: no more comes after this"),
        signal: z.string().optional().describe("signal: its name; default: SIGTERM"),
        wait_ms,
      },
    },
    async ({ sandbox: id, action, process: name, cursor = 0, text, end, signal = "SIGTERM", wait_ms: waitMs }) => {
      const box = boxes.get(id);
      if (action === "list") return listProcesses(box);
      if (name === undefined) throw wrong("process", "process: missing");
      const process = box.process(name);
      if (action === "signal") await process.kill(signal);
      if (action === "write") {
        if (text !== undefined) void process.write(text);
        if (end === true) process.endInput();
      }
      await process.wait(waitMs ?? (action === "read" ? WAIT_MS_DEFAULT : 200), cursor);
      return processAnswer(box, process, cursor);
    },
  );
  tool(
    "http",
    {
      description:
        "Asks a server that listens on a TCP port in a sandbox, by HTTP over the sandbox's own loopback. Nothing " +
        "else is reached.",
      annotations: CHANGES,
      input: {
        sandbox,
        port: z.number().int().min(1).max(65535),
        path: z.string().default("/").describe("With the query"),
        method: z.string().default("GET"),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.string().optional(),
        timeout_ms: z.number().int().min(1).max(WAIT_MS_MAX).default(WAIT_MS_DEFAULT),
      },
    },
    async ({ sandbox: id, port, path: target, method, headers, body, timeout_ms }) => {
      const box = boxes.get(id);
      const signal = AbortSignal.timeout(timeout_ms);
      const init = {
        method,
        signal,
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
      };
      try {
        const response = await box.sandbox.fetch(port, target, init);
        const { bytes: whole, isCut } = await boundedBody(response);
        const fields = Object.fromEntries(response.headers);
        const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
        const cut = isCut ? `(Of its content only the first ${whole.length} bytes were read.)\n` : "";
        const head = `${response.status} ${response.statusText}\n${lines.join("")}${cut}\n`;
        const text = new TextDecoder().decode(whole);
        return await longAnswer(box, { head, text, whole }, { status: response.status, headers: fields });
      } catch (error) {
        if (!signal.aborted) throw error;
        throw wrong("timeout_ms", `no answer within ${timeout_ms} ms`);
      }
    },
  );
}

async function listProcesses(box: Box): Promise<CallToolResult> {
  const started = box.processes.map(({ id, pid, command, isOver }) => ({ process: id, pid, command, isOver }));
  const all = await box.sandbox.processes();
  const lines = [
    ...started.map(
      ({ process, pid, command, isOver }) => `${process}\tpid ${pid}\t${isOver ? "over" : "runs"}\t${command}`,
    ),
    "",
    ...all.map(({ pid, parentPid, state, uid, name, command }) =>
      [pid, parentPid, state, uid, command.join(" ") || `[${name}]`].join("\t"),
    ),
  ];
  const whole = new TextEncoder().encode(lines.join("\n"));
  return longAnswer(box, { head: "", text: lines.join("\n"), whole }, { started });
}

/** Each byte as a character of its own. */
function bytesAsText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** @throws what is left out, or read as something else, otherwise */
function fromBase64(text: string): Uint8Array {
  const plain = text.replaceAll(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain) || plain.length % 4 !== 0) throw wrong("content", "is no base64");
  return Buffer.from(plain, "base64");
}

function addFileTools(tool: AddTool, boxes: Boxes): void {
  tool(
    "read",
    {
      description: "Reads a file of a sandbox: all of it, or lines of it. What is long is cut in the middle.",
      annotations: READS,
      input: {
        sandbox,
        path,
        start_line: z.number().int().min(1).optional(),
        end_line: z.number().int().min(1).optional().describe("The last one"),
        encoding: z.enum(["text", "base64"]).default("text"),
      },
    },
    async ({ sandbox: id, path: file, start_line = 1, end_line, encoding }) => {
      const box = boxes.get(id);
      const bytes = await box.read(file);
      if (encoding === "base64") {
        if (bytes.length > BASE64_MAX) throw wrong("path", `${file}: ${bytes.length} bytes are too many for an answer`);
        return answer(Buffer.from(bytes).toString("base64"), { sizeBytes: bytes.length });
      }
      const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
      const text = lines.slice(start_line - 1, end_line).join("\n");
      // What ends in a newline has no empty line after it, as wc counts.
      const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
      return longAnswer(box, { head: "", text, whole: new TextEncoder().encode(text) }, { lines: count });
    },
  );
  tool(
    "write",
    {
      description: "Makes a file of a sandbox, or replaces its content; folders on the way are made.",
      annotations: { ...CHANGES, idempotentHint: true },
      input: { sandbox, path, content: z.string(), encoding: z.enum(["text", "base64"]).default("text") },
    },
    async ({ sandbox: id, path: file, content, encoding }) => {
      const { fs } = boxes.get(id).sandbox;
      const folder = file.slice(0, file.lastIndexOf("/"));
      if (folder !== "") await fs.mkdir(folder, { parents: true });
      const bytes = encoding === "text" ? new TextEncoder().encode(content) : fromBase64(content);
      await fs.write(file, bytes);
      return answer(`${file}: ${bytes.length} bytes written.`);
    },
  );
  tool(
    "edit",
    {
      description:
        "Replaces a piece of text in a file of a sandbox, which must be there once, unless all are replaced.",
      annotations: CHANGES,
      input: {
        sandbox,
        path,
        old_text: z.string().min(1),
        new_text: z.string(),
        replace_all: z.boolean().default(false),
      },
    },
    async ({ sandbox: id, path: file, old_text, new_text, replace_all }) => {
      const box = boxes.get(id);
      // By bytes: what else the file holds need not be UTF-8, and stays as it is.
      const parts = bytesAsText(await box.read(file)).split(bytesAsText(Buffer.from(old_text)));
      const count = parts.length - 1;
      if (count === 0) throw wrong("old_text", `${file} does not hold it: read shows what it holds`);
      if (count > 1 && !replace_all)
        throw wrong("old_text", `${file} holds it ${count} times: give more of the text around it, or replace_all`);
      await box.sandbox.fs.write(file, Buffer.from(parts.join(bytesAsText(Buffer.from(new_text))), "latin1"));
      return answer(`${file}: ${count} replaced.`);
    },
  );
  tool(
    "list_dir",
    { description: "Lists a folder of a sandbox.", annotations: READS, input: { sandbox, path } },
    async ({ sandbox: id, path: folder }) => {
      const box = boxes.get(id);
      const entries = (await box.sandbox.fs.list(folder)).sort((a, b) => (a.name < b.name ? -1 : 1));
      const text = entries.map(({ name, kind }) => (kind === "folder" ? `${name}/` : name)).join("\n");
      return longAnswer(box, { head: "", text, whole: new TextEncoder().encode(text) }, { count: entries.length });
    },
  );
  tool(
    "search",
    {
      description: "Looks for a regular expression in the files below a folder of a sandbox, as grep -rnE does.",
      annotations: READS,
      input: {
        sandbox,
        path,
        pattern: z.string().min(1),
        glob: z.string().optional().describe("Of the files' names, such as *.py"),
      },
    },
    async ({ sandbox: id, path: folder, pattern, glob }) => {
      const box = boxes.get(id);
      await box.sandbox.fs.stat(folder);
      const names = glob === undefined ? [] : [`--include=${glob}`];
      const words = ["grep", "-rnIE", ...names, "-e", pattern, "--", folder];
      const { stdout, stdoutBytes, stderr, exitCode } = await box.sandbox.run(words, { timeoutMs: SEARCH_MS });
      // Of a pattern it tells nothing else; of files, those that it could not read.
      const [problem = ""] = stderr.split("\n");
      if (exitCode > 1 && stdout === "" && !problem.startsWith("grep: /")) throw wrong("pattern", problem);
      const found = stdout !== "";
      const head = [
        ...(found ? [] : ["Nothing is found."]),
        ...(exitCode > 1 ? [`Not all could be read: ${problem}`] : []),
      ];
      return longAnswer(box, { head: head.join("\n"), text: stdout, whole: stdoutBytes }, { found });
    },
  );
}

/** In an answer, four characters for three bytes. */
const BASE64_MAX = 48_000;

function addPastTools(tool: AddTool, boxes: Boxes): void {
  const label = z.string().describe("1 to 64 letters, digits, dots, dashes");
  tool(
    "fork",
    {
      description:
        "Makes copies of a running sandbox, programs and files, to try several ways at once. Each goes on by itself.",
      annotations: ADDS,
      input: { sandbox, count: z.number().int().min(1).max(FORKS_MAX).default(1) },
    },
    async ({ sandbox: id, count }) => {
      const ids = (await boxes.fork(id, count)).map((box) => box.id);
      return answer(`Copies of ${id}: ${ids.join(", ")}.`, { sandboxes: ids });
    },
  );
  tool(
    "checkpoint",
    {
      description: "Remembers a sandbox, programs and files, under a label that rollback and diff know.",
      annotations: { ...ADDS, idempotentHint: true },
      input: { sandbox, label },
    },
    async ({ sandbox: id, label: name }) => {
      const box = boxes.get(id);
      await box.sandbox.snapshot(name);
      box.labels.add(name);
      return answer(`Sandbox ${id} can go back to ${name}.`);
    },
  );
  tool(
    "rollback",
    {
      description: "Takes a sandbox back to a checkpoint. What has been done since is gone, and processes of run end.",
      annotations: CHANGES,
      input: { sandbox, label },
    },
    async ({ sandbox: id, label: name }) => {
      await boxes.get(id).sandbox.rollback(name);
      return answer(`Sandbox ${id} is as it was at ${name}.`);
    },
  );
  tool(
    "diff",
    {
      description: "Tells which files of a sandbox differ from its image, or from a checkpoint.",
      annotations: READS,
      input: { sandbox, label: label.optional() },
    },
    async ({ sandbox: id, label: name }) => {
      const box = boxes.get(id);
      const changes = await box.sandbox.fs.diff(name);
      const text = changes
        .map(({ kind, path, from }) => `${kind}\t${from === null ? "" : `${from} → `}${path}`)
        .join("\n");
      const head = changes.length === 0 ? "Nothing has changed." : "";
      return longAnswer(box, { head, text, whole: new TextEncoder().encode(text) }, { count: changes.length });
    },
  );
}
