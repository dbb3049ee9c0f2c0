/** What a tool answers: words for a model, the same as data, and a link to what was too long. */
import type { CallToolResult } from "@modelcontextprotocol/server";
import { LimitError, StratosError } from "@stratos/sdk/api";
import { boundedText } from "./bounded-text.ts";
import type { Box } from "./boxes.ts";
import type { BoxProcess } from "./box-process.ts";

export function answer(text: string, data?: Record<string, unknown>): CallToolResult {
  return { content: [{ type: "text", text }], ...(data === undefined ? {} : { structuredContent: data }) };
}

/** Long text: its two ends, and a file of the sandbox with the whole, when it takes one. */
export async function longAnswer(
  box: Box,
  { head, text, whole }: { readonly head: string; readonly text: string; readonly whole: Uint8Array },
  data: Record<string, unknown>,
): Promise<CallToolResult> {
  const bounded = boundedText(text);
  if (!bounded.isCut) return answer(`${head}${bounded.text}`, { ...data, output: bounded.text });
  let path: string;
  try {
    path = await box.keep(whole);
  } catch (error) {
    if (!(error instanceof StratosError)) throw error;
    const note = `\n(The whole could not be kept in the sandbox: ${error.message})`;
    return answer(`${head}${bounded.text}${note}`, { ...data, output: bounded.text });
  }
  const uri = resourceOf(box.id, path);
  return {
    content: [
      { type: "text", text: `${head}${bounded.text}\n(The whole is in ${path} of sandbox ${box.id}.)` },
      { type: "resource_link", uri, name: path, mimeType: "text/plain", size: whole.length },
    ],
    structuredContent: { ...data, output: bounded.text, file: path },
  };
}

/** A process as it is: its output from a position on, and whether it has ended. */
export async function processAnswer(box: Box, process: BoxProcess, from: number): Promise<CallToolResult> {
  const { end, failure, id, pid } = process;
  const output = process.output(from);
  const whole = process.bytes().subarray(from);
  const dropped =
    process.droppedBytes > 0 ? `(Of its output ${process.droppedBytes} bytes came too late to be kept.)\n` : "";
  if (failure !== null) return refusal(failure);
  const denied = box.takeDenials();
  const told = denied.length === 0 ? "" : `Denied by this server's rules:\n${denied.join("\n")}\n${DENIED_ADVICE}\n`;
  const data = { process: id, cursor: process.length, ...(denied.length === 0 ? {} : { denied }) };
  if (end === null) {
    const head = `Still running as process ${id} (pid ${pid}); cursor ${process.length}.\n${told}${dropped}`;
    return longAnswer(box, { head, text: output, whole }, { ...data, running: true });
  }
  const how = end.limit === null ? "" : ` (ended by its limit: ${end.limit})`;
  const by = end.signal === null ? "" : `, ${end.signal}`;
  const head = `Exit status ${end.exitCode}${by}${how}.\n${told}${dropped}`;
  return longAnswer(box, { head, text: output, whole }, { ...data, running: false, ...end });
}

function resourceOf(box: string, path: string): string {
  return `stratos://${box}${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** A failure that the model can do something about. */
export function refusal(error: unknown): CallToolResult {
  if (!(error instanceof StratosError)) throw error;
  const advice = ADVICE[error.kind];
  const partial =
    error instanceof LimitError && error.partial !== null ? `\n${boundedText(error.partial.stdout).text}` : "";
  const text = `${error.kind}: ${error.message}${partial}${advice === undefined ? "" : `\n${advice}`}`;
  const { result: _, partial: __, log: ___, ...data } = error.data as Record<string, unknown>;
  return { content: [{ type: "text", text }], structuredContent: { error: error.kind, ...data }, isError: true };
}

const DENIED_ADVICE = "Use what is allowed or what the sandbox has; who started the server can allow more (--allow).";

/** What to do instead. */
const ADVICE: Readonly<Record<string, string>> = {
  "no-image": "Call create with another image; `stratos image ls` shows which there are.",
  closed: "The sandbox, or the process, is gone: create another one.",
  engine: "The sandbox is gone: create another one.",
  port: "Nobody listens there: start the server with run, and wait until it listens.",
  snapshot: "checkpoint makes one; list names those that there are.",
  state: "End the process that is named, or let it close what it holds.",
  limit: "Stop what runs, or take a larger limit.",
};
