/** The options of `stratos why`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { parsePosition, parseProcess } from "../option-values.ts";
import type { WhyOptions } from "./why-command.ts";
import type { WantedByte } from "@stratos/session/provenance";
import { type Finish, jsonOption } from "./row-options.ts";

export function whyCommand(finish: Finish): Command {
  return new Command("why")
    .summary("tell where a byte of a recorded run came from")
    .description(
      "Goes back through a run that `run --record` recorded: which call wrote a byte, which instruction had stored " +
        "it before, from where, through pipes, sockets and files, up to what the run was given or what computed it.",
    )
    .usage("[OPTIONS] RECORDING [BYTE]")
    .argument("<recording>", "the recording")
    .argument(
      "[byte]",
      "/PATH[:OFFSET] of a file, output:OFFSET or line:N[:COLUMN] of what the run printed; offsets begin at 0, " +
        "lines and columns at 1",
      parseByte,
    )
    .addOption(new Option("--file <path[:offset]>", "the same as /PATH[:OFFSET]").argParser(parseFile))
    .addOption(new Option("--output <line[:column]>", "the same as line:N[:COLUMN]").argParser(parseLine))
    .addOption(
      new Option(
        "--stream <stream>",
        "with output or line: bytes and lines of this stream alone (default: both together)",
      ).choices(["stdout", "stderr"]),
    )
    .addOption(new Option("--address <address>", "a byte of memory instead, as 0x1234").argParser(parseAddress))
    .addOption(
      new Option("--pid <n>", "with --address: of this process (default: the recorded one)").argParser(parseProcess),
    )
    .addOption(
      new Option(
        "--at <position>",
        "with a file or --address: as it was there: N (instructions), event:N, line:N or end (the default)",
      ).argParser(parsePosition),
    )
    .addOption(jsonOption())
    .action(async (file: string, byte: WantedByte | undefined, options: WhyOptions) =>
      finish(await (await import("./why-command.ts")).why(file, byte, options)),
    );
}

function parseFile(text: string): WantedByte {
  const file = text.startsWith("/") ? parseByte(text) : null;
  if (file?.kind !== "file") throw new InvalidArgumentError("expected /PATH[:OFFSET]");
  return file;
}

function parseLine(text: string): WantedByte {
  const line = /^[1-9]\d{0,14}(:[1-9]\d{0,14})?$/.test(text) ? parseByte(`line:${text}`) : null;
  if (line === null)
    throw new InvalidArgumentError("expected a line, N[:COLUMN], both from 1; for bytes output:OFFSET");
  return line;
}

function parseByte(text: string): WantedByte {
  const output = /^output:(\d{1,15})$/.exec(text);
  if (output !== null) return { kind: "output", offset: Number(output[1]) };
  const line = /^line:([1-9]\d{0,14})(?::([1-9]\d{0,14}))?$/.exec(text);
  if (line !== null) return { kind: "line", line: Number(line[1]), column: Number(line[2] ?? 1) };
  const file = /^(\/.*?)(?::(\d{1,15}))?$/s.exec(text);
  if (file !== null) return { kind: "file", path: file[1]!, offset: Number(file[2] ?? 0) };
  throw new InvalidArgumentError("expected /PATH[:OFFSET], output:OFFSET or line:N[:COLUMN]");
}

function parseAddress(text: string): number {
  const address = /^0x[0-9a-f]{1,13}$|^\d{1,15}$/i.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(address)) throw new InvalidArgumentError("expected an address, as 0x1234");
  return address;
}
