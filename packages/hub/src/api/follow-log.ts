/**
 * A task's log as server-sent events. Their ids are RUN-OFFSET: whoever was cut off goes on there, with the rest of
 * that run first and then with those that came after it.
 *
 * An event holds whole characters: an offset within one would have its second half read as garbage by who comes back.
 */
import { HubError } from "../store/hub-error.ts";
import { nextRun, readLog } from "../store/logs.ts";
import { isOpen } from "../store/task-states.ts";
import { findTask } from "../store/tasks.ts";
import { eventStream, type Listener, type StreamedEvent } from "./event-stream.ts";
import type { ApiRequest } from "./route.ts";

/** Begins with the last attempt. @throws HubError 400, 404 */
export async function followLog(request: Listener & Pick<ApiRequest, "headers" | "parameters">): Promise<Response> {
  const { hub } = request;
  const id = Number(request.parameters["task"]);
  const given = /^(\d{1,15})-(\d{1,15})$/.exec(request.headers.get("last-event-id") ?? "0-0");
  if (given === null) throw new HubError(400, "bad-cursor", "Last-Event-ID: no place in a log");
  await findTask(hub.database, id);
  let run = Number(given[1]);
  let start = Number(given[2]);
  // One that is gone, or another task's.
  if (run !== 0 && (await readLog(hub.database, { task: id, run, start })) === null) run = 0;
  if (run === 0) start = 0;
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  const more = async (): Promise<{ events: StreamedEvent[]; end: boolean }> => {
    // Before its log, so that the end of an ended task's log is the end.
    const { state } = await findTask(hub.database, id);
    const part = await readLog(hub.database, { task: id, start, ...(run === 0 ? {} : { run }) });
    if (part !== null) {
      run = part.run;
      const content = part.isEnd ? part.content : part.content.subarray(0, wholeCharacters(part.content));
      if (content.length > 0) {
        start += content.length;
        return {
          events: [{ id: `${run}-${start}`, event: "log", data: { run, text: text.decode(content) } }],
          end: false,
        };
      }
      const next = part.isEnd ? await nextRun(hub.database, id, run) : null;
      if (next !== null) {
        run = next;
        start = 0;
        return more();
      }
    }
    const isOver = !isOpen(state) && (part === null || part.isEnd);
    return { events: isOver ? [{ id: `${run}-${start}`, event: "end", data: { state } }] : [], end: isOver };
  };
  return eventStream(request, more);
}

/** How many of the bytes are no beginning of a character whose rest has not come (RFC 3629 §3). */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
